import { formatAmount } from '../../money/amount';
import { YEAR_PARTS, yearParts, type DayCount } from './day-count';
import type { Standing, Stretch } from './stretches';

const RATE_DECIMALS = 12;
/** A yearly rate as a decimal string, `"0.0425"` for 4.25 %: up to 3 digits and 12 decimals. */
export const RATE_PATTERN = /^(0|[1-9]\d{0,2})(\.\d{1,12})?$/;

/**
 * What one minor unit of a currency is in the unit that interest is computed in: a fraction of it
 * that every rate and every day count fits without a remainder.
 */
export const UNITS_PER_MINOR = BigInt(YEAR_PARTS) * 10n ** BigInt(RATE_DECIMALS);

/** Decimals of a carried fraction as people read it; the exact one is kept beside it. */
const FRACTION_DECIMALS = 20;

/** What interest is owed on: the principal alone, or with the interest that was posted to it. */
export type Compounding = 'none' | 'posted';
export const COMPOUNDINGS = ['none', 'posted'] as const satisfies readonly Compounding[];

/** A yearly rate, how days are counted, and what bears interest. */
export interface Terms {
  /** Decimal string, see {@link RATE_PATTERN}. */
  readonly annualRate: string;
  readonly dayCount: DayCount;
  readonly compounding: Compounding;
  /** {@link dayNumber} of the first of the days that are counted together, see yearParts. */
  readonly countedFrom: number;
}

/** What a carried fraction and all that was accrued before it are together: the exact interest. */
export interface RoundedInterest {
  /** Minor units, to be posted now; negative where interest is taken back. */
  readonly amount: bigint;
  /** Minor units accrued in all, this amount included. */
  readonly accrued: bigint;
  /** What is not posted yet, in units of 1 / {@link UNITS_PER_MINOR} of a minor unit. */
  readonly carried: bigint;
}

/** What interest is owed on, of what an account has: nothing below zero. */
export function bearingOf({ principal, interest }: Standing, compounding: Compounding): bigint {
  const bearing = compounding === 'posted' ? principal + interest : principal;
  return bearing > 0n ? bearing : 0n;
}

/**
 * The interest of some days, exactly: Σ what bears interest × rate × part of the year, in units of
 * 1 / {@link UNITS_PER_MINOR} of a minor unit.
 */
export function interestOf(stretches: readonly Stretch[], terms: Terms): bigint {
  const { annualRate, dayCount, compounding, countedFrom } = terms;
  let minorParts = 0n;
  for (const stretch of stretches) {
    const bearing = bearingOf(stretch, compounding);
    if (bearing === 0n) continue;
    const parts = yearParts(dayCount, countedFrom, stretch.from, stretch.through);
    minorParts += bearing * BigInt(parts);
  }
  return minorParts * rateUnits(annualRate);
}

let lastRate = '';
let lastUnits = 0n;
/** A rate in billionths of a thousandth; an accrual has one for all its accounts. */
function rateUnits(rate: string): bigint {
  if (rate === lastRate) return lastUnits;
  const [whole, fraction = ''] = rate.split('.') as [string, string?];
  lastUnits = BigInt(whole + fraction.padEnd(RATE_DECIMALS, '0'));
  lastRate = rate;
  return lastUnits;
}

/**
 * Rounds to minor units, half to even, and carries what that leaves. What is rounded is all
 * interest since the account's first day: rounding each part by itself would round some halves up
 * that the whole rounds down, so that a year accrued daily could differ from a year accrued once.
 * @param exact the interest to add, in units of 1 / {@link UNITS_PER_MINOR} of a minor unit
 */
export function roundInterest(
  before: Pick<RoundedInterest, 'accrued' | 'carried'>,
  exact: bigint,
): RoundedInterest {
  const open = before.carried + exact;
  let amount = open / UNITS_PER_MINOR;
  let rest = open - amount * UNITS_PER_MINOR;
  // Division of bigints truncates; below zero the next lower whole number is meant.
  if (rest < 0n) {
    amount -= 1n;
    rest += UNITS_PER_MINOR;
  }
  const isOdd = ((before.accrued + amount) & 1n) === 1n;
  if (rest * 2n > UNITS_PER_MINOR || (rest * 2n === UNITS_PER_MINOR && isOdd)) {
    amount += 1n;
    rest -= UNITS_PER_MINOR;
  }
  return { amount, accrued: before.accrued + amount, carried: rest };
}

/** A carried fraction in major units, for people: rounded half to even to 20 decimals. */
export function fractionText(carried: bigint, digits: number): string {
  const unit = UNITS_PER_MINOR * 10n ** BigInt(digits);
  const size = (carried < 0n ? -carried : carried) * 10n ** BigInt(FRACTION_DECIMALS);
  const whole = size / unit;
  const rest = (size - whole * unit) * 2n;
  const isUp = rest > unit || (rest === unit && (whole & 1n) === 1n);
  const text = formatAmount(isUp ? whole + 1n : whole, FRACTION_DECIMALS).replace(/\.?0+$/, '');
  return carried < 0n && text !== '0' ? `-${text}` : text;
}
