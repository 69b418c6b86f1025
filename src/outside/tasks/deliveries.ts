import { expressionBuilder, sql, type ExpressionBuilder, type Kysely } from 'kysely';
import { anyOf, given, rowsOf } from '../../database/arrays';
import type { LedgerEvent } from '../../engine/define/event';
import { eventOf, type StoredEvent } from '../../engine/write/event-log';
import { Batched } from './batched';
import { OPEN, type DeliveryStatus, type TaskDatabase } from './task-database';

/** Deliveries that one statement begins or ends. */
const BATCH_LIMIT = 200;
/** Characters of an error that are kept. */
const MAX_ERROR = 500;

/** A task whose attempt has begun. */
export interface StartedTask {
  readonly taskId: string;
  readonly attempt: number;
  readonly payload: object;
  /** As stored: in the version that was written. */
  readonly event: LedgerEvent;
}

/** The task has to wait for an earlier one of its lane. */
export const NOT_YET = 'not yet';

/** How an attempt ended. `later`: after `delayMs` there is another one. */
export type AttemptEnd =
  | {
      readonly status: 'done';
      /** JSON. */
      readonly result: string | null;
    }
  | { readonly status: 'failed'; readonly error: string }
  | {
      readonly status: 'later';
      readonly error: string;
      readonly delayMs: number;
      /** False where the attempt was none, because the other side is known to be away. */
      readonly counts: boolean;
    };

interface EndedAttempt {
  readonly taskId: string;
  readonly attempt: number;
  readonly end: AttemptEnd;
}

type StartedRow = StoredEvent & { task_id: string; attempts: number; payload: object };

/** The record of what becomes of tasks. The queue is a hint; this is what counts. */
export class Deliveries {
  private readonly begins = new Batched((ids: string[]) => this.beginAll(ids), BATCH_LIMIT);
  private readonly ends = new Batched((ended: EndedAttempt[]) => this.endAll(ended), BATCH_LIMIT);

  constructor(private readonly db: Kysely<TaskDatabase>) {}

  /**
   * Begins an attempt at a task. @returns undefined where there is nothing to do: it is done, has
   * failed, or was not handed over
   */
  begin(taskId: string): Promise<StartedTask | typeof NOT_YET | undefined> {
    return this.begins.do(taskId);
  }

  /**
   * Records how an attempt ended. That it is done counts whatever came in between; a failure only
   * as long as no later attempt has begun.
   * @returns the next task of its lane, where that may begin now
   */
  end({ taskId, attempt }: StartedTask, end: AttemptEnd): Promise<string | undefined> {
    return this.ends.do({ taskId, attempt, end });
  }

  private async beginAll(ids: string[]): Promise<(StartedTask | typeof NOT_YET | undefined)[]> {
    const rows = await this.db
      .with('started', (cte) =>
        cte
          .updateTable('task_delivery as d')
          .set((eb) => ({
            status: 'running',
            attempts: eb('d.attempts', '+', 1),
            started_at: sql<string>`now()`,
            next_attempt_at: null,
          }))
          .where('d.task_id', '=', anyOf('uuid', ids))
          .where('d.status', 'in', OPEN)
          .where(isFirstOfLane)
          .returning(['d.task_id', 'd.attempts', 'd.position']),
      )
      .selectFrom('started as s')
      .innerJoin('task_log as t', 't.task_id', 's.task_id')
      .innerJoin('event_log as e', 'e.position', 's.position')
      .select(['s.task_id', 's.attempts', 't.payload'])
      .selectAll('e')
      .execute();
    const started = new Map(rows.map((row) => [row.task_id, startedOf(row)]));
    const waiting = await this.stillOpen(ids.filter((id) => !started.has(id)));
    return ids.map((id) => started.get(id) ?? (waiting.has(id) ? NOT_YET : undefined));
  }

  private async stillOpen(ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const rows = await this.db
      .selectFrom('task_delivery')
      .select('task_id')
      .where('task_id', '=', anyOf('uuid', ids))
      .where('status', 'in', OPEN)
      .execute();
    return new Set(rows.map((row) => row.task_id));
  }

  private async endAll(ended: readonly EndedAttempt[]): Promise<(string | undefined)[]> {
    const rows = await this.db
      .updateTable('task_delivery as d')
      .from(attemptsAsRows(ended))
      .set((eb) => ({
        status: eb
          .case('v.status')
          .when('later')
          .then('queued' as const)
          .else(eb.ref('v.status').$castTo<DeliveryStatus>())
          .end(),
        done_at: eb
          .case('v.status')
          .when('done')
          .then(sql<string>`now()`)
          .end(),
        next_attempt_at: sql<string>`now() + ${eb.ref('v.delay_ms')} * interval '1 millisecond'`,
        last_error: eb.fn.coalesce('v.error', 'd.last_error'),
        result: eb.ref('v.result'),
        attempts: eb(
          'd.attempts',
          '-',
          eb.case().when(eb.ref('v.counts')).then(eb.lit(0)).else(eb.lit(1)).end(),
        ),
      }))
      .whereRef('d.task_id', '=', 'v.task_id')
      .where((eb) =>
        eb.or([
          eb.and([eb('v.status', '=', 'done'), eb('d.status', '<>', 'done')]),
          eb.and([
            eb('v.status', '<>', 'done'),
            eb('d.status', '=', 'running'),
            eb('d.attempts', '=', eb.ref('v.attempt')),
          ]),
        ]),
      )
      .returning(['d.task_id', 'd.name', 'd.lane'])
      .execute();
    const isOver = new Set(ended.filter((e) => e.end.status !== 'later').map((e) => e.taskId));
    const freed = rows.filter((row) => row.lane !== null && isOver.has(row.task_id));
    const next = await this.nextOfLanes(freed as { name: string; lane: string }[]);
    const laneOf = new Map(freed.map((row) => [row.task_id, laneKey(row.name, row.lane!)]));
    return ended.map(({ taskId }) => next.get(laneOf.get(taskId) ?? ''));
  }

