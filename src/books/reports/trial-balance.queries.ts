import type { Kysely } from 'kysely';
import type { StateDatabase } from '../../engine/define/state-table';
import { formatAmount } from '../../money/amount';
import { dayBefore } from '../../money/calendar-date';
import {
  readReportedAccounts,
  type ReportedAccount,
  type ReportedOf,
} from './reported-accounts.queries';
import type { CurrencyBalanceDto } from './trial-balance.dto';

/** Which accounts, and of which days. */
export interface TrialBalanceOf extends ReportedOf {
  /** With it the sums of what was posted from this day on, both sides of each account. */
  readonly from?: string | undefined;
}

/**
 * Every account's net balance by currency, or what moved on each of its sides, accounts in the
 * order in which they were opened.
 */
export async function readTrialBalance(
  db: Kysely<StateDatabase>,
  { from, ...of }: TrialBalanceOf,
): Promise<CurrencyBalanceDto[]> {
  const accounts = await readReportedAccounts(db, of);
  const before = from === undefined ? undefined : dayBefore(from);
  const earlier =
    before === undefined ? [] : await readReportedAccounts(db, { ...of, asOf: before });
  const moved = sumsSince(accounts, earlier);
  const byCurrency = Map.groupBy(moved, (row) => row.currency);
  const sides = from === undefined ? netOf : grossOf;
  return [...byCurrency].map(([currency, rows]) => currencyBalance(currency, rows, sides));
}

/** Accounts with what was posted to them since earlier sums. */
export function sumsSince(
  accounts: readonly ReportedAccount[],
  earlier: readonly ReportedAccount[],
): ReportedAccount[] {
  const before = new Map(earlier.map((account) => [account.account_no, account]));
  return accounts.map((account) => ({
    ...account,
    debits: account.debits - (before.get(account.account_no)?.debits ?? 0n),
    credits: account.credits - (before.get(account.account_no)?.credits ?? 0n),
  }));
}

type Sides = (account: ReportedAccount) => readonly [debit: bigint, credit: bigint];

const netOf: Sides = ({ debits, credits }) => {
  const net = debits - credits;
  return net > 0n ? [net, 0n] : [0n, -net];
};
const grossOf: Sides = ({ debits, credits }) => [debits, credits];

function currencyBalance(
  currency: string,
  accounts: readonly ReportedAccount[],
  sides: Sides,
): CurrencyBalanceDto {
  const { digits } = accounts[0]!;
  const money = (minor: bigint) => formatAmount(minor, digits);
  let totalDebit = 0n;
  let totalCredit = 0n;
  const rows = accounts.map((account) => {
    const [debit, credit] = sides(account);
    totalDebit += debit;
    totalCredit += credit;
    return {
      accountId: account.account_id,
      clientId: account.client_id,
      name: account.name,
      group: account.account_group,
      type: account.type,
      debit: money(debit),
      credit: money(credit),
    };
  });
  return { currency, rows, totalDebit: money(totalDebit), totalCredit: money(totalCredit) };
}
