import { formatAmount } from '../../money/amount';
import { balanceOf } from '../accounts/account.view';
import type { ReportGroupDto, ReportSectionDto } from './financial-report.dto';
import type { ReportedAccount } from './reported-accounts.queries';

/** An account on a report, with its sums on another day too where that is compared with. */
export interface SectionAccount {
  readonly account: ReportedAccount;
  readonly compared: ReportedAccount | undefined;
}

/** What a section comes to, in minor units. */
export interface SectionTotals {
  readonly total: bigint;
  /** On the other day; undefined: none is asked for. */
  readonly compare: bigint | undefined;
}

/** The same accounts on two days; `other` undefined: on one alone. */
export function paired(
  accounts: readonly ReportedAccount[],
  other: readonly ReportedAccount[] | undefined,
): SectionAccount[] {
  const compared = new Map(other?.map((account) => [account.account_no, account]));
  return accounts.map((account) => ({ account, compared: compared.get(account.account_no) }));
}

/** What accounts come to together, each signed on its normal side. */
export function totalsOf(accounts: readonly SectionAccount[], isCompared: boolean): SectionTotals {
  let [total, compare] = [0n, 0n];
  for (const { account, compared } of accounts) {
    total += balanceIn(account);
    if (compared) compare += balanceIn(compared);
  }
  return { total, compare: isCompared ? compare : undefined };
}

function balanceIn({ type, debits, credits }: ReportedAccount): bigint {
  return balanceOf(type, debits, credits);
}

/** Amounts as a report shows them: that of the other day where it is compared. */
export function shown(
  { total, compare }: SectionTotals,
  digits: number,
): { readonly total: string; readonly compare?: string } {
  const money = (minor: bigint) => formatAmount(minor, digits);
  return { total: money(total), ...(compare !== undefined && { compare: money(compare) }) };
}

/**
 * Accounts by group, groups in the order of bytes and what has none at the end; those that are at
 * zero, on both days, are left out.
 */
export function sectionOf(
  accounts: readonly SectionAccount[],
  digits: number,
  isCompared: boolean,
): ReportSectionDto {
  const moved = accounts.filter(
    ({ account, compared }) =>
      balanceIn(account) !== 0n || (compared && balanceIn(compared) !== 0n),
  );
  const byGroup = [...Map.groupBy(moved, ({ account }) => account.account_group)];
  byGroup.sort(([a], [b]) => (a === null ? 1 : b === null || a < b ? -1 : 1));
  const groups = byGroup.map(([group, inGroup]): ReportGroupDto => ({
    group,
    ...shown(totalsOf(inGroup, isCompared), digits),
    accounts: inGroup.map(({ account, compared }) => ({
      accountId: account.account_id,
      clientId: account.client_id,
      name: account.name,
      balance: formatAmount(balanceIn(account), digits),
      ...(isCompared && {
        compare: formatAmount(compared ? balanceIn(compared) : 0n, digits),
      }),
    })),
  }));
  return { ...shown(totalsOf(accounts, isCompared), digits), groups };
}
