import { accounts } from '../accounts/account.table';
import type { CreatorContext } from '../../engine/define/creator';
import type { Refusal } from '../../engine/define/refusal';
import { formatAmount } from '../../money/amount';
import type { Direction } from '../transactions/transaction.events';
import { postTransaction, whyNotPosted } from '../transactions/transaction.rules';
import type { TransactionInput } from '../transactions/transaction.rules';
import type { Accrual, Adjustment, Period } from './accruals';
import { dateText } from './day-count';
import { bearingOf, fractionText, type RoundedInterest, type Terms } from './exact-interest';
import {
  InterestAccrued,
  InterestAdjusted,
  type AdjustedPeriod,
  type BalanceStretch,
  type InterestAccruedData,
  type InterestAdjustedData,
  type InterestStanding,
} from './interest.events';
import type { Standing, Stretch } from './stretches';

/** Accounts that share a transaction of at most 1000 postings; one or two are the other side's. */
const ACCOUNTS_PER_TRANSACTION = { accrual: 999, adjustment: 998 } as const;

/** What all accounts of one type in an accrual have in common. */
export interface Side {
  /** The expense account of liability accounts, the income account of asset accounts. */
  readonly otherAccountId: string;
  readonly currency: string;
  readonly digits: number;
  /** How interest is posted to the accounts. */
  readonly increase: Direction;
}

/** What all accounts of an accrual have in common. */
export interface AccrualPlan {
  readonly accrualId: string;
  readonly terms: Omit<Terms, 'countedFrom'>;
  /** The last day, as text and as dayNumber. */
  readonly throughDate: string;
  readonly through: number;
}

/** The interest of one account: what is made good of accrued days, and that of new ones. */
export interface Owed {
  readonly adjustment: Adjustment | undefined;
  readonly accrual: Accrual;
}

type Postings = TransactionInput['postings'];
type Credit = Pick<RoundedInterest, 'amount'> & { readonly accountId: string };

/**
 * Posts what accounts are owed, and records how it was computed.
 * @throws Refusal as postTransaction does
 */
export async function postOwed(
  context: CreatorContext,
  plan: AccrualPlan,
  side: Side,
  owed: readonly Owed[],
): Promise<void> {
  const adjustments = owed.flatMap(({ adjustment }) => adjustment ?? []);
  for (const slice of slices(adjustments, ACCOUNTS_PER_TRANSACTION.adjustment)) {
    const transactionId = await post(context, plan, side, 'Interest adjustment', slice);
    for (const adjustment of slice) {
      const data = adjustedData(plan, side, adjustment, transactionId);
      await context.append(InterestAdjusted, data);
    }
  }
  const accruals = owed.map(({ accrual }) => accrual);
  for (const slice of slices(accruals, ACCOUNTS_PER_TRANSACTION.accrual)) {
    const transactionId = await post(context, plan, side, 'Interest', slice);
    for (const accrual of slice) {
      await context.append(InterestAccrued, accruedData(plan, side, accrual, transactionId));
    }
  }
}

/** Posting reads the accounts one by one; one query for all of them is a hundred times faster. */
export async function loadAccounts(
  { state }: CreatorContext,
  owed: readonly Owed[],
): Promise<void> {
  const posted = owed.filter((o) => o.accrual.amount !== 0n || o.adjustment?.amount);
  await state.table(accounts).load(
    'account_id',
    posted.map((o) => o.accrual.accountId),
  );
}

/**
 * Why an account's interest could not be posted, if its transactions were about it alone. Posts
 * nothing.
 * @throws Refusal for what is not the account's fault
 */
export async function refusalOf(
  context: CreatorContext,
  side: Side,
  { adjustment, accrual }: Owed,
): Promise<Refusal | undefined> {
  const first = postingsOf(side, adjustment ? [adjustment] : []);
  const both = [...first, ...postingsOf(side, [accrual])];
  // Limits hold after each of the two transactions.
  for (const postings of both.length > first.length ? [first, both] : [first]) {
    const refusal = postings.length > 0 ? await whyNotPosted(context, postings) : undefined;
    if (!refusal) continue;
    if (refusal.details.accountId !== accrual.accountId) throw refusal;
    return refusal;
  }
  return undefined;
}

