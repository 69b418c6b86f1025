import { Inject, Injectable } from '@nestjs/common';
import type { Kysely } from 'kysely';
import { anyOf } from '../../database/arrays';
import type { LedgerEvent } from '../../engine/define/event';
import { eventOf, type LogDatabase } from '../../engine/write/event-log';
import { LedgerUnavailable } from '../../engine/define/refusal';
import { Registry } from '../../engine/define/registry';
import { LOG_READER } from '../../http/service-tokens';
import { lastAmendments } from './event-amendment.queries';
import { withTasks, type TaskDatabase } from '../tasks/task-database';
import { statusOf } from '../tasks/task.queries';
import type { EventAmendmentDto, EventTaskDto } from './event.dto';

/** What an event is called. */
export interface EventName {
  readonly position: number;
  readonly eventId: string;
  readonly type: string;
}

/** Reads the event log for the feed; every event is upcast to its current version. */
@Injectable()
export class EventFeed {
  private readonly db: Kysely<TaskDatabase>;

  constructor(
    @Inject(LOG_READER) log: Kysely<LogDatabase>,
    private readonly registry: Registry,
  ) {
    this.db = withTasks(log);
  }

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

  /** The names of the events at positions that the state contains. @throws LedgerUnavailable */
  async namesAt(positions: readonly number[]): Promise<Map<number, EventName>> {
    const asked = [...new Set(positions)];
    const rows = await this.db
      .selectFrom('event_log')
      .select(['position', 'event_id as eventId', 'type'])
      .where('position', '=', anyOf('bigint', asked))
      .execute();
    // A log that was restored to an older time lacks what the state contains.
    if (rows.length < asked.length) throw new LedgerUnavailable('The state is ahead of the log');
    return new Map(rows.map((row) => [row.position, row]));
  }

  /** What events asked for, by their positions, in order; in one query. */
  async tasksOf(events: readonly LedgerEvent[]): Promise<Map<number, EventTaskDto[]>> {
    if (events.length === 0) return new Map();
    const positions = events.map((event) => event.position);
    const rows = await this.db
      .selectFrom('task_log as t')
      .leftJoin('task_delivery as d', 'd.task_id', 't.task_id')
      .select(['t.position', 't.task_id as taskId', 't.name'])
      .select((eb) => statusOf(eb.ref('d.status')).as('status'))
      .where('t.position', '=', anyOf('bigint', positions))
      .orderBy('t.position')
      .orderBy('t.ordinal')
      .execute();
    const tasks = new Map<number, EventTaskDto[]>();
    for (const { position, ...task } of rows) {
      const others = tasks.get(position);
      if (others) others.push(task);
      else tasks.set(position, [task]);
    }
    return tasks;
  }

  /** The last amendments of events, by their positions; in one query. */
  amendmentsOf(events: readonly LedgerEvent[]): Promise<Map<number, EventAmendmentDto>> {
    return lastAmendments(
      this.db,
      events.map((event) => event.position),
    );
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
