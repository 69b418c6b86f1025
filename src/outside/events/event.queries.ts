import type { Kysely } from 'kysely';
import { anyOf } from '../../database/arrays';
import type { LedgerEvent } from '../../engine/define/event';
import { eventOf, type LogDatabase } from '../../engine/write/event-log';
import { LedgerUnavailable } from '../../engine/define/refusal';
import type { Registry } from '../../engine/define/registry';
import { readPage, type PageRows } from '../../engine/session/page-rows';
import { lastAmendments } from './event-amendment.queries';
import { withTasks } from '../tasks/task-database';
import { statusOf } from '../tasks/task.queries';
import type { EventAmendmentDto, EventTaskDto } from './event.dto';

/** What an event is called. */
export interface EventName {
  readonly position: number;
  readonly eventId: string;
  readonly type: string;
}

/** Events after a position, up to and with another. */
export interface EventFilter {
  readonly after: number;
  readonly upTo: number;
  readonly type?: string | undefined;
}

const EVENTS = { by: ['position'], large: ['data'] } as const;

/** Events in order, every one upcast to its current version: so many, or fewer of large ones. */
export async function listEvents(
  log: Kysely<LogDatabase>,
  registry: Registry,
  { after, upTo, type }: EventFilter,
  limit: number,
): Promise<PageRows<LedgerEvent>> {
  // A type that never happened would be looked for through the whole log.
  if (type !== undefined && !(await hasHappened(log, type))) return { rows: [], hasMore: false };
  const found = log
    .selectFrom('event_log')
    .selectAll()
    .where('position', '>', after)
    .where('position', '<=', upTo)
    .$if(type !== undefined, (query) => query.where('type', '=', type!))
    .orderBy('position')
    .limit(limit + 1);
  const { rows, hasMore } = await readPage(log, found, EVENTS, limit);
  return { rows: rows.map((row) => registry.upcast(eventOf(row))), hasMore };
}

/** The names of the events at positions that the state contains. @throws LedgerUnavailable */
export async function eventNamesAt(
  log: Kysely<LogDatabase>,
  positions: readonly number[],
): Promise<Map<number, EventName>> {
  const asked = [...new Set(positions)];
  const rows = await log
    .selectFrom('event_log')
    .select(['position', 'event_id as eventId', 'type'])
    .where('position', '=', anyOf('bigint', asked))
    .execute();
  // A log that was restored to an older time lacks what the state contains.
  if (rows.length < asked.length) throw new LedgerUnavailable('The state is ahead of the log');
  return new Map(rows.map((row) => [row.position, row]));
}

/** What events asked for, by their positions, in order; in one query. */
export async function tasksOf(
  log: Kysely<LogDatabase>,
  events: readonly LedgerEvent[],
): Promise<Map<number, EventTaskDto[]>> {
  if (events.length === 0) return new Map();
  const positions = events.map((event) => event.position);
  const rows = await withTasks(log)
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
export function amendmentsOf(
  log: Kysely<LogDatabase>,
  events: readonly LedgerEvent[],
): Promise<Map<number, EventAmendmentDto>> {
  return lastAmendments(
    log,
    events.map((event) => event.position),
  );
}

async function hasHappened(log: Kysely<LogDatabase>, type: string): Promise<boolean> {
  const row = await log
    .selectFrom('event_types')
    .select('type')
    .where('type', '=', type)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
