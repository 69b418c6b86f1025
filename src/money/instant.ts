/** RFC 3339 from the year 1 on, without leap seconds. */
export const INSTANT_PATTERN = new RegExp(
  String.raw`^(?!0000)\d{4}-\d\d-\d\d[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?` +
    String.raw`([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$`,
);

/**
 * A point in time, RFC 3339 with any offset, as the ledger writes it: UTC with milliseconds, which
 * is all that it keeps; smaller parts are cut off.
 * @returns undefined for what is none, a day that does not exist and a leap second among them, or
 *   is outside the years 1 to 9999 in UTC
 */
export function readInstant(text: string): string | undefined {
  if (!INSTANT_PATTERN.test(text)) return undefined;
  const local = text.toUpperCase();
  // Date takes the 30th of February for the 2nd of March.
  const day = local.slice(0, 10);
  const midnight = new Date(`${day}T00:00:00Z`);
  if (Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(day)) return undefined;
  const instant = new Date(local);
  if (Number.isNaN(instant.getTime())) return undefined;
  const utc = instant.toISOString();
  return utc.length === 24 && !utc.startsWith('0000') ? utc : undefined;
}
