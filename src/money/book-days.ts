const LAST_DAY = '9999-12-31';

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
  private last = { instant: '', day: '' };

  /** @param timeZone as {@link isTimeZone} has it */
  constructor(readonly timeZone: string) {
    const digits = { year: 'numeric', month: '2-digit', day: '2-digit' } as const;
    this.format = new Intl.DateTimeFormat('en-u-ca-gregory-nu-latn', { timeZone, ...digits });
  }

  /** The day of an instant (RFC 3339), `YYYY-MM-DD`. Thousands of commands have one instant. */
  of(instant: string): string {
    if (instant !== this.last.instant) this.last = { instant, day: this.dayOf(instant) };
    return this.last.day;
  }

  private dayOf(instant: string): string {
    const parts = this.format.formatToParts(new Date(instant));
    const digitsOf = (type: string) => parts.find((part) => part.type === type)!.value;
    const year = digitsOf('year').padStart(4, '0');
    // East of Greenwich the last instant that can be written is in the year 10000.
    return year.length > 4 ? LAST_DAY : `${year}-${digitsOf('month')}-${digitsOf('day')}`;
  }
}
