import type { Kysely } from 'kysely';
import type { LedgerEvent } from '../engine/event';
import { eventOf, type LogDatabase } from '../engine/event-log';
import type { Registry } from '../engine/registry';

/** Reads the event log for the feed; every event is upcast to its current version. */
export class EventFeed {
  constructor(
    private readonly db: Kysely<LogDatabase>,
    private readonly registry: Registry,
  ) {}

  /** Events after a position, up to and with another, in order. */
  async list(
    after: number,
    upTo: number,
    limit: number,
    type: string | undefined,
  ): Promise<LedgerEvent[]> {
    // A type that never happened would be looked for through the whole log.
    if (type !== undefined && !(await this.hasHappened(type))) return [];
    const rows = await this.db
      .selectFrom('event_log')
      .selectAll()
      .where('position', '>', after)
      .where('position', '<=', upTo)
      .$if(type !== undefined, (query) => query.where('type', '=', type!))
      .orderBy('position')
      .limit(limit)
      .execute();
    return rows.map((row) => this.registry.upcast(eventOf(row)));
  }

  private async hasHappened(type: string): Promise<boolean> {
    const row = await this.db
      .selectFrom('event_types')
      .select('type')
      .where('type', '=', type)
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }
}
