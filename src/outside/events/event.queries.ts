import type { Kysely } from 'kysely';
import { anyOf } from '../../database/arrays';
import type { LedgerEvent } from '../../engine/define/event';
import { eventOf, type LogDatabase } from '../../engine/write/event-log';
import { LedgerUnavailable } from '../../engine/define/refusal';
import type { Registry } from '../../engine/define/registry';
import { readPage, type PageRows } from '../../engine/session/page-rows';
import type { EventRange } from './event-subject.queries';
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

/** Which events of a range are asked for. */
export interface EventFilter {
  /** One of these; undefined: any. */
  readonly types?: readonly string[] | undefined;
  readonly actor?: string | undefined;
  /** Of the request that they belong to. */
  readonly correlationId?: string | undefined;
  /** One of these. */
  readonly positions?: readonly number[] | undefined;
  /** Where the first events of one of the types are. */
  readonly known?: { readonly type: string; readonly positions: readonly number[] } | undefined;
}

/**
 * Events of a range in order, every one upcast to its current version: so many, or fewer of large
 * ones. Each filter has an index in that order, and so has each of several types.
 */
export async function listEvents(
  log: Kysely<LogDatabase>,
  registry: Registry,
  { least, most, order }: EventRange,
  { types, actor, correlationId, positions, known }: EventFilter,
  { limit, bytes }: { readonly limit: number; readonly bytes?: number | undefined },
): Promise<PageRows<LedgerEvent>> {
  const first = (type?: string) => {
    let query = log
      .selectFrom('event_log')
      .selectAll()
      .where('position', '>=', least)
      .where('position', '<=', most);
    if (type !== undefined) query = query.where('type', '=', type);
    if (known && type === known.type) {
      query = query.where('position', '=', anyOf('bigint', known.positions));
    }
    if (actor !== undefined) query = query.where('actor', '=', actor);
    if (correlationId !== undefined) query = query.where('correlation_id', '=', correlationId);
    if (positions) query = query.where('position', '=', anyOf('bigint', positions));
    return query.orderBy('position', order).limit(limit + 1);
  };
  const [one, ...others] = types ?? [];
  const found = others.reduce(
    (all, type) => all.unionAll(log.selectFrom(first(type).as('e')).selectAll()),
    log.selectFrom(first(one).as('e')).selectAll(),
  );
  const page = log.selectFrom(found.as('e')).selectAll().orderBy('position', order);
  const shape = { by: ['position'], order, large: ['data'], bytes } as const;
  const { rows, hasMore } = await readPage(log, page.limit(limit + 1), shape, limit);
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
