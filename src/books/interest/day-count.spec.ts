import fc from 'fast-check';
import { checkProperty } from '../../../test/harness/seed';
import {
  DAY_COUNTS,
  dateText,
  dayNumber,
  isCountedTogether,
  YEAR_PARTS,
  yearParts,
  type DayCount,
} from './day-count';

const DAY_MS = 86_400_000;
const LAST_DAY = dayNumber('9999-12-31');
const days = fc.integer({ min: dayNumber('0001-01-01'), max: LAST_DAY });

/** From a first day to the day after the last one, as published tables have it. */
function partsBetween(dayCount: DayCount, start: string, end: string): number {
  const [from, after] = [dayNumber(start), dayNumber(end)];
  return yearParts(dayCount, from, from, after - 1);
}

function daysBetween(dayCount: DayCount, start: string, end: string): number {
  return partsBetween(dayCount, start, end) / (YEAR_PARTS / 360);
}

describe('days', () => {
  it('are numbered as the calendar of the runtime has them', () => {
    checkProperty(
      fc.property(days, (day) => {
        const text = new Date(day * DAY_MS).toISOString().slice(0, 10);
        expect(dateText(day)).toBe(text);
        expect(dayNumber(text)).toBe(day);
      }),
      2_000,
    );
    expect(dayNumber('1970-01-01')).toBe(0);
    expect(dateText(LAST_DAY)).toBe('9999-12-31');
    expect(dateText(dayNumber('2024-02-28') + 1)).toBe('2024-02-29');
  });

  it('weigh as much together as one by one', () => {
    checkProperty(
      fc.property(fc.constantFrom(...DAY_COUNTS), days, fc.nat(1_500), (dayCount, from, length) => {
        let sum = 0;
        for (let day = from; day <= from + length; day++) {
          // Only what is counted together needs to know the first day.
          sum += yearParts(dayCount, isCountedTogether(dayCount) ? from : day, day, day);
        }
        expect(yearParts(dayCount, from, from, from + length)).toBe(sum);
      }),
      50,
    );
  });

  it.each([
    ['actual/365', '2024-01-01', '2025-01-01', 366 / 365],
    ['actual/360', '2025-01-01', '2026-01-01', 365 / 360],
    ['actual/actual-isda', '2024-01-01', '2025-01-01', 1],
    ['actual/actual-isda', '2023-01-01', '2024-01-01', 1],
    ['actual/actual-isda', '1900-01-01', '1901-01-01', 1],
  ] as const)('by %s from %s to %s are %f years', (dayCount, start, end, years) => {
    expect(partsBetween(dayCount, start, end) / YEAR_PARTS).toBeCloseTo(years, 14);
  });
});

/**
 * ISDA, "EMU and market conventions: recent developments" (1998), with the coupons' first and last
 * periods; as QuantLib's tests of day counters have them, right to ten decimals.
 */
describe('actual/actual by ISDA', () => {
  it.each([
    ['2003-11-01', '2004-05-01', '0.497724380567'],
    ['1999-02-01', '1999-07-01', '0.410958904110'],
    ['1999-07-01', '2000-07-01', '1.001377348600'],
    ['2002-08-15', '2003-07-15', '0.915068493151'],
    ['2003-07-15', '2004-01-15', '0.504004790778'],
    ['1999-07-30', '2000-01-30', '0.503892506924'],
    ['2000-01-30', '2000-06-30', '0.415300546448'],
  ])('is from %s to %s %s years', (start, end, years) => {
    const parts = partsBetween('actual/actual-isda', start, end);
    expect(parts / YEAR_PARTS).toBeCloseTo(Number(years), 10);
  });
});

/**
 * ISDA's table of 30/360 day count conventions (isda.org, 2008-12-22): first day, day after the
 * last one, and days by bond basis, 30E/360 and 30E/360 (ISDA). That has no value where ISDA's
 * example gives it other dates, which stand behind.
 */
const THIRTIES: readonly [string, string, number, number, number | undefined][] = [
  ['2006-08-20', '2007-02-20', 180, 180, 180],
  ['2007-02-20', '2007-08-20', 180, 180, 180],
  ['2007-08-20', '2008-02-20', 180, 180, 180],
  ['2008-02-20', '2008-08-20', 180, 180, 180],
  ['2008-08-20', '2009-02-20', 180, 180, 180],
  ['2009-02-20', '2009-08-20', 180, 180, 180],
  ['2006-08-31', '2007-02-28', 178, 178, 180],
  ['2007-02-28', '2007-08-31', 183, 182, 180],
  ['2007-08-31', '2008-02-29', 179, 179, 180],
  ['2008-02-29', '2008-08-31', 182, 181, 180],
  ['2008-08-31', '2009-02-28', 178, 178, 180],
  ['2009-02-28', '2009-08-31', 183, 182, 180],
  ['2006-01-31', '2006-02-28', 28, 28, 30],
  ['2006-01-30', '2006-02-28', 28, 28, 30],
  ['2006-02-28', '2006-03-03', 5, 5, 3],
  ['2006-02-14', '2006-02-28', 14, 14, 16],
  ['2006-09-30', '2006-10-31', 30, 30, 30],
  ['2006-10-31', '2006-11-28', 28, 28, 28],
  ['2007-08-31', '2008-02-28', 178, 178, 178],
  ['2008-02-28', '2008-08-28', 180, 180, 180],
  ['2008-02-28', '2008-08-30', 182, 182, 182],
  ['2008-02-28', '2008-08-31', 183, 182, 182],
  ['2007-02-26', '2008-02-28', 362, 362, undefined],
  ['2007-02-26', '2008-02-29', 363, 363, undefined],
  ['2008-02-29', '2009-02-28', 359, 359, 360],
  ['2008-02-28', '2008-03-30', 32, 32, undefined],
  ['2008-02-28', '2008-03-31', 33, 32, undefined],
];

/** With the termination date elsewhere: an account has none, so the last of February is a 30th. */
const ISDA_ONLY: readonly [string, string, number][] = [
  ['2006-02-28', '2006-08-31', 180],
  ['2010-02-28', '2010-08-31', 180],
  ['2011-08-31', '2012-02-29', 180],
  ['2007-02-28', '2008-02-28', 358],
  ['2007-02-28', '2008-02-29', 360],
  ['2008-02-29', '2008-03-30', 30],
  ['2008-02-29', '2008-03-31', 30],
];

describe('months of thirty days', () => {
  it.each(THIRTIES)('from %s to %s are %i, %i and %i', (start, end, bond, european, isda) => {
    expect(daysBetween('30U/360', start, end)).toBe(bond);
    expect(daysBetween('30E/360', start, end)).toBe(european);
    expect(daysBetween('30/360', start, end)).toBe(european);
    if (isda !== undefined) expect(daysBetween('30E/360-isda', start, end)).toBe(isda);
  });

  it.each(ISDA_ONLY)('from %s to %s are %i by 30E/360 (ISDA)', (start, end, days) => {
    expect(daysBetween('30E/360-isda', start, end)).toBe(days);
  });

  it('are counted from the first of all days, where bond basis is', () => {
    const [from, cut, end] = ['2026-01-29', '2026-01-31', '2026-03-15'].map(dayNumber) as [
      ...[number, number, number],
    ];
    const first = yearParts('30U/360', from, from, cut - 1);
    const second = yearParts('30U/360', from, cut, end - 1);
    expect(first + second).toBe(yearParts('30U/360', from, from, end - 1));
    expect(first + second).not.toBe(first + yearParts('30U/360', cut, cut, end - 1));
  });
});
