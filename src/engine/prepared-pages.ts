import type { EventPage, EventPages } from './event-pages';
import type { Registry } from './registry';
import type { StateSession } from './state-session';
import { WantedRows } from './wanted-rows';

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

  constructor(
    private readonly pages: EventPages,
    private readonly registry: Registry,
    private readonly session: StateSession,
    private readonly depth: number,
  ) {}

  /** The next page, with all that it needs in memory; undefined after the last one. */
  async next(): Promise<EventPage | undefined> {
    while (!this.isAtEnd && this.ahead.length <= this.depth) {
      const page = await this.pages.next();
      if (!page) this.isAtEnd = true;
      else {
        const loaded = loadNeeds(this.registry, this.session, page);
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
}

/** Asks for the rows that a page is going to read and that are not in memory. */
function loadNeeds(
  registry: Registry,
  session: StateSession,
  page: EventPage | undefined,
): Promise<void> {
  const wanted = new WantedRows(session);
  for (const stored of page?.events ?? []) {
    try {
      registry.need(registry.upcast(stored), wanted);
    } catch {
      // Its materializer meets what is wrong with it, in its turn.
    }
  }
  const loaded = wanted.load();
  loaded.catch(() => undefined);
  return loaded;
}
