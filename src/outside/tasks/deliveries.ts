import { sql, type Kysely } from 'kysely';
import type { LedgerEvent } from '../../engine/define/event';
import { eventOf, type LogDatabase } from '../../engine/write/event-log';
import { Batched } from './batched';
import type { TaskDatabase } from './task-database';

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

type StartedRow = LogDatabase['event_log'] & {
  task_id: string;
  attempts: number;
  payload: object;
};

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
    const { rows } = await sql<StartedRow>`
      with started as (
        update task_delivery d
        set status = 'running', attempts = attempts + 1, started_at = now(), next_attempt_at = null
        where task_id = any(${ids}::uuid[]) and status in ('queued', 'running')
          and ${isFirstOfLane}
        returning task_id, attempts, position
      )
      select s.task_id, s.attempts, t.payload, e.*
      from started s
      join task_log t using (task_id)
      join event_log e on e.position = s.position`.execute(this.db);
    const started = new Map(rows.map((row) => [row.task_id, startedOf(row)]));
    const waiting = await this.stillOpen(ids.filter((id) => !started.has(id)));
    return ids.map((id) => started.get(id) ?? (waiting.has(id) ? NOT_YET : undefined));
  }

  private async stillOpen(ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const { rows } = await sql<{ task_id: string }>`
      select task_id from task_delivery
      where task_id = any(${ids}::uuid[]) and status in ('queued', 'running')`.execute(this.db);
    return new Set(rows.map((row) => row.task_id));
  }

  private async endAll(ended: readonly EndedAttempt[]): Promise<(string | undefined)[]> {
    const column = <T>(of: (end: AttemptEnd) => T) => ended.map(({ end }) => of(end));
    const { rows } = await sql<{ task_id: string; name: string; lane: string | null }>`
      update task_delivery d set
        status = case v.status when 'later' then 'queued' else v.status end,
        done_at = case v.status when 'done' then now() end,
        next_attempt_at = now() + v.delay_ms * interval '1 millisecond',
        last_error = coalesce(v.error, d.last_error),
        result = v.result,
        attempts = d.attempts - case when v.counts then 0 else 1 end
      from unnest(
        ${ended.map((e) => e.taskId)}::uuid[], ${column((e) => e.status)}::text[],
        ${column((e) => ('error' in e ? storable(e.error) : null))}::text[],
        ${column((e) => (e.status === 'done' ? e.result : null))}::json[],
        ${column((e) => (e.status === 'later' ? Math.ceil(e.delayMs) : null))}::bigint[],
        ${column((e) => e.status !== 'later' || e.counts)}::boolean[],
        ${ended.map((e) => e.attempt)}::int[]
      ) as v(task_id, status, error, result, delay_ms, counts, attempt)
      where d.task_id = v.task_id and (
        v.status = 'done' and d.status <> 'done'
        or v.status <> 'done' and d.status = 'running' and d.attempts = v.attempt)
      returning d.task_id, d.name, d.lane`.execute(this.db);
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
    const { rows } = await sql<{ task_id: string; name: string; lane: string }>`
      select n.task_id, l.name, l.lane
      from unnest(${lanes.map((l) => l.name)}::text[], ${lanes.map((l) => l.lane)}::text[])
        as l(name, lane)
      cross join lateral (
        select task_id from task_delivery
        where name = l.name and lane = l.lane and lane is not null
          and status in ('queued', 'running')
        order by position, ordinal limit 1
      ) n`.execute(this.db);
    return new Map(rows.map((row) => [laneKey(row.name, row.lane), row.task_id]));
  }
}

/** Whether no earlier task of the same lane is under way; `d` is the row of `task_delivery`. */
export const isFirstOfLane = sql<boolean>`not exists (
  select from task_delivery p
  where d.lane is not null and p.name = d.name and p.lane = d.lane and p.lane is not null
    and p.status in ('queued', 'running')
    and (p.position, p.ordinal) < (d.position, d.ordinal)
)`;

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
