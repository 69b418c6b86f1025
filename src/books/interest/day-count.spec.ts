import fc from 'fast-check';
import { checkProperty } from '../../../test/harness/seed';
import { DAY_COUNTS, dateText, dayNumber, daysOfInterest, type DayCount } from './day-count';

const DAY_MS = 86_400_000;
const LAST_DAY = dayNumber('9999-12-31');
const days = fc.integer({ min: dayNumber('0001-01-01'), max: LAST_DAY });

function weightOf(dayCount: DayCount, from: string, through: string): number {
  return daysOfInterest(dayCount, dayNumber(from), dayNumber(through));
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

  it.each([
    ['actual/365', '2024-01-01', '2024-12-31', 366],
    ['actual/360', '2025-01-01', '2025-12-31', 365],
    ['30/360', '2024-01-01', '2024-12-31', 360],
    ['30/360', '2025-01-01', '2025-12-31', 360],
    ['30/360', '2025-01-31', '2025-01-31', 1],
    ['30/360', '2025-01-30', '2025-01-30', 0],
    ['30/360', '2025-02-28', '2025-02-28', 3],
    ['30/360', '2024-02-29', '2024-02-29', 2],
    ['30/360', '2025-02-01', '2025-02-28', 30],
    ['30/360', '2025-03-15', '2025-06-14', 90],
  ] as const)('%s from %s through %s are %i', (dayCount, from, through, weight) => {
    expect(weightOf(dayCount, from, through)).toBe(weight);
  });

  it('weigh as much together as one by one', () => {
    checkProperty(
      fc.property(fc.constantFrom(...DAY_COUNTS), days, fc.nat(1_500), (dayCount, from, length) => {
        let sum = 0;
        for (let day = from; day <= from + length; day++) sum += daysOfInterest(dayCount, day, day);
        expect(daysOfInterest(dayCount, from, from + length)).toBe(sum);
      }),
      50,
    );
  });
});
