import assert from 'node:assert';
import type { Kysely } from 'kysely';
import type { StateDatabase } from '../../engine/define/state-table';
import { formatAmount } from '../../money/amount';
import type { AccountType } from '../accounts/account.events';
import type { SheetCurrencyDto } from './financial-report.dto';
import { readReportedAccounts } from './reported-accounts.queries';
import { paired, sectionOf, totalsOf, type SectionAccount } from './sections';

/** Which days of which books. */
export interface BalanceSheetOf {
  /** The last effective date that counts; undefined: all do. */
  readonly asOf: string | undefined;
  /** A day to compare with. */
  readonly compareTo: string | undefined;
  /** The last event that counts; undefined: all do. */
  readonly position: number | undefined;
}

/**
 * The balance sheet by currency: what there is, what is owed, and what belongs to the owners, with
 * the result that was not carried to equity yet.
 * @throws AssertionError where assets are not liabilities, equity and result together: no such
 *   books can be posted, so that nobody gets a report of them
 */
export async function readBalanceSheet(
  db: Kysely<StateDatabase>,
  { asOf, compareTo, position }: BalanceSheetOf,
): Promise<SheetCurrencyDto[]> {
  const accounts = await readReportedAccounts(db, { asOf, position });
  const other =
    compareTo === undefined
      ? undefined
      : await readReportedAccounts(db, { asOf: compareTo, position });
  const byCurrency = Map.groupBy(paired(accounts, other), ({ account }) => account.currency);
  return [...byCurrency].map(([currency, of]) => sheetOf(currency, of, other !== undefined));
}

function sheetOf(
  currency: string,
  accounts: readonly SectionAccount[],
  isCompared: boolean,
): SheetCurrencyDto {
  const { digits } = accounts[0]!.account;
  const byType = Map.groupBy(accounts, ({ account }) => account.type);
  const section = (type: AccountType) => sectionOf(byType.get(type) ?? [], digits, isCompared);
  const totals = (type: AccountType) => totalsOf(byType.get(type) ?? [], isCompared);
  const sumsOn = (day: 'total' | 'compare') => {
    const of = (type: AccountType) => totals(type)[day] ?? 0n;
    const result = of('income') - of('expense');
    const owed = of('liability') + of('equity') + result;
    const sides = `assets ${of('asset')}, liabilities, equity and result ${owed}`;
    assert(of('asset') === owed, `The books do not balance in ${currency}: ${sides}`);
    const money = (minor: bigint) => formatAmount(minor, digits);
    return {
      result: money(result),
      totalAssets: money(of('asset')),
      totalLiabilitiesAndEquity: money(owed),
    };
  };
  return {
    currency,
    assets: section('asset'),
    liabilities: section('liability'),
    equity: section('equity'),
    ...sumsOn('total'),
    ...(isCompared && { compare: sumsOn('compare') }),
  };
}
