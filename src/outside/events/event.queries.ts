import { sql, type AliasableExpression, type Kysely, type SqlBool } from 'kysely';
import { anyOf, given, rowsOf } from '../../database/arrays';
import type { LedgerEvent } from '../../engine/define/event';
import { eventOf, type LogDatabase, type StoredEvent } from '../../engine/write/event-log';
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

/** Which events of a range are asked for: those that pass all filters. */
export interface EventFilter {
  /** One of these; undefined: any. */
  readonly types?: readonly string[] | undefined;
  readonly actor?: string | undefined;
  /** Of the request that they belong to. */
  readonly correlationId?: string | undefined;
  /** One of these. */
  readonly positions?: readonly number[] | undefined;
  /** The type that the log has no index of, and where its first events are, if it is asked for. */
  readonly known?: { readonly type: string; readonly positions: readonly number[] } | undefined;
}

/**
 * Events of a range in order, every one upcast to its current version: so many, or fewer of large
 * ones. As many looks into an index as there are types, whatever the filters leave.
 */
export async function listEvents(
  log: Kysely<LogDatabase>,
  registry: Registry,
  range: EventRange,
  filter: EventFilter,
  { limit, bytes }: { readonly limit: number; readonly bytes?: number | undefined },
): Promise<PageRows<LedgerEvent>> {
  const { order } = range;
  const found = foundBy(log, registry, range, filter, limit + 1);
  const page = log
    .selectFrom(found.as('e'))
    .selectAll()
    .orderBy('position', order)
    .limit(limit + 1);
  const shape = { by: ['position'], order, large: ['data'], bytes } as const;
  const { rows, hasMore } = await readPage(log, page, shape, limit);
  return { rows: rows.map((row) => registry.upcast(eventOf(row))), hasMore };
}

/** The first rows that pass, and perhaps more, in any order. */
function foundBy(
  log: Kysely<LogDatabase>,
  registry: Registry,
  range: EventRange,
  { types, actor, correlationId, positions, known }: EventFilter,
  limit: number,
): AliasableExpression<StoredEvent> {
  let all = log
    .selectFrom('event_log')
    .selectAll()
    .where('position', '>=', range.least)
    .where('position', '<=', range.most)
    .orderBy('position', range.order)
    .limit(limit);
  // Both are few: those of a request, and those that somebody has found.
  const areFew = positions !== undefined || correlationId !== undefined;
  if (!areFew && actor !== undefined) {
    return ofTypes(log, types ?? registry.eventTypes, { actor }, range, limit);
  }
  if (!areFew && types) {
    const others = types.filter((type) => type !== known?.type);
    const indexed = ofTypes(log, others, { unindexed: known?.type }, range, limit);
    if (!known || others.length === types.length) return indexed;
    const placed = all.where('position', '=', anyOf('bigint', known.positions));
    return indexed.unionAll(log.selectFrom(placed.as('k')).selectAll());
  }
  if (types) all = all.where('type', '=', anyOf('text', types));
  if (actor !== undefined) all = all.where('actor', '=', actor);
  if (correlationId !== undefined) all = all.where('correlation_id', '=', correlationId);
  return positions ? all.where('position', '=', anyOf('bigint', positions)) : all;
}

/**
 * The first events of each of some types, by the index that begins with the types, or with the
 * actor. Rows are compared as a whole, and ordered by all columns of that index. Asked for two
 * things that are common, the planner else takes the key of the log, and goes through all of it
 * where they hardly come together. SQL as text: the builder's tuples are of values.
 */
function ofTypes(
  log: Kysely<LogDatabase>,
  types: readonly string[],
  by: { readonly actor?: string; readonly unindexed?: string | undefined },
  { least, most, order }: EventRange,
  limit: number,
) {
  const { actor, unindexed } = by;
  const columns = actor === undefined ? TYPE_INDEX : ACTOR_INDEX;
  const row = sql.join(columns.map((name) => sql.ref(`l.${name}`)));
  const rowAt = (position: number) => {
    const place = [sql.ref('t.type'), sql`${position}::bigint`];
    return sql.join(actor === undefined ? place : [sql`${actor}::text`, ...place]);
  };
  return log
    .selectFrom(rowsOf('t', { type: given('text', types) }))
    .innerJoinLateral(
      (eb) => {
        let first = eb
          .selectFrom('event_log as l')
          .selectAll('l')
          .where(sql<SqlBool>`(${row}) >= (${rowAt(least)})`)
          .where(sql<SqlBool>`(${row}) <= (${rowAt(most)})`)
          .limit(limit);
        if (unindexed !== undefined) first = first.where('l.type', '<>', unindexed);
        for (const name of columns) first = first.orderBy(`l.${name}`, order);
        return first.as('e');
      },
      (join) => join.onTrue(),
    )
    .selectAll('e');
}

/** The columns of the indexes of the log that types are found by. */
const TYPE_INDEX = ['type', 'position'] as const;
const ACTOR_INDEX = ['actor', 'type', 'position'] as const;

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