  /** Asked after the end was committed: what is handed over meanwhile is seen by one of the two. */
  private async nextOfLanes(
    lanes: readonly { name: string; lane: string }[],
  ): Promise<Map<string, string>> {
    if (lanes.length === 0) return new Map();
    const freed = rowsOf('l', {
      name: given(
        'text',
        lanes.map((l) => l.name),
      ),
      lane: given(
        'text',
        lanes.map((l) => l.lane),
      ),
    });
    const rows = await this.db
      .selectFrom(freed)
      .crossJoinLateral((eb) =>
        eb
          .selectFrom('task_delivery as d')
          .select('d.task_id')
          .whereRef('d.name', '=', 'l.name')
          .whereRef('d.lane', '=', 'l.lane')
          .where('d.lane', 'is not', null)
          .where('d.status', 'in', OPEN)
          .$call((all) => placeInLane('d').reduce((sorted, part) => sorted.orderBy(part), all))
          .limit(1)
          .as('n'),
      )
      .select(['n.task_id', 'l.name', 'l.lane'])
      .execute();
    return new Map(rows.map((row) => [laneKey(row.name, row.lane), row.task_id]));
  }
}

/** How attempts ended, as a table of a query. */
function attemptsAsRows(ended: readonly EndedAttempt[]) {
  const column = <T>(of: (end: AttemptEnd) => T) => ended.map(({ end }) => of(end));
  return rowsOf('v', {
    task_id: given(
      'uuid',
      ended.map((e) => e.taskId),
    ),
    status: given(
      'text',
      column((e) => e.status),
    ),
    error: given(
      'text',
      column((e) => ('error' in e ? storable(e.error) : null)),
    ),
    result: given(
      'json',
      column((e) => (e.status === 'done' ? e.result : null)),
    ),
    delay_ms: given(
      'bigint',
      column((e) => (e.status === 'later' ? Math.ceil(e.delayMs) : null)),
    ),
    counts: given(
      'boolean',
      column((e) => e.status !== 'later' || e.counts),
    ),
    attempt: given(
      'int',
      ended.map((e) => e.attempt),
    ),
  });
}

/**
 * The order of a lane: that of the log, and who was deferred comes in behind all that were handed
 * over before it became due. A task that came to stand before one that has begun would be done at
 * the same time. As the index `task_delivery_lane` has it.
 */
function placeInLane(row: 'd' | 'p') {
  const eb = expressionBuilder<Record<typeof row, TaskDatabase['task_delivery']>, typeof row>();
  return [
    eb.fn.coalesce(`${row}.behind_position`, `${row}.position`),
    eb.fn.coalesce(`${row}.behind_ordinal`, `${row}.ordinal`),
    eb.fn.coalesce(`${row}.not_before`, sql.lit('-infinity')),
    eb.ref(`${row}.position`),
    eb.ref(`${row}.ordinal`),
  ] as const;
}

/** Whether no earlier task of the same lane is under way; `d` is the row of `task_delivery`. */
export function isFirstOfLane(
  eb: ExpressionBuilder<TaskDatabase & { d: TaskDatabase['task_delivery'] }, 'd'>,
) {
  return eb.not(
    eb.exists(
      eb
        .selectFrom('task_delivery as p')
        .where('d.lane', 'is not', null)
        .whereRef('p.name', '=', 'd.name')
        .whereRef('p.lane', '=', 'd.lane')
        .where('p.lane', 'is not', null)
        .where('p.status', 'in', OPEN)
        .where((eb) => eb(eb.refTuple(...placeInLane('p')), '<', eb.refTuple(...placeInLane('d')))),
    ),
  );
}

/** Without NUL, which no text of PostgreSQL can hold. */
function storable(error: string): string {
  return error.replaceAll('\0', '').slice(0, MAX_ERROR);
}

function startedOf(row: StartedRow): StartedTask {
  const { task_id: taskId, attempts: attempt, payload } = row;
  return { taskId, attempt, payload, event: eventOf(row) };
}

/** NUL occurs in neither part. */
function laneKey(name: string, lane: string): string {
  return `${name}\0${lane}`;
}
