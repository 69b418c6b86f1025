import { addDays } from '../../money/calendar-date';
import type { Repeat } from './schedule.events';

/**
 * The day after `on` of those that repeat from a first one; undefined after `until`, or where
 * there is none any more. Days are counted from the first: of one on the 31st a month that has none
 * gives its last day, and the next month its 31st again.
 */
export function dayAfter(
  on: string,
  first: string,
  repeat: Repeat | null,
  until: string | null,
): string | undefined {
  if (repeat === null) return undefined;
  const next = {
    daily: () => addDays(on, 1),
    weekly: () => addDays(on, 7),
    monthly: () => monthsAfter(first, monthsBetween(first, on) + 1),
    yearly: () => monthsAfter(first, monthsBetween(first, on) + 12),
  }[repeat]();
  // Years of five digits begin with a sign.
  return /^\d/.test(next) && next <= (until ?? next) ? next : undefined;
}

function monthsBetween(first: string, day: string): number {
  const monthOf = (text: string) => Number(text.slice(0, 4)) * 12 + Number(text.slice(5, 7));
  return monthOf(day) - monthOf(first);
}

function monthsAfter(first: string, months: number): string {
  const [year, month, day] = first.split('-').map(Number) as [number, number, number];
  const lastOfMonth = new Date(Date.UTC(year, month - 1 + months + 1, 0));
  lastOfMonth.setUTCDate(Math.min(day, lastOfMonth.getUTCDate()));
  const text = lastOfMonth.toISOString();
  return text.slice(0, text.indexOf('T'));
}