/** The postings of the amounts that are not zero, those of the other side last. */
function postingsOf({ otherAccountId, increase }: Side, credits: readonly Credit[]): Postings {
  const decrease = increase === 'credit' ? 'debit' : 'credit';
  let [increased, decreased] = [0n, 0n];
  const postings: Postings = [];
  const add = (accountId: string, direction: Direction, minor: bigint) => {
    if (minor === 0n) return;
    postings.push({ accountId, direction, amount: minor });
  };
  for (const { accountId, amount } of credits) {
    if (amount > 0n) {
      increased += amount;
      add(accountId, increase, amount);
    } else {
      decreased -= amount;
      add(accountId, decrease, -amount);
    }
  }
  add(otherAccountId, decrease, increased);
  add(otherAccountId, increase, decreased);
  return postings;
}

/** Posts the amounts that are not zero. @returns null where all are */
async function post(
  context: CreatorContext,
  { throughDate }: AccrualPlan,
  side: Side,
  what: string,
  credits: readonly Credit[],
): Promise<string | null> {
  const postings = postingsOf(side, credits);
  if (postings.length === 0) return null;
  const description = `${what} through ${throughDate}`;
  const posted = { description, effectiveDate: throughDate, postings };
  const event = await postTransaction(context, posted, { isExempt: true });
  return event.data.transactionId;
}

// In all of these the keys stand in the order of the canonical form: see canonicalJson.

function accruedData(
  { accrualId, throughDate }: AccrualPlan,
  { currency, digits }: Side,
  accrual: Accrual,
  transactionId: string | null,
): InterestAccruedData {
  const { accountId, accrued, amount, carried, scanAfter, stretches } = accrual;
  const days = periodData(accrual, digits);
  const { countedFrom } = days;
  return {
    accountId,
    accrualId,
    accrued: formatAmount(accrued, digits),
    amount: formatAmount(amount, digits),
    annualRate: days.annualRate,
    carried: carried.toString(),
    carriedFraction: fractionText(carried, digits),
    closing: days.closing,
    compounding: days.compounding,
    ...(countedFrom !== undefined && { countedFrom }),
    currency,
    dayCount: days.dayCount,
    from: days.from,
    opening: days.opening,
    principal: formatAmount(bearingOf(stretches.at(-1)!, accrual.compounding), digits),
    ...(scanAfter !== undefined && { scanAfter }),
    stretches: days.stretches,
    through: throughDate,
    transactionId: amount === 0n ? null : transactionId,
  };
}

function adjustedData(
  { accrualId }: AccrualPlan,
  { currency, digits }: Side,
  { accountId, accrued, amount, carried, from, periods, through }: Adjustment,
  transactionId: string | null,
): InterestAdjustedData {
  return {
    accountId,
    accrualId,
    accrued: formatAmount(accrued, digits),
    amount: formatAmount(amount, digits),
    carried: carried.toString(),
    carriedFraction: fractionText(carried, digits),
    currency,
    from: dateText(from),
    periods: periods.map((period) => periodData(period, digits)),
    through: dateText(through),
    transactionId: amount === 0n ? null : transactionId,
  };
}

type Known = Required<Pick<AdjustedPeriod, 'opening' | 'closing'>>;

function periodData(period: Period, digits: number): AdjustedPeriod & Known {
  const { annualRate, compounding, countedFrom, dayCount, from, through } = period;
  return {
    annualRate,
    closing: standingText(period.closing, digits),
    compounding,
    ...(countedFrom !== from && { countedFrom: dateText(countedFrom) }),
    dayCount,
    from: dateText(from),
    opening: standingText(period.opening, digits),
    stretches: stretchTexts(period.stretches, digits),
    through: dateText(through),
  };
}

function standingText({ principal, interest }: Standing, digits: number): InterestStanding {
  return { balance: formatAmount(principal, digits), interest: formatAmount(interest, digits) };
}

function stretchTexts(stretches: readonly Stretch[], digits: number): BalanceStretch[] {
  return stretches.map(({ principal, interest, from, through }) => ({
    balance: formatAmount(principal, digits),
    from: dateText(from),
    interest: formatAmount(interest, digits),
    through: dateText(through),
  }));
}

function* slices<T>(items: readonly T[], size: number): Iterable<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
