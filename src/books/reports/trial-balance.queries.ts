import { sql, type Kysely } from 'kysely';
import { accountsAsOf, type AccountRow } from '../accounts/account.table';
import { formatMoney } from '../accounts/account.view';
import type { AccountType } from '../accounts/account.events';

/** One account: its net balance stands on the side on which it is, `"0.00"` on the other. */
export interface TrialBalanceRow {
  accountId: string;
  name: string;
  type: AccountType;
  debit: string;
  credit: string;
}

export interface CurrencyBalance {
  currency: string;
  rows: TrialBalanceRow[];
  totalDebit: string;
  totalCredit: string;
}

type Totals = Pick<AccountRow, 'account_id' | 'name' | 'type' | 'currency' | 'debits' | 'credits'>;

/**
 * Every account's net balance by currency, accounts in the order in which they were opened.
 * @param asOf counts what is effective until then (included); undefined: everything
 * @param position counts what was posted until then; undefined: everything
 */
export async function readTrialBalance(
  db: Kysely<unknown>,
  asOf: string | undefined,
  position: number | undefined,
): Promise<CurrencyBalance[]> {
  const { rows } =
    asOf === undefined
      ? await sql<Totals>`
          select a.account_id, a.name, a.type, a.currency, a.debits, a.credits
          from (${sql.raw(accountsAsOf(position))}) a
          order by a.currency, a.account_no`.execute(db)
      : await totalsUntil(db, asOf, position ?? Number.MAX_SAFE_INTEGER).execute(db);
  const byCurrency = Map.groupBy(rows, (row) => row.currency);
  return [...byCurrency].map(([currency, accounts]) => currencyBalance(currency, accounts));
}

/** Totals after an entry are in the order of the log, so a date needs the sum of the entries. */
function totalsUntil(db: Kysely<unknown>, asOf: string, position: number) {
  return sql<Totals>`
    select a.account_id, a.name, a.type, a.currency,
      coalesce(e.debits, 0) as debits, coalesce(e.credits, 0) as credits
    from accounts a
    left join (
      select account_no,
        sum(amount) filter (where direction = 'debit') as debits,
        sum(amount) filter (where direction = 'credit') as credits
      from entries
      where effective_date <= ${asOf} and position <= ${position}
      group by account_no
    ) e on e.account_no = a.account_no
    where a.account_no <= ${position}
    order by a.currency, a.account_no`;
}

function currencyBalance(currency: string, accounts: readonly Totals[]): CurrencyBalance {
  const money = (minor: bigint) => formatMoney(minor, currency);
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
