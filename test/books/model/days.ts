/**
 * Days of Europe/Prague from the law alone, and no zone data: an hour ahead of UTC, and two from
 * the last Sunday of March, 01:00 UTC, to the last one of October.
 */
export const ZONE = 'Europe/Prague';
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** The day of an instant. */
export function dayOf(instant: string): string {
  const ms = Date.parse(instant);
  return textOf(ms + (isSummer(ms) ? 2 : 1) * HOUR_MS);
}

/** The instant in which a day begins, RFC 3339 in UTC. */
export function startOf(day: string): string {
  const inSummer = Date.parse(day) - 2 * HOUR_MS;
  return new Date(isSummer(inSummer) ? inSummer : inSummer + HOUR_MS).toISOString();
}

export function addDays(day: string, days: number): string {
  return textOf(Date.parse(day) + days * DAY_MS);
}

/** The Monday of a day's week. */
export function mondayOf(day: string): string {
  return addDays(day, -((new Date(day).getUTCDay() + 6) % 7));
}

/** So many months later, or the last day of a shorter month. */
export function addMonths(day: string, months: number): string {
  const [year, month, dayOfMonth] = day.split('-').map(Number) as [number, number, number];
  const last = new Date(Date.UTC(year, month - 1 + months + 1, 0)).getUTCDate();
  return textOf(Date.UTC(year, month - 1 + months, Math.min(dayOfMonth, last)));
}

function isSummer(ms: number): boolean {
  const year = new Date(ms).getUTCFullYear();
  return ms >= changeIn(year, 2) && ms < changeIn(year, 9);
}

function changeIn(year: number, month: number): number {
  const last = new Date(Date.UTC(year, month + 1, 0));
  return last.getTime() - last.getUTCDay() * DAY_MS + HOUR_MS;
}

function textOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
