const LAST_DAY = '9999-12-31';
/** From then on all zones differ from UTC by whole minutes, so that no day ends within one. */
const WHOLE_MINUTES = '1973';
const DAY_MS = 86_400_000;
/** Days whose beginnings are remembered: each asks Intl thirty times. */
const MAX_STARTS = 1_000;
const MINUTE_LENGTH = '2026-01-31T10:00'.length;

/** Whether a text is the name of a time zone of the IANA database that this Node knows. */
export function isTimeZone(text: string): boolean {
  // Offsets such as +01:00 are no zones: they know no summer.
  if (!/^[A-Za-z]/.test(text)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

/**
 * The days that the books count: those of one time zone. Asked by creators alone, which put the
 * days on their events; whoever reads these needs no time zone data.
 */
export class BookDays {
  private readonly format: Intl.DateTimeFormat;
  /** The last minute that was asked for, as instants begin that are of it, and its day. */
  private minute = '';
  private day = '';
  private readonly starts = new Map<string, string>();

  /** @param timeZone as {@link isTimeZone} has it */
  constructor(readonly timeZone: string) {
    const digits = { year: 'numeric', month: '2-digit', day: '2-digit' } as const;
    this.format = new Intl.DateTimeFormat('en-u-ca-gregory-nu-latn', { timeZone, ...digits });
  }

  /**
   * The day of an instant (RFC 3339 in UTC), `YYYY-MM-DD`. Thousands of commands are of one minute,
   * and to ask Intl takes as long as half a transfer.
   */
  of(instant: string): string {
    if (instant < WHOLE_MINUTES) return this.dayOf(instant);
    if (!instant.startsWith(this.minute) || this.minute === '') {
      this.day = this.dayOf(instant);
      this.minute = instant.slice(0, MINUTE_LENGTH);
    }
    return this.day;
  }

  /**
   * The instant in which a day begins, RFC 3339 in UTC: the first that is of it, or of a later day
   * where a zone left the day out.
   */
  startOf(day: string): string {
    const known = this.starts.get(day);
    if (known !== undefined) return known;
    // No zone is a day and a half away from UTC.
    let after = Date.parse(`${day}T00:00:00Z`) + 1.5 * DAY_MS;
    let before = after - 3 * DAY_MS;
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      if (this.dayOf(new Date(middle).toISOString()) < day) before = middle;
      else after = middle;
    }
    if (this.starts.size >= MAX_STARTS) this.starts.clear();
    const start = new Date(after).toISOString();
    this.starts.set(day, start);
    return start;
  }

  private dayOf(instant: string): string {
    const parts = this.format.formatToParts(new Date(instant));
    const digitsOf = (type: string) => parts.find((part) => part.type === type)!.value;
    const year = digitsOf('year').padStart(4, '0');
    // East of Greenwich the last instant that can be written is in the year 10000.
    return year.length > 4 ? LAST_DAY : `${year}-${digitsOf('month')}-${digitsOf('day')}`;
  }
}
