import assert from 'node:assert';
import { parseAmount } from '../../money/amount';
import { dayNumber, isCountedTogether } from './day-count';
import { interestOf, roundInterest, type RoundedInterest, type Terms } from './exact-interest';
import { knowsItsInterest, type ChangeRow, type InterestAccountRow } from './interest.queries';
import type { InterestPeriodRow } from './interest.table';
import { afterInterest, EMPTY, merged, movementsOf, walk } from './stretches';
import type { Movement, Standing, Stretch, Walk } from './stretches';

/** An account with days to accrue, and everything that was posted since it was accrued last. */
export interface DueAccount {
  readonly account: InterestAccountRow;
  /** The first day to accrue. */
  readonly from: number;
  /** By day; all of days from `from` to the last one to accrue. */
  readonly changes: readonly Movement[];
  /** By day; of days that have been accrued. */
  readonly backdated: readonly Movement[];
  /**
   * By day; everything of accrued days but what is backdated, where the account was accrued by a
   * version that did not know what of its balance is interest.
   */
  readonly history: readonly Movement[] | undefined;
  /** Where the next accrual has to look from, if not behind this one. */
  readonly scanAfter: number | undefined;
}

/** The days of one accrual as they are known now. */
export interface Period extends Walk, Terms {
  readonly from: number;
  readonly through: number;
  readonly opening: Standing;
}

/** What an account is to be credited with for days that were not accrued yet. */
export interface Accrual extends RoundedInterest, Period {
  readonly accountId: string;
  readonly scanAfter: number | undefined;
}

/** What an account was credited too little (or, below zero, too much) for days accrued before. */
export interface Adjustment extends RoundedInterest {
  readonly accountId: string;
  readonly from: number;
  readonly through: number;
  /** Those that differ, by day. */
  readonly periods: readonly Period[];
  /** The last accrued one, whether or not it differs. */
  readonly last: Period;
}

/** Divides what was posted into accrued days, days to accrue and later ones. */
function divide(account: InterestAccountRow, rows: readonly ChangeRow[], through: number) {
  const accruedThrough = account.through_date === null ? null : dayNumber(account.through_date);
  const [changes, backdated, history]: [Movement[], Movement[], Movement[]] = [[], [], []];
  let laterPosition = Infinity;
  for (const { effective_date, is_backdated, cash, interest, first_position } of rows) {
    const day = dayNumber(effective_date);
    if (day > through) laterPosition = Math.min(laterPosition, first_position);
    else if (accruedThrough === null || day > accruedThrough) {
      changes.push({ day, cash, interest });
    } else if (!is_backdated) history.push({ day, cash, interest });
    else if (cash !== 0n || interest !== 0n) backdated.push({ day, cash, interest });
  }
  const scanAfter = laterPosition === Infinity ? undefined : laterPosition - 1;
  return { accruedThrough, changes, backdated, history, scanAfter };
}

/**
 * The days of an account that are to be accrued: from the day after its last accrued one, or else
 * from that of its first entry.
 * @param rows what was posted, by effective date
 * @param through the last day, which the account has not accrued
 * @returns undefined where there is no entry until then
 */
export function dueAccount(
  account: InterestAccountRow,
  rows: readonly ChangeRow[],
  through: number,
): DueAccount | undefined {
  const { accruedThrough, changes, backdated, history, scanAfter } = divide(account, rows, through);
  const from = accruedThrough === null ? changes[0]?.day : accruedThrough + 1;
  if (from === undefined) return undefined;
  return {
    ...{ account, from, changes, backdated, scanAfter },
    history: knowsItsInterest(account) ? undefined : history,
  };
}

/** The interest of the account's due days; what was adjusted before, in the same step, counts. */
export function accrue(
  due: DueAccount,
  through: number,
  { annualRate, dayCount, compounding }: Omit<Terms, 'countedFrom'>,
  adjustment: Adjustment | undefined,
): Accrual {
  const { account, from, changes, scanAfter } = due;
  const opening = adjustment?.last.closing ?? closingOf(due);
  const days = walk(from, through, opening, changes);
  const before = adjustment?.last ?? lastTermsOf(account);
  const isGoingOn = isCountedTogether(dayCount) && before?.dayCount === dayCount;
  const countedFrom = isGoingOn ? before.countedFrom : from;
  const terms = { annualRate, dayCount, compounding, countedFrom };
  const exact = interestOf(days.stretches, terms);
  const rounded = roundInterest(adjustment ?? roundedOf(account), exact);
  const posted = rounded.amount + (adjustment?.amount ?? 0n);
  return {
    ...{ accountId: account.account_id, from, through, opening, scanAfter },
    ...{ ...terms, ...rounded },
    stretches: days.stretches,
    closing: afterInterest(days.closing, posted),
  };
}

