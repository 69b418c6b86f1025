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
