import { beyond, type Order } from '../../engine/session/page-rows';
import {
  expressionBuilder,
  sql,
  type Expression,
  type ExpressionBuilder,
  type Kysely,
} from 'kysely';
import { OPEN, type DeliveryStatus, type TaskDatabase, type TaskStatus } from './task-database';
import type { TaskDto } from './task.dto';

/** A task with its place among those of its event. */
export interface TaskRead extends TaskDto {
  ordinal: number;
}

/** Without its place among the tasks of its event. */
export function taskView({ ordinal: _ordinal, ...view }: TaskRead): TaskDto {
  return view;
}

/** The place of a task in the log. */
export interface TaskPlace {
  readonly position: number;
  readonly ordinal: number;
}

export interface TaskFilter {
  readonly status?: TaskStatus | undefined;
  readonly name?: string | undefined;
  readonly subject?: string | undefined;
}

/** The status that readers see, of a task's row in `task_delivery`, which may be missing. */
export function statusOf(stored: Expression<DeliveryStatus | null>) {
  const eb = expressionBuilder<TaskDatabase>();
  type Seen = Exclude<DeliveryStatus, 'deferred'>;
  const seen = eb.fn<Seen | null>('nullif', [stored, sql.lit('deferred')]);
  return eb.fn.coalesce(seen, eb.val<TaskStatus>('recorded'));
}

/** Tasks with what became of them. */
function selectTasks(db: Kysely<TaskDatabase>) {
  return db
    .selectFrom('task_log as t')
    .leftJoin('task_delivery as d', 'd.task_id', 't.task_id')
    .select(['t.task_id as taskId', 't.position', 't.ordinal', 't.name', 't.subject', 't.payload'])
    .select('t.not_before as notBefore')
    .select((eb) => [
      statusOf(eb.ref('d.status')).as('status'),
      eb.fn.coalesce('d.attempts', eb.val(0)).as('attempts'),
    ])
    .select(['d.last_error as lastError', 'd.next_attempt_at as nextAttemptAt'])
    .select(['d.done_at as doneAt', 'd.result']);
}

/** The task with an id. */
export function readTask(db: Kysely<TaskDatabase>, taskId: string): Promise<TaskRead | undefined> {
  return selectTasks(db).where('t.task_id', '=', taskId).executeTakeFirst();
}

/** Whether an event has ever asked for a task of this name. */
export async function hasTasksOf(db: Kysely<TaskDatabase>, name: string): Promise<boolean> {
  const row = await db
    .selectFrom('task_log')
    .select('position')
    .where('name', '=', name)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Tasks of a name and a subject, where they are given, with what became of them. */
export function readTasks(db: Kysely<TaskDatabase>, { name, subject }: Omit<TaskFilter, 'status'>) {
  return selectTasks(db)
    .$if(name !== undefined, (all) => all.where('t.name', '=', name!))
    .$if(subject !== undefined, (all) => all.where('t.subject', '=', subject!));
}

type JoinedTasks = TaskDatabase & { t: TaskDatabase['task_log']; d: TaskDatabase['task_delivery'] };

/** Whether a task, by its row of the log or by that of its delivery, is behind a place. */
export function isBehind(
  eb: ExpressionBuilder<JoinedTasks, 't' | 'd'>,
  row: 't' | 'd',
  { position, ordinal }: TaskPlace,
  order: Order = 'asc',
) {
  return eb(
    eb.refTuple(`${row}.position`, `${row}.ordinal`),
    beyond(order),
    // A cursor may hold a larger number than an ordinal can be.
    eb.tuple(position, eb.cast<number>(eb.val(ordinal), 'bigint')),
  );
}

/** How many tasks wait, are under way and have failed. */
export interface TaskCounts {
  readonly queued: number;
  readonly running: number;
  readonly failed: number;
}

/** Counts what is not done; with indexes that hold nothing else. */
export function countTasks(db: Kysely<TaskDatabase>): Promise<TaskCounts> {
  return db
    .selectFrom('task_delivery')
    .select((eb) => [
      eb.fn.countAll<number>().filterWhere('status', '=', 'queued').as('queued'),
      eb.fn.countAll<number>().filterWhere('status', '=', 'running').as('running'),
      eb
        .selectFrom('task_delivery')
        .select(eb.fn.countAll<number>().as('failed'))
        .where('status', '=', sql.lit('failed'))
        .$asScalar()
        .$notNull()
        .as('failed'),
    ])
    .where('status', 'in', OPEN)
    .executeTakeFirstOrThrow();
}
