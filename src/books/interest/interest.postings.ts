import { accounts } from '../accounts/account.table';
import type { CreatorContext } from '../../engine/define/creator';
import { formatAmount } from '../../money/amount';
import { postTransaction, type PostTransactionInput } from '../transactions/transaction.rules';
import type { Accrual, Adjustment } from './accruals';
import { dateText } from './day-count';
import {
  fractionText,
  principalOf,
  type RoundedInterest,
  type Stretch,
  type Terms,
} from './exact-interest';
import {
  InterestAccrued,
  InterestAdjusted,
  type BalanceStretch,
  type InterestAccruedData,
  type InterestAdjustedData,
} from './interest.events';

/** Accounts that share a transaction of at most 1000 postings; one or two are the expense's. */
const ACCOUNTS_PER_TRANSACTION = { accrual: 999, adjustment: 998 } as const;

/** What all accounts of a command have in common. */
export interface AccrualPlan {
  readonly expenseAccountId: string;
  readonly currency: string;
  readonly digits: number;
  readonly terms: Terms;
  /** The last day, as text and as dayNumber. */
  readonly throughDate: string;
  readonly through: number;
}

/**
 * Posts what accounts were credited too much or too little, and records why.
 * @throws Refusal as postTransaction does
 */
export async function postAdjustments(
  context: CreatorContext,
  plan: AccrualPlan,
  adjustments: readonly Adjustment[],
): Promise<void> {
  await loadAccounts(context, adjustments);
  for (const slice of slices(adjustments, ACCOUNTS_PER_TRANSACTION.adjustment)) {
    const transactionId = await post(context, plan, 'Interest adjustment', slice);
    for (const adjustment of slice) {
      const data = adjustedData(plan, adjustment, transactionId);
      await context.append(InterestAdjusted, data);
    }
  }
}

/**
 * Posts what accounts are owed, and records how it was computed.
 * @throws Refusal as postTransaction does
 */
export async function postAccruals(
  context: CreatorContext,
  plan: AccrualPlan,
  accruals: readonly Accrual[],
): Promise<void> {
  await loadAccounts(context, accruals);
  for (const slice of slices(accruals, ACCOUNTS_PER_TRANSACTION.accrual)) {
    const transactionId = await post(context, plan, 'Interest', slice);
    for (const accrual of slice) {
      await context.append(InterestAccrued, accruedData(plan, accrual, transactionId));
    }
  }
}

type Credit = Pick<RoundedInterest, 'amount'> & { readonly accountId: string };

/** Posting reads the accounts one by one; one query for all of them is a hundred times faster. */
async function loadAccounts(context: CreatorContext, credits: readonly Credit[]): Promise<void> {
  const ids = credits.filter((c) => c.amount !== 0n).map((c) => c.accountId);
  await context.state.table(accounts).load('account_id', ids);
}

/** Posts the amounts that are not zero. @returns undefined where all are */
async function post(
  context: CreatorContext,
  { digits, expenseAccountId, throughDate }: AccrualPlan,
  what: string,
  credits: readonly Credit[],
): Promise<string | null> {
  let [credited, debited] = [0n, 0n];
  const postings: PostTransactionInput['postings'] = [];
  const add = (accountId: string, direction: 'debit' | 'credit', minor: bigint) => {
    if (minor === 0n) return;
    postings.push({ accountId, direction, amount: formatAmount(minor, digits) });
  };
  for (const { accountId, amount } of credits) {
    if (amount > 0n) {
      credited += amount;
      add(accountId, 'credit', amount);
    } else {
      debited -= amount;
      add(accountId, 'debit', -amount);
    }
  }
  if (postings.length === 0) return null;
  add(expenseAccountId, 'debit', credited);
  add(expenseAccountId, 'credit', debited);
  const description = `${what} through ${throughDate}`;
  const event = await postTransaction(context, {
    description,
    effectiveDate: throughDate,
    postings,
  });
  return event.data.transactionId;
}

// In both events the keys stand in the order of the canonical form: see canonicalJson.

function accruedData(
  { currency, digits, terms, throughDate }: AccrualPlan,
  { accountId, accrued, amount, carried, from, scanAfter, stretches }: Accrual,
  transactionId: string | null,
): InterestAccruedData {
  return {
    accountId,
    accrued: formatAmount(accrued, digits),
    amount: formatAmount(amount, digits),
    annualRate: terms.annualRate,
    carried: carried.toString(),
    carriedFraction: fractionText(carried, digits),
    currency,
    dayCount: terms.dayCount,
    from: dateText(from),
    principal: formatAmount(principalOf(stretches.at(-1)!.balance), digits),
    ...(scanAfter !== undefined && { scanAfter }),
    stretches: stretchTexts(stretches, digits),
    through: throughDate,
    transactionId: amount === 0n ? null : transactionId,
  };
}

function adjustedData(
  { currency, digits }: AccrualPlan,
  { accountId, accrued, amount, carried, from, periods, through }: Adjustment,
  transactionId: string | null,
): InterestAdjustedData {
  return {
    accountId,
    accrued: formatAmount(accrued, digits),
    amount: formatAmount(amount, digits),
    carried: carried.toString(),
    carriedFraction: fractionText(carried, digits),
    currency,
    from: dateText(from),
    periods: periods.map((period) => ({
      annualRate: period.annualRate,
      dayCount: period.dayCount,
      from: dateText(period.from),
      stretches: stretchTexts(period.stretches, digits),
      through: dateText(period.through),
    })),
    through: dateText(through),
    transactionId: amount === 0n ? null : transactionId,
  };
}

function stretchTexts(stretches: readonly Stretch[], digits: number): BalanceStretch[] {
  return stretches.map(({ balance, from, through }) => ({
    balance: formatAmount(balance, digits),
    from: dateText(from),
    through: dateText(through),
  }));
}

function* slices<T>(items: readonly T[], size: number): Iterable<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
