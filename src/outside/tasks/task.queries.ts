import { expressionBuilder, sql, type Expression, type Kysely } from 'kysely';
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

/** Tasks in the order of the log, after a place. */
export function listTasks(
  db: Kysely<TaskDatabase>,
  filter: TaskFilter,
  after: TaskPlace,
  limit: number,
): Promise<TaskRead[]> {
  // What is under way or has failed is found by indexes that hold nothing else, wherever it is.
  const { name, subject, status } = filter;
  const of = isRare(status) ? 'd' : 't';
  let query = selectTasks(db).where((eb) =>
    eb(
      eb.refTuple(`${of}.position`, `${of}.ordinal`),
      '>',
      // A cursor may hold a larger number than an ordinal can be.
      eb.tuple(after.position, eb.cast<number>(eb.val(after.ordinal), 'bigint')),
    ),
  );
  if (name !== undefined) query = query.where('t.name', '=', name);
  if (subject !== undefined) query = query.where('t.subject', '=', subject);
  if (status === 'recorded') {
    // Its time has not come, or it is behind the place up to which the tasks of its name were
    // handed over, or of no such name.
    query = query.where((eb) =>
      eb.or([
        eb('d.status', '=', sql.lit('deferred')),
        eb.not(
          eb.exists(
            eb
              .selectFrom('task_dispatch as p')
              .whereRef('p.name', '=', 't.name')
              .where((eb) =>
                eb(
                  eb.refTuple('p.position', 'p.ordinal'),
                  '>=',
                  eb.refTuple('t.position', 't.ordinal'),
                ),
              ),
          ),
        ),
      ]),
    );
  } else if (status !== undefined) query = query.where('d.status', '=', status);
  return query.orderBy(`${of}.position`).orderBy(`${of}.ordinal`).limit(limit).execute();
}

/** Whether a status is one of those that few of all tasks have. */
function isRare(status: TaskStatus | undefined): boolean {
  return status === 'queued' || status === 'running' || status === 'failed';
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
