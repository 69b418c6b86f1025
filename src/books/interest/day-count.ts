/** How the part of a year that some days are is counted. */
export type DayCount =
  | 'actual/365'
  | 'actual/360'
  | 'actual/actual-isda'
  | '30/360'
  | '30E/360'
  | '30E/360-isda'
  | '30U/360';
export const DAY_COUNTS = [
  'actual/365',
  'actual/360',
  'actual/actual-isda',
  '30/360',
  '30E/360',
  '30E/360-isda',
  '30U/360',
] as const satisfies readonly DayCount[];

/** The parts of a year that a day of any day count is a whole number of: lcm(360, 365, 366). */
export const YEAR_PARTS = 1_603_080;

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
 * How much of a year the days `from` to `through` are, both included, in {@link YEAR_PARTS}. Adds
 * up however the days are divided: what June weighs is what its thirty days weigh one by one.
 * @param countedFrom the first of the days that are counted together, which 30U/360 depends on;
 *   not after `from`
 */
export function yearParts(
  dayCount: DayCount,
  countedFrom: number,
  from: number,
  through: number,
): number {
  const [end, days] = [through + 1, through + 1 - from];
  switch (dayCount) {
    case 'actual/365':
      return days * (YEAR_PARTS / 365);
    case 'actual/360':
      return days * (YEAR_PARTS / 360);
    case 'actual/actual-isda': {
      const inLeapYears = daysInLeapYears(end) - daysInLeapYears(from);
      return inLeapYears * (YEAR_PARTS / 366) + (days - inLeapYears) * (YEAR_PARTS / 365);
    }
    default: {
      const thirties = THIRTIES[dayCount];
      return (thirties(end, countedFrom) - thirties(from, countedFrom)) * (YEAR_PARTS / 360);
    }
  }
}

/** Whether what days weigh depends on the first day of all that follow each other. */
export function isCountedTogether(dayCount: DayCount): boolean {
  return dayCount === '30U/360';
}

/** Of the days before a day, how many are in leap years. ISDA 2006, section 4.16(b). */
function daysInLeapYears(day: number): number {
  const { year } = civilOf(day);
  const before = year - 1;
  const leapYears = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400);
  return 366 * leapYears + (isLeap(year) ? day - firstOf(year) : 0);
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** The first of January as a day number. */
function firstOf(year: number): number {
  return dayNumber(`${String(year).padStart(4, '0')}-01-01`);
}

/** Days of months of thirty; what is between two days is the difference of theirs. */
type Thirties = (day: number, countedFrom: number) => number;

/** Days of a month of thirty that a day of a month is, by an ISDA 2006 definition. */
type DayOfMonth = (day: number, dayOfMonth: number, countedFrom: number) => number;

function thirtiesOf(dayOf: DayOfMonth): Thirties {
  return (day, countedFrom) => {
    const { year, month, dayOfMonth } = civilOf(day);
    return 360 * year + 30 * month + dayOf(day, dayOfMonth, countedFrom);
  };
}

/** 4.16(g): a 31st is a 30th, so that it weighs nothing, and the last of February weighs more. */
const european = thirtiesOf((_, dayOfMonth) => Math.min(dayOfMonth, 30));

/**
 * 4.16(h): the last day of every month is a 30th. That of February is not where it is the
 * termination date, which an account does not have.
 */
const europeanIsda = thirtiesOf((day, dayOfMonth) => {
  return dayOfMonth >= 28 && civilOf(day + 1).dayOfMonth === 1 ? 30 : dayOfMonth;
});

/**
 * 4.16(f), bond basis: a 31st is a 30th if the first day is one, or a 31st. So what one day weighs
 * depends on the first day, and parts add up only if they are counted from the same one.
 */
const bondBasis = thirtiesOf((_, dayOfMonth, countedFrom) => {
  return dayOfMonth === 31 && civilOf(countedFrom).dayOfMonth >= 30 ? 30 : dayOfMonth;
});

const THIRTIES: Readonly<Record<Exclude<DayCount, `actual/${string}`>, Thirties>> = {
  '30/360': european,
  '30E/360': european,
  '30E/360-isda': europeanIsda,
  '30U/360': bondBasis,
};
