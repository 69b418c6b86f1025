import { defineEvent, type LedgerEvent } from '../../engine/define/event';
import type { DayCount } from './day-count';
import type { Compounding } from './exact-interest';
import type {
  Amount,
  AnnualRate,
  CalendarDate,
  CurrencyCode,
  Reference,
  SignedAmount,
  Uuid,
  WholeNumber,
} from '../../engine/define/event-fields';

// All balances of these events are on the account's normal side: credits minus debits of a
// liability, debits minus credits of an asset.

/**
 * What an account's balance is made of. Money that leaves the account pays out posted interest
 * first.
 */
export interface InterestStanding {
  /** The principal; below zero no interest is owed. */
  balance: SignedAmount;
  /** Posted interest that was not paid out yet. */
  interest: Amount;
}

/** Days, both included, at whose ends the account stood the same. */
export interface BalanceStretch {
  /** The balance without posted interest; below zero no interest is owed on it. */
  balance: SignedAmount;
  from: CalendarDate;
  /**
   * Posted interest that was not paid out yet. Absent where an older version accrued, which took
   * all that left the account from `balance`.
   */
  interest?: Amount;
  through: CalendarDate;
}

/** The days of one accrual, with what their interest was computed from. */
interface AccruedDays {
  annualRate: AnnualRate;
  /**
   * How the account stood when the last day was over, what was posted then included. Absent where
   * an older version accrued.
   */
  closing?: InterestStanding;
  /** Whether interest is owed on posted interest too. */
  compounding: Compounding;
  /** Only of `30U/360`, and where it is not `from`: the first of the days counted together. */
  countedFrom?: CalendarDate;
  dayCount: DayCount;
  from: CalendarDate;
  /** How the account stood before the first day. Absent where an older version accrued. */
  opening?: InterestStanding;
  stretches: BalanceStretch[];
  through: CalendarDate;
}

/** What an account's interest has come to. Amounts are decimal strings in major units. */
interface InterestState {
  accountId: Uuid;
  /** Of the accrual; one that an older version made has the id of its command. */
  accrualId: Uuid;
  /** All that was accrued since the account's first day, this event's amount included. */
  accrued: SignedAmount;
  /**
   * The fraction that rounding has left, exactly: a whole number of 1 / (1,603,080 × 10^12) of the
   * currency's minor unit. `accrued` and this are together the exact interest.
   */
  carried: WholeNumber;
  /** The same in major units, rounded to 20 decimals. */
  carriedFraction: SignedAmount;
  currency: CurrencyCode;
}

/**
 * An accrual was made, with these terms, for accounts that were chosen: what came of it for each of
 * them the events behind it say. Accruals of older versions have no such event.
 */
export interface InterestCalculatedData {
  accrualId: Uuid;
  annualRate: AnnualRate;
  compounding: Compounding;
  dayCount: DayCount;
  /** What pays the interest of liability accounts. */
  expenseAccountId: Uuid | null;
  /** What earns the interest of asset accounts. */
  incomeAccountId: Uuid | null;
  through: CalendarDate;
}
export const InterestCalculated = defineEvent<InterestCalculatedData>('InterestCalculated');

/** An account was left out of an accrual, which the accrual allowed. */
export interface InterestSkippedData {
  /** Its id, or what the caller named where there is no such account. */
  accountId: Reference;
  accrualId: Uuid;
  /** The refusal that would have ended the accrual. */
  code: string;
  detail: string;
}
export const InterestSkipped = defineEvent<InterestSkippedData>('InterestSkipped');

/**
 * An account was credited (an asset account: debited) with the interest of the days `from` to
 * `through`, both included, on its principal at the end of each day by effective date, or on its
 * balance where `compounding` says so. Days are accrued once.
 */
export interface InterestAccruedData extends InterestState, AccruedDays {
  amount: SignedAmount;
  /** What interest is owed on for the last day. */
  principal: Amount;
  /**
   * Only where the account had entries dated after `through`: all entries up to this position are
   * in the stretches. Without it that is so of all entries before this event.
   * @asType integer
   * @minimum 0
   */
  scanAfter?: number;
  /** The transaction that posted the amount; null where it is zero, and nothing was posted. */
  transactionId: Uuid | null;
}
/** Version 2 has codes of currencies that version 1 had not. */
export const InterestAccrued = defineEvent<InterestAccruedData>('InterestAccrued', 3, {
  1: (data) => data,
  2: (data, stored) => {
    const { carried, ...rest } = data as { carried: string };
    return { ...rest, ...ofVersion2(carried, stored), compounding: 'none' };
  },
});

/** The days of one accrual as they are known now. */
export type AdjustedPeriod = AccruedDays;

/**
 * Entries were posted whose effective dates lie in days that had been accrued. The next accrual
 * of the account computes those days again, each with the terms that it was accrued with, and posts
 * the difference. Where the first of those entries is dated before the first day that was ever
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
export const InterestAdjusted = defineEvent<InterestAdjustedData>('InterestAdjusted', 3, {
  1: (data) => data,
  2: (data, stored) => {
    const { carried, periods, ...rest } = data as { carried: string; periods: object[] };
    return {
      ...rest,
      ...ofVersion2(carried, stored),
      periods: periods.map((period) => ({ ...period, compounding: 'none' })),
    };
  },
});

/**
 * Version 2 had no accruals, and carried 1 / (26,280 × 10^12), of years of 360 and 365 days alone:
 * 61 times as much as now.
 */
function ofVersion2(carried: string, { commandId }: LedgerEvent) {
  return { accrualId: commandId, carried: (BigInt(carried) * 61n).toString() };
}

/**
 * An accrual was taken back as a whole: its money by transactions with the opposite postings, its
 * days, which can be accrued again, and what it adjusted. It is as if it had never been made.
 */
export interface InterestAccrualReversedData {
  accrualId: Uuid;
  reason: string;
  /**
   * The transactions that took the money back, and all that had undone transactions of the accrual
   * before, in an older version.
   */
  transactionIds: Uuid[];
}
export const InterestAccrualReversed =
  defineEvent<InterestAccrualReversedData>('InterestAccrualReversed');
