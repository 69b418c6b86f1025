import type { Kysely } from 'kysely';
import type { StateDatabase } from '../../engine/define/state-table';
import { formatAmount } from '../../money/amount';
import { readAccount } from '../accounts/account.queries';
import type { ShownAccountRow } from '../accounts/account.table';
import { balanceOf } from '../accounts/account.view';
import type { StatementEntryDto } from './statement.dto';
import {
  listStatement,
  readCounterAccounts,
  sumsBefore,
  sumsBeforeEntry,
  sumsOn,
  type CounterAccount,
  type StatementPlace,
  type StatementRow,
  type Sums,
} from './statement.queries';

/** The last day that a date can be. */
const LAST_DAY = '9999-12-31';

/** Which part of whose statement. */
export interface StatementPart {
  /** An id or `client:<clientId>`. */
  readonly reference: string;
  /** Effective dates, both included. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** What was known after this event; undefined: everything. */
  readonly position: number | undefined;
  /** Behind which entry it goes on. */
  readonly after: StatementPlace | undefined;
  readonly limit: number;
}

/** Some entries of a statement, with their balances. */
export interface StatementEntries {
  readonly account: ShownAccountRow;
  readonly entries: readonly StatementEntryDto[];
  /** The place of the last of them, where more follow. */
  readonly next: StatementPlace | undefined;
}

/** What a statement says of all its days, in minor units. */
export interface StatementSums {
  readonly opening: Sums;
  readonly closing: Sums;
}

/** The next entries of a statement; undefined: there is no such account. */
export async function readStatementEntries(
  db: Kysely<StateDatabase>,
  { reference, after, limit, ...filter }: StatementPart,
): Promise<StatementEntries | undefined> {
  const account = await readAccount(db, reference, filter.position);
  if (!account) return undefined;
  const of = { ...filter, accountNo: account.account_no };
  const page = await listStatement(db, of, after, limit);
  const [first] = page.rows;
  if (!first) return { account, entries: [], next: undefined };
  const before = await sumsBeforeEntry(db, first, filter.position);
  const { of: counter, complete } = await readCounterAccounts(db, of, page.rows);
  const rows = page.rows.slice(0, complete);
  const hasMore = page.hasMore || rows.length < page.rows.length;
  const next = hasMore ? placeOf(rows.at(-1)!) : undefined;
  return { account, entries: entriesOf(account, rows, before, counter), next };
}

/** The sums at both ends of a statement, whatever its pages. */
export async function readStatementSums(
  db: Kysely<StateDatabase>,
  { account_no: accountNo }: Pick<ShownAccountRow, 'account_no'>,
  { from, to, position }: Pick<StatementPart, 'from' | 'to' | 'position'>,
): Promise<StatementSums> {
  const of = { accountNo, position };
  return {
    opening: await sumsBefore(db, of, from),
    closing: await sumsOn(db, of, to ?? LAST_DAY),
  };
}

function placeOf(row: StatementRow): StatementPlace {
  const { effective_date: date, position, ordinal } = row;
  return { date, position, ordinal, isLate: row.is_late };
}

function entriesOf(
  { type, digits }: ShownAccountRow,
  rows: readonly StatementRow[],
  before: Sums,
  counter: ReadonlyMap<number, readonly CounterAccount[]>,
): StatementEntryDto[] {
  let { debits, credits } = before;
  return rows.map((row) => {
    if (row.direction === 'debit') debits += row.amount;
    else credits += row.amount;
    return {
      effectiveDate: row.effective_date,
      recordedAt: row.recorded_at,
      position: row.position,
      transactionId: row.transaction_id,
      clientId: row.client_id,
      description: row.description,
      direction: row.direction,
      amount: formatAmount(row.amount, digits),
      balance: formatAmount(balanceOf(type, debits, credits), digits),
      counterAccounts: (counter.get(row.position) ?? []).map((other) => ({
        accountId: other.account_id,
        clientId: other.client_id,
        name: other.name,
      })),
      metadata: row.metadata,
    };
  });
}
