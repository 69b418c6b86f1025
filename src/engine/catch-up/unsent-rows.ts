import type { Head, LedgerEvent } from '../define/event';
import type { EventPage } from './event-pages';
import { encodeChanges, EncodedRows, type Statement } from '../session/flush';
import type { BufferedSession } from '../session/buffered-session';

/** What was materialized and not sent yet. */
export class UnsentRows {
  events = 0;
  characters = 0;
  private last: LedgerEvent | undefined;
  /** Settled once all is there that queries had to wait for: rows that were sent, and indexes. */
  beforeQueries: Promise<unknown> = Promise.resolve();
  private readonly encoded = new EncodedRows();

  /** @param before the head before these rows */
  constructor(
    private readonly session: BufferedSession,
    public before: Head,
  ) {}

  /** The event that wrote them, where it is one, and none behind it has begun to. */
  get only(): LedgerEvent | undefined {
    const isLast = this.last?.position === this.session.head.position;
    return this.events === 1 && isLast ? this.last : undefined;
  }

  /** Whether they are those of the event that is being materialized. */
  get areOfOneEvent(): boolean {
    return this.before.position + 1 === this.session.head.position;
  }

  /** Takes the rows that a page has appended to tables. */
  add(page: EventPage): void {
    this.events += page.events.length;
    this.characters += page.characters;
    this.last = page.events.at(-1);
    for (const appended of this.session.takeAppended()) this.encoded.add(appended);
  }

  /** Has a query wait for some work. @returns the same */
  awaitBeforeQueries(work: Promise<void>): Promise<void> {
    this.beforeQueries = Promise.all([this.beforeQueries, work]);
    this.beforeQueries.catch(() => undefined);
    return work;
  }

  /** Every row that is to be sent now. */
  take(): Statement[] {
    return [...this.encoded.take(), ...encodeChanges(this.session.takeChanges())];
  }

  /** Begins anew behind what was sent. */
  begin(): void {
    this.events = 0;
    this.characters = 0;
    this.before = this.session.head;
  }
}
