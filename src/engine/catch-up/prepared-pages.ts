import type { EventPage, EventPages } from './event-pages';
import type { Registry } from '../define/registry';
import type { BufferedSession } from '../session/buffered-session';
import { WantedRows } from '../session/wanted-rows';

/**
 * Pages whose rows are asked for before it is their turn: as many as are materialized while the
 * state's server takes a flush, and few beyond that, because the collector copies them all.
 */
export const PREPARED_PAGES = 16;

/**
 * Pages whose rows have been asked for. The state's connection answers in order, so that a load
 * waits for the rows that were sent before it: it is asked for many pages ahead.
 */
export class PreparedPages {
  private readonly ahead: { page: EventPage; batch: number; loaded: Promise<void> }[] = [];
  private isAtEnd = false;
  /** Pages that need wait for none since the last one that had rows asked for. */
  private restful = 0;

  constructor(
    private readonly pages: EventPages,
    private readonly registry: Registry,
    private readonly session: BufferedSession,
    private readonly depth: number,
  ) {}

  /** The next page, with all that it needs in memory; undefined after the last one. */
  async next(): Promise<EventPage | undefined> {
    while (!this.isAtEnd && this.ahead.length <= this.wanted) {
      const page = await this.pages.next();
      if (!page) this.isAtEnd = true;
      else {
        const wanted = this.need(page);
        this.restful = wanted.isEmpty ? this.restful + 1 : 0;
        const loaded = wanted.load();
        loaded.catch(() => undefined);
        this.ahead.push({ page, batch: this.session.batch, loaded });
      }
    }
    const first = this.ahead.shift();
    await first?.loaded;
    return first?.page;
  }

  /** The first batch in which rows were seen in memory that a page still wants. */
  get oldestBatch(): number {
    return this.ahead[0]?.batch ?? this.session.batch;
  }

  /** How many pages are to be ahead: few while none asks for rows, and nothing is waited for. */
  private get wanted(): number {
    return this.restful > this.depth ? Math.min(this.depth, 1) : this.depth;
  }

  /** The rows that a page is going to read and that are not in memory. */
  private need(page: EventPage): WantedRows {
    const wanted = new WantedRows(this.session);
    for (const stored of page.events) {
      try {
        this.registry.need(this.registry.upcast(stored), wanted);
      } catch {
        // Its materializer meets what is wrong with it, in its turn.
      }
    }
    return wanted;
  }
}
