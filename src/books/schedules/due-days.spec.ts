import { dayAfter } from './due-days';
import type { Repeat } from './schedule.events';

function days(first: string, repeat: Repeat, count: number, until: string | null = null) {
  const found = [first];
  while (found.length < count) {
    const next = dayAfter(found.at(-1)!, first, repeat, until);
    if (next === undefined) break;
    found.push(next);
  }
  return found;
}

describe('the days of what repeats', () => {
  it('are the last of months that have no such day, and then that day again', () => {
    expect(days('2027-12-31', 'monthly', 5)).toEqual([
      ...['2027-12-31', '2028-01-31', '2028-02-29', '2028-03-31', '2028-04-30'],
    ]);
    expect(days('2026-01-30', 'monthly', 3)).toEqual(['2026-01-30', '2026-02-28', '2026-03-30']);
  });

  it('are the 28th of February where a leap day is none, and then the leap day again', () => {
    expect(days('2024-02-29', 'yearly', 5)).toEqual([
      ...['2024-02-29', '2025-02-28', '2026-02-28', '2027-02-28', '2028-02-29'],
    ]);
  });

  it('are a day or a week apart, over the ends of months and years', () => {
    expect(days('2026-12-30', 'daily', 3)).toEqual(['2026-12-30', '2026-12-31', '2027-01-01']);
    expect(days('2026-12-28', 'weekly', 2)).toEqual(['2026-12-28', '2027-01-04']);
  });

  it('end with the last one that may be', () => {
    expect(days('2026-01-31', 'monthly', 9, '2026-03-30')).toEqual(['2026-01-31', '2026-02-28']);
    expect(days('9999-12-30', 'daily', 9)).toEqual(['9999-12-30', '9999-12-31']);
    expect(dayAfter('2026-01-31', '2026-01-31', null, null)).toBeUndefined();
  });
});