/** How an account stood when its last accrued day was over. */
function closingOf({ account, history }: DueAccount): Standing {
  if (history) {
    const [first] = history;
    const through = dayNumber(account.through_date!);
    return first ? walk(first.day, through, EMPTY, history).closing : EMPTY;
  }
  const { balance, interest } = account;
  return balance === null ? EMPTY : { principal: balance, interest: interest! };
}

function lastTermsOf({ day_count, from_date, counted_from }: InterestAccountRow) {
  if (day_count === null) return undefined;
  return { dayCount: day_count, countedFrom: dayNumber(counted_from ?? from_date!) };
}

function roundedOf({
  accrued,
  carried,
}: InterestAccountRow): Pick<RoundedInterest, 'accrued' | 'carried'> {
  return { accrued: accrued ?? 0n, carried: carried ?? 0n };
}

/** Days as a row knows them; `opening` undefined where the version that accrued did not know it. */
interface KnownPeriod extends Omit<Period, 'opening'> {
  readonly opening: Standing | undefined;
}

/**
 * Computes days again that were accrued before later entries of theirs were posted.
 * @param rows the account's accruals by day, from the one with the first such entry on
 */
export function adjust(due: DueAccount, rows: readonly InterestPeriodRow[]): Adjustment {
  const { account, backdated } = due;
  const known = rows.map((row) => knownPeriod(row, account.digits));
  const [first] = known;
  assert(first, 'Backdated entries are of accrued days');
  const from = backdated[0]!.day;
  const movements = merged(movementsUntilNow(due, known), backdated);
  let opening = first.opening ?? openingBefore(first.from, due);
  let difference = 0n;
  const periods: Period[] = [];
  let last: Period | undefined;
  for (const before of known) {
    // Only the first accrual can begin after an entry: it began with the earliest known one.
    const begin = before === first ? Math.min(from, before.from) : before.from;
    const isOfFirst = before.countedFrom === first.from;
    const countedFrom = isOfFirst ? Math.min(from, first.from) : before.countedFrom;
    const days = walk(begin, before.through, opening, movements);
    last = { ...before, ...days, from: begin, opening, countedFrom };
    opening = days.closing;
    if (isSame(last, before)) continue;
    difference += interestOf(last.stretches, last) - interestOf(before.stretches, before);
    periods.push(last);
  }
  assert(last && periods.length > 0, 'Something that was posted changes some day');
  const rounded = roundInterest(roundedOf(account), difference);
  const { through } = last;
  return { accountId: account.account_id, from, through, periods, last, ...rounded };
}

/** What made the account stand as it did in periods, all of them known by its last accrual. */
function movementsUntilNow({ history }: DueAccount, known: readonly KnownPeriod[]): Movement[] {
  if (history) return [...history];
  return known.flatMap((period) => movementsOf(period.opening!, period));
}

function openingBefore(day: number, { history = [] }: DueAccount): Standing {
  const [first] = history;
  return first && first.day < day ? walk(first.day, day - 1, EMPTY, history).closing : EMPTY;
}

function knownPeriod(row: InterestPeriodRow, digits: number): KnownPeriod {
  const { opening_balance, opening_interest, balance, interest } = row;
  return {
    from: dayNumber(row.from_date),
    through: dayNumber(row.through_date),
    opening:
      opening_balance === null
        ? undefined
        : { principal: opening_balance, interest: opening_interest! },
    stretches: row.stretches.map((stretch): Stretch => {
      return {
        from: dayNumber(stretch.from),
        through: dayNumber(stretch.through),
        principal: parseAmount(stretch.balance, digits)!,
        interest: parseAmount(stretch.interest ?? '0', digits)!,
      };
    }),
    closing: { principal: balance, interest: interest ?? 0n },
    annualRate: row.annual_rate,
    dayCount: row.day_count,
    compounding: row.compounding,
    countedFrom: dayNumber(row.counted_from ?? row.from_date),
  };
}

function isSame(now: Period, before: KnownPeriod): boolean {
  return (
    now.countedFrom === before.countedFrom &&
    now.stretches.length === before.stretches.length &&
    now.stretches.every(({ from, principal, interest }, i) => {
      const known = before.stretches[i]!;
      return from === known.from && principal === known.principal && interest === known.interest;
    })
  );
}
