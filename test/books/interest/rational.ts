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
  for (let ms = Date.parse(from); ms <= Date.parse(through); ms += DAY_MS) yield dayOf(ms);
}

/** A day some days after another. */
export function dayAfter(day: string, days = 1): string {
  return dayOf(Date.parse(day) + days * DAY_MS);
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/**
 * The interest of one day, in minor units, from the definitions alone: shares no code with the
 * program, and knows no stretch of days.
 * @param countedFrom the first of the days that are counted together, which 30U/360 depends on
 */
export function interestOfDay(
  day: string,
  bearing: bigint,
  rate: string,
  dayCount: DayCount,
  countedFrom = day,
): Rational {
  if (bearing <= 0n) return ZERO;
  const { numerator, denominator } = rationalOf(rate);
  const [days, year] = weightOf(day, dayCount, countedFrom);
  return reduced(bearing * numerator * days, denominator * year);
}

/** The part of a year that a day is, as a fraction. */
function weightOf(day: string, dayCount: DayCount, countedFrom: string): [bigint, bigint] {
  const next = dayAfter(day);
  switch (dayCount) {
    case 'actual/365':
      return [1n, 365n];
    case 'actual/360':
      return [1n, 360n];
    case 'actual/actual-isda':
      return [1n, lengthOfYear(day)];
    case '30U/360':
      return [BigInt(bondBasis(countedFrom, next) - bondBasis(countedFrom, day)), 360n];
    case '30E/360-isda':
      return [BigInt(thirties(day, next, lastIsThirtieth)), 360n];
    default:
      return [BigInt(thirties(day, next, (date) => Math.min(partsOf(date)[2], 30))), 360n];
  }
}

function lengthOfYear(day: string): bigint {
  const year = Number(day.slice(0, 4));
  return BigInt((Date.UTC(year + 1, 0, 1) - Date.UTC(year, 0, 1)) / DAY_MS);
}

function partsOf(date: string): [number, number, number] {
  return date.split('-').map(Number) as [number, number, number];
}

function thirties(first: string, second: string, dayIn: (date: string) => number): number {
  const [[year1, month1], [year2, month2]] = [partsOf(first), partsOf(second)];
  return 360 * (year2 - year1) + 30 * (month2 - month1) + dayIn(second) - dayIn(first);
}

function lastIsThirtieth(date: string): number {
  return dayAfter(date).endsWith('-01') ? 30 : partsOf(date)[2];
}

/** ISDA 2006, 4.16(f): D1 is 30 if it is 31; D2 is 30 if it is 31 and D1 is greater than 29. */
function bondBasis(first: string, second: string): number {
  const [day1, day2] = [Math.min(partsOf(first)[2], 30), partsOf(second)[2]];
  const end = day2 === 31 && day1 > 29 ? 30 : day2;
  return thirties(first, second, (date) => (date === second ? end : day1));
}
