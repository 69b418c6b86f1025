import { sql, type Kysely } from 'kysely';
import {
  accountFactsAsOf,
  accountsAsOf,
  type AccountRow,
  type AccountTables,
} from '../accounts/account.table';
import { formatAmount } from '../../money/amount';
import type { CurrencyBalanceDto } from './trial-balance.dto';

type Totals = Pick<AccountRow, 'account_id' | 'name' | 'type' | 'currency' | 'digits'> &
  Pick<AccountRow, 'debits' | 'credits'>;

/**
 * Every account's net balance by currency, accounts in the order in which they were opened.
 * @param asOf counts what is effective until then (included); undefined: everything
 * @param position counts what was posted until then; undefined: everything
 */
export async function readTrialBalance(
  db: Kysely<AccountTables>,
  asOf: string | undefined,
  position: number | undefined,
): Promise<CurrencyBalanceDto[]> {
  const rows =
    asOf === undefined ? await totals(db, position) : await totalsUntil(db, asOf, position);
  const byCurrency = Map.groupBy(rows, (row) => row.currency);
  return [...byCurrency].map(([currency, accounts]) => currencyBalance(currency, accounts));
}

function totals(db: Kysely<AccountTables>, position: number | undefined): Promise<Totals[]> {
  return db
    .selectFrom(accountsAsOf(asValue(position)).as('a'))
    .select(['a.account_id', 'a.name', 'a.type', 'a.currency', 'a.digits'])
    .select(['a.debits', 'a.credits'])
    .orderBy('a.currency')
    .orderBy('a.account_no')
    .execute();
}

/** Totals after an entry are in the order of the log, so a date needs the sum of the entries. */
function totalsUntil(
  db: Kysely<AccountTables>,
  asOf: string,
  position: number | undefined,
): Promise<Totals[]> {
  const sums = db
    .selectFrom('entries')
    .select('account_no')
    .select((eb) => {
      const amount = eb.fn.sum<bigint | null>('amount');
      return [
        amount.filterWhere('direction', '=', 'debit').as('debits'),
        amount.filterWhere('direction', '=', 'credit').as('credits'),
      ];
    })
    .where('effective_date', '<=', asOf)
    .where('position', '<=', position ?? Number.MAX_SAFE_INTEGER)
    .groupBy('account_no');
  return db
    .selectFrom(accountFactsAsOf(asValue(position)).as('a'))
    .leftJoin(sums.as('e'), 'e.account_no', 'a.account_no')
    .select(['a.account_id', 'a.name', 'a.type', 'a.currency', 'a.digits'])
    .select((eb) => [
      eb.fn.coalesce('e.debits', eb.val(0n)).as('debits'),
      eb.fn.coalesce('e.credits', eb.val(0n)).as('credits'),
    ])
    .orderBy('a.currency')
    .orderBy('a.account_no')
    .execute();
}

function currencyBalance(currency: string, accounts: readonly Totals[]): CurrencyBalanceDto {
  const { digits } = accounts[0]!;
  const money = (minor: bigint) => formatAmount(minor, digits);
  let totalDebit = 0n;
  let totalCredit = 0n;
  const rows = accounts.map(({ account_id, name, type, debits, credits }) => {
    const net = debits - credits;
    const [debit, credit] = net > 0n ? [net, 0n] : [0n, -net];
    totalDebit += debit;
    totalCredit += credit;
    return { accountId: account_id, name, type, debit: money(debit), credit: money(credit) };
  });
  return { currency, rows, totalDebit: money(totalDebit), totalCredit: money(totalCredit) };
}

function asValue(position: number | undefined) {
  return position === undefined ? undefined : sql.val(position);
}
