import type { DayCount } from '../../../src/books/interest/day-count';

/** An exact fraction; the denominator is positive. */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

export const ZERO: Rational = { numerator: 0n, denominator: 1n };

export function add(a: Rational, b: Rational): Rational {
  return reduced(
    a.numerator * b.denominator + b.numerator * a.denominator,
    a.denominator * b.denominator,
  );
}

export function subtract(a: Rational, whole: bigint): Rational {
  return add(a, { numerator: -whole, denominator: 1n });
}

function reduced(numerator: bigint, denominator: bigint): Rational {
  let [a, b] = [numerator < 0n ? -numerator : numerator, denominator];
  while (b > 0n) [a, b] = [b, a % b];
  return a === 0n ? ZERO : { numerator: numerator / a, denominator: denominator / a };
}

/** A decimal string. */
export function rationalOf(text: string): Rational {
  const [whole, fraction = ''] = text.split('.') as [string, string?];
  return reduced(BigInt(whole + fraction), 10n ** BigInt(fraction.length));
}

/** The nearest whole number; of two, the even one. */
export function halfEven({ numerator, denominator }: Rational): bigint {
  let low = numerator / denominator;
  if (low * denominator > numerator) low -= 1n;
  const above = 2n * (numerator - low * denominator);
  if (above === denominator) return low % 2n === 0n ? low : low + 1n;
  return above > denominator ? low + 1n : low;
}

const DAY_MS = 86_400_000;

/** The days from one to another as `YYYY-MM-DD`, both included. */
export function* daysBetween(from: string, through: string): Iterable<string> {
  for (let ms = Date.parse(from); ms <= Date.parse(through); ms += DAY_MS) {
    yield new Date(ms).toISOString().slice(0, 10);
  }
}

/**
 * The interest of one day, in minor units, from the definition alone: shares no code with the
 * program, and knows no stretch of days.
 */
export function interestOfDay(
  day: string,
  balance: bigint,
  rate: string,
  dayCount: DayCount,
): Rational {
  if (balance <= 0n) return ZERO;
  const { numerator, denominator } = rationalOf(rate);
  const next = new Date(Date.parse(day) + DAY_MS).toISOString().slice(0, 10);
  const weight = dayCount === '30/360' ? thirty(next) - thirty(day) : 1n;
  const basis = dayCount === 'actual/365' ? 365n : 360n;
  return reduced(balance * numerator * weight, denominator * basis);
}

function thirty(date: string): bigint {
  const [year, month, day] = date.split('-').map(Number) as [number, number, number];
  return BigInt(360 * year + 30 * month + Math.min(day, 30));
}
