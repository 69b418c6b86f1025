import type { Kysely } from 'kysely';
import type { StateDatabase } from '../../engine/define/state-table';
import { formatAmount } from '../../money/amount';
import { dayBefore } from '../../money/calendar-date';
import type { IncomeCurrencyDto } from './financial-report.dto';
import { readClosingSums, readReportedAccounts } from './reported-accounts.queries';
import { paired, sectionOf, totalsOf, type SectionAccount } from './sections';
import { sumsSince } from './trial-balance.queries';

/** Which days of which books. */
export interface IncomeStatementOf {
  /** Effective dates, both included; undefined: from the first one, to the last. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** The last event that counts; undefined: all do. */
  readonly position: number | undefined;
}

/**
 * What was earned and spent on some days, by currency. What closes periods carried to equity is no
 * part of it, else a closed year would have earned nothing.
 */
export async function readIncomeStatement(
  db: Kysely<StateDatabase>,
  { from, to, position }: IncomeStatementOf,
): Promise<IncomeCurrencyDto[]> {
  const types = ['income', 'expense'] as const;
  const until = await readReportedAccounts(db, { asOf: to, position, types });
  const before = from === undefined ? undefined : dayBefore(from);
  const earlier =
    before === undefined ? [] : await readReportedAccounts(db, { asOf: before, position, types });
  const closings = await readClosingSums(db, { from, to, position });
  const carried = new Map(closings.map((one) => [one.account_no, one]));
  const moved = sumsSince(until, earlier).map((account) => ({
    ...account,
    debits: account.debits - (carried.get(account.account_no)?.debits ?? 0n),
    credits: account.credits - (carried.get(account.account_no)?.credits ?? 0n),
  }));
  const byCurrency = Map.groupBy(paired(moved, undefined), ({ account }) => account.currency);
  return [...byCurrency].map(([currency, accounts]) => resultOf(currency, accounts));
}

function resultOf(currency: string, accounts: readonly SectionAccount[]): IncomeCurrencyDto {
  const { digits } = accounts[0]!.account;
  const of = (type: 'income' | 'expense') =>
    accounts.filter(({ account }) => account.type === type);
  const [income, expense] = [of('income'), of('expense')];
  const result = totalsOf(income, false).total - totalsOf(expense, false).total;
  return {
    currency,
    income: sectionOf(income, digits, false),
    expense: sectionOf(expense, digits, false),
    result: formatAmount(result, digits),
  };
}
