/** How the part of a year that some days are is counted. */
export type DayCount = 'actual/365' | 'actual/360' | '30/360';
export const DAY_COUNTS = ['actual/365', 'actual/360', '30/360'] as const;

/** Days that a year has in the denominator of each; a leap year has no others. */
export const DAYS_OF_YEAR: Readonly<Record<DayCount, bigint>> = {
  'actual/365': 365n,
  'actual/360': 360n,
  '30/360': 360n,
};

const EPOCH_SHIFT = 719_468;
const DAYS_OF_ERA = 146_097;
const numbers = new Map<string, number>();
const texts = new Map<number, string>();
/** Days that are remembered; a ledger's entries are of a few thousand. */
const MAX_REMEMBERED = 20_000;

/**
 * A day, `YYYY-MM-DD`, as the number of days since 1970-01-01 in the Gregorian calendar.
 * Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
 */
export function dayNumber(text: string): number {
  const known = numbers.get(text);
  if (known !== undefined) return known;
  const month = Number(text.slice(5, 7));
  const year = Number(text.slice(0, 4)) - (month <= 2 ? 1 : 0);
  const era = Math.floor(year / 400);
  const yearOfEra = year - era * 400;
  const shifted = month + (month > 2 ? -3 : 9);
  const dayOfYear = Math.floor((153 * shifted + 2) / 5) + Number(text.slice(8, 10)) - 1;
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  const day = era * DAYS_OF_ERA + yearOfEra * 365 + leapDays + dayOfYear - EPOCH_SHIFT;
  if (numbers.size >= MAX_REMEMBERED) numbers.clear();
  numbers.set(text, day);
  return day;
}

/** A day's year, month (1 to 12) and day of the month. Hinnant's civil_from_days. */
function civilOf(day: number): { year: number; month: number; dayOfMonth: number } {
  const shifted = day + EPOCH_SHIFT;
  const era = Math.floor(shifted / DAYS_OF_ERA);
  const dayOfEra = shifted - era * DAYS_OF_ERA;
  const leapDays =
    Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const dayOfMonth = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfMonth };
}

/** A day as `YYYY-MM-DD`. */
export function dateText(day: number): string {
  const known = texts.get(day);
  if (known !== undefined) return known;
  const { year, month, dayOfMonth } = civilOf(day);
  const digits = (value: number, length: number) => String(value).padStart(length, '0');
  const text = `${digits(year, 4)}-${digits(month, 2)}-${digits(dayOfMonth, 2)}`;
  if (texts.size >= MAX_REMEMBERED) texts.clear();
  texts.set(day, text);
  return text;
}

/**
 * How many days of interest the days `from` to `through` are, both included. Adds up however the
 * days are divided: what June weighs is what its thirty days weigh one by one. For 30/360 it is
 * the European method (30E/360, ISDA 2006 section 4.16(g)) from the first day to the day after the
 * last: every month weighs 30, and so a 31st nothing after a 30th, and the last of February more.
 */
export function daysOfInterest(dayCount: DayCount, from: number, through: number): number {
  return dayCount === '30/360' ? thirties(through + 1) - thirties(from) : through - from + 1;
}

function thirties(day: number): number {
  const { year, month, dayOfMonth } = civilOf(day);
  return 360 * year + 30 * month + Math.min(dayOfMonth, 30);
}
