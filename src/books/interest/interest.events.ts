import { defineEvent } from '../../engine/define/event';
import type { DayCount } from './day-count';
import type {
  Amount,
  AnnualRate,
  CalendarDate,
  CurrencyCode,
  SignedAmount,
  Uuid,
  WholeNumber,
} from '../../engine/define/event-fields';

/** Days, both included (`YYYY-MM-DD`), at whose ends the account had the same balance. */
export interface BalanceStretch {
  /** Credits minus debits, without interest; below zero no interest is owed. */
  balance: SignedAmount;
  from: CalendarDate;
  through: CalendarDate;
}

/** What an account's interest has come to. Amounts are decimal strings in major units. */
interface InterestState {
  accountId: Uuid;
  /** All that was accrued since the account's first day, this event's amount included. */
  accrued: SignedAmount;
  /**
   * The fraction that rounding has left, exactly: a whole number of 1 / (26,280 × 10^12) of the
   * currency's minor unit. `accrued` and this are together the exact interest.
   */
  carried: WholeNumber;
  /** The same in major units, rounded to 20 decimals. */
  carriedFraction: SignedAmount;
  currency: CurrencyCode;
}

/**
 * An account was credited with the interest of the days `from` to `through`, both included, on its
 * balance at the end of each day by effective date. Interest that was posted before, and its
 * reversals, are no part of that balance: it is simple interest. Days are accrued once.
 */
export interface InterestAccruedData extends InterestState {
  amount: SignedAmount;
  annualRate: AnnualRate;
  dayCount: DayCount;
  from: CalendarDate;
  /** What interest is owed on for the last day. */
  principal: Amount;
  /**
   * Only where the account had entries dated after `through`: all entries up to this position are
   * in the stretches. Without it that is so of all entries before this event.
   * @asType integer
   * @minimum 0
   */
  scanAfter?: number;
  /** What the amount was computed from. */
  stretches: BalanceStretch[];
  through: CalendarDate;
  /** The transaction that posted the amount; null where it is zero, and nothing was posted. */
  transactionId: Uuid | null;
}
/** Version 2 has codes of currencies that version 1 had not. */
export const InterestAccrued = defineEvent<InterestAccruedData>('InterestAccrued', 2, {
  1: (data) => data,
});

/** The days of one accrual as they are known now. */
export interface AdjustedPeriod {
  annualRate: AnnualRate;
  dayCount: DayCount;
  from: CalendarDate;
  stretches: BalanceStretch[];
  through: CalendarDate;
}

/**
 * Entries were posted whose effective dates lie in days that had been accrued. The next accrual
 * of the account computes those days again, each with the rate and day count that it was accrued
 * with, and posts the difference, so that afterwards the account has what accruing after the fact
 * would have given it. Where the first of those entries is dated before the first day that was ever
 * accrued, the first accrual begins earlier. A negative amount was taken from the account.
 */
export interface InterestAdjustedData extends InterestState {
  amount: SignedAmount;
  /** The first day that differs. */
  from: CalendarDate;
  /** Those that differ, by day. */
  periods: AdjustedPeriod[];
  /** The last day that had been accrued. */
  through: CalendarDate;
  /** The transaction that posted the amount; null where it is zero, and nothing was posted. */
  transactionId: Uuid | null;
}
/** Version 2 has codes of currencies that version 1 had not. */
export const InterestAdjusted = defineEvent<InterestAdjustedData>('InterestAdjusted', 2, {
  1: (data) => data,
});
