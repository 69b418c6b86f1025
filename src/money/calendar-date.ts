/** The first day that anything may take effect on. */
export const FIRST_EFFECTIVE_DATE = '1900-01-01';

/** Whether a text is a day that exists, as `YYYY-MM-DD`, from year 1 to 9999. */
export function isCalendarDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || text.startsWith('0000')) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

/** Whether a text is a day that something may take effect on, if it is not in the future. */
export function isEffectiveDate(text: string): boolean {
  return text >= FIRST_EFFECTIVE_DATE && isCalendarDate(text);
}

/** The day so many days later, `YYYY-MM-DD`. */
export function addDays(day: string, days: number): string {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + days);
  return date.toISOString().slice(0, 10);
}

/** The day before; undefined where no date comes before. */
export function dayBefore(day: string): string | undefined {
  return day > '0001-01-01' ? addDays(day, -1) : undefined;
}

/** The Monday of a day's week. */
export function mondayOf(day: string): string {
  const weekday = new Date(`${day}T00:00:00Z`).getUTCDay();
  return addDays(day, -((weekday + 6) % 7));
}

/** The first day of the month after that of a day. */
export function monthAfter(day: string): string {
  const date = new Date(`${day.slice(0, 7)}-01T00:00:00Z`);
  date.setUTCMonth(date.getUTCMonth() + 1);
  return date.toISOString().slice(0, 10);
}
