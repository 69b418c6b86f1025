import fc from 'fast-check';
import { checkProperty } from '../../test/harness/seed';
import { isCalendarDate, isEffectiveDate } from './calendar-date';

describe('isEffectiveDate', () => {
  it('takes days from 1900 on', () => {
    for (const day of ['1900-01-01', '2026-02-28', '9999-12-31']) {
      expect(isEffectiveDate(day)).toBe(true);
    }
    for (const text of ['1899-12-31', '0001-01-01', '2026-02-29', '19000101', 'today']) {
      expect(isEffectiveDate(text)).toBe(false);
    }
  });
});

describe('isCalendarDate', () => {
  it.each(['2026-01-31', '2024-02-29', '2000-02-29', '0001-01-01', '9999-12-31', '1993-01-01'])(
    'accepts %s',
    (text) => {
      expect(isCalendarDate(text)).toBe(true);
    },
  );

  it.each([
    ...['', '2026-02-29', '1900-02-29', '2026-02-30', '2026-04-31', '2026-13-01', '2026-00-10'],
    ...['2026-01-00', '2026-01-32', '0000-01-01', '26-01-01', '2026-1-1', '2026/01/01'],
    ...['2026-01-01T00:00:00Z', ' 2026-01-01', '2026-01-01\n', '+2026-01-01', '-001-01-01'],
    ...['12026-01-01', 'today', '20260101', '２０２６-01-01'],
  ])('refuses %j', (text) => {
    expect(isCalendarDate(text)).toBe(false);
  });

  it('accepts every day that a calendar has, and no day 29 to 31 that it has not', () => {
    const parts = fc.tuple(
      fc.integer({ min: 1, max: 9999 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 31 }),
    );
    checkProperty(
      fc.property(parts, ([year, month, day]) => {
        const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
        const lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        const pad = (n: number, length: number) => String(n).padStart(length, '0');
        const text = `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`;
        expect(isCalendarDate(text)).toBe(day <= lengths[month - 1]!);
      }),
      500,
    );
  });
});
