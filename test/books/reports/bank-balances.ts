import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { checkFile } from '../../../src/books/import/csv-rows';
import { importFile } from '../../../src/books/import/import-file';
import { importPlan } from '../../../src/books/import/import-plan';
import type { StatementDto, StatementEntryDto } from '../../../src/books/reports/statement.dto';
import { startTestService, type TestService } from '../../harness/service';

const OPTIONS = {
  ...{ currency: 'CZK', createAccounts: true, counter: 'cash:asset' },
  against: [
    'interest_credited=interest-expense:expense',
    'statement_fee=fee-income:income',
    'penalty_interest=interest-income:income',
  ],
};
/** Kinds whose amounts the bank rounds to a tenth, while it goes on with what they really are. */
const ROUNDED = ['interest_credited', 'penalty_interest'];
/** What rounding a number to a tenth changes at most, in hundredths. */
const HALF_TENTH = 5n;

interface BankRow {
  readonly date: string;
  readonly account_id: string;
  readonly kind: string;
  readonly amount: string;
  readonly bank_balance_after: string;
}

/** How many days of accounts there were, and in how many the bank's order is the file's. */
export interface Agreement {
  readonly accounts: number;
  readonly days: number;
  readonly inFileOrder: number;
}

function minor(text: string): bigint {
  return BigInt(text.replace('.', ''));
}

function distance(a: bigint, b: bigint): bigint {
  return a > b ? a - b : b - a;
}

/** The rows of a day in the order in which the bank booked them, as its balances tell. */
function bankOrder(rows: readonly BankRow[], before: bigint): BankRow[] | undefined {
  if (rows.length === 0) return [];
  for (const [i, row] of rows.entries()) {
    const after = minor(row.bank_balance_after);
    // Three rounded numbers, in tenths: so one tenth is what they can be apart.
    if (distance(after, before + minor(row.amount)) > 2n * HALF_TENTH) continue;
    const rest = bankOrder(rows.toSpliced(i, 1), after);
    if (rest) return [row, ...rest];
  }
  return undefined;
}

/**
 * Compares an account's statement with what the bank wrote into the file. The bank rounds interest
 * and its balances to a tenth for the file and computes with what they really are. So the balances
 * may be apart by half a tenth for each interest so far, and half a tenth for the balance itself.
 * Where the file has the rows of a day in the bank's own order, each balance agrees; where it has
 * them in another order, the day's last one does.
 * @returns days, and those of them whose every balance was compared
 * @throws where they disagree
 */
export function compareWithBank(
  rows: readonly BankRow[],
  entries: readonly StatementEntryDto[],
): Omit<Agreement, 'accounts'> {
  expect(entries.map(shown)).toEqual(rows.map(({ date, amount }) => [date, amount]));
  const byDay = Map.groupBy(
    rows.map((row, i) => ({ row, balance: minor(entries[i]!.balance) })),
    ({ row }) => row.date,
  );
  let [before, rounded, inFileOrder] = [0n, 0n, 0];
  for (const [date, day] of byDay) {
    const own = day.map(({ row }) => row);
    const order = bankOrder(own, before);
    if (!order) throw new Error(`No order of the rows of ${date} leads to the bank's balances`);
    const isInOrder = order.every((row, i) => row === own[i]);
    if (isInOrder) inFileOrder++;
    const agrees = (balance: bigint, bank: bigint) => {
      const apart = distance(balance, bank);
      const most = HALF_TENTH * (rounded + 1n);
      if (apart > most) throw new Error(`On ${date} the balance is ${balance}, the bank's ${bank}`);
    };
    for (const { row, balance } of day) {
      if (ROUNDED.includes(row.kind)) rounded++;
      if (isInOrder) agrees(balance, minor(row.bank_balance_after));
    }
    before = minor(order.at(-1)!.bank_balance_after);
    agrees(day.at(-1)!.balance, before);
  }
  return { days: byDay.size, inFileOrder };
}

/** Date and signed amount: customers' accounts are liabilities, which credits raise. */
function shown({ effectiveDate, direction, amount }: StatementEntryDto): [string, string] {
  return [effectiveDate, direction === 'credit' ? amount : `-${amount}`];
}

async function statementOf({ api }: TestService, id: string): Promise<StatementEntryDto[]> {
  const entries: StatementEntryDto[] = [];
  for (let query = 'limit=200'; ;) {
    const { status, body } = await api.get<StatementDto & Record<string, unknown>>(
      `/v1/accounts/client:${id}/statement?${query}`,
    );
    expect(status).toBe(200);
    entries.push(...body.entries);
    if (body.nextCursor === null) return entries;
    query = `limit=200&cursor=${body.nextCursor}`;
  }
}

/** Imports a bank's file, and compares the statement of every account with it. */
export async function expectBankBalances(file: string): Promise<Agreement> {
  const rows = parse<BankRow>(readFileSync(file), { columns: true });
  const service = await startTestService();
  const checked = await checkFile(file, importPlan(OPTIONS));
  const { posted } = await importFile({ checked, open: service.open });
  expect(posted).toBe(rows.length);
  const byAccount = Map.groupBy(rows, ({ account_id: id }) => id);
  let [days, inFileOrder] = [0, 0];
  for (const [id, of] of byAccount) {
    const found = compareWithBank(of, await statementOf(service, `import:${id}`));
    days += found.days;
    inFileOrder += found.inFileOrder;
  }
  return { accounts: byAccount.size, days, inFileOrder };
}
