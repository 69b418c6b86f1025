import { sql, type Kysely } from 'kysely';
import type { TaskDatabase, TaskStatus } from './task-database';

/** A task as the API answers it. */
export interface TaskView {
  taskId: string;
  /** Position of the event that asked for it. */
  position: number;
  name: string;
  /** What it is about; null where the task does not say. */
  subject: string | null;
  payload: object;
  status: TaskStatus;
  attempts: number;
  lastError: string | null;
  /** When it comes again after a failed attempt. */
  nextAttemptAt: string | null;
  doneAt: string | null;
  /** What its handler returned. */
  result: object | null;
}

/** A task with its place among those of its event. */
export interface TaskRead extends TaskView {
  ordinal: number;
}

/** Without its place among the tasks of its event. */
export function taskView({ ordinal: _ordinal, ...view }: TaskRead): TaskView {
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

const COLUMNS = sql`
  t.task_id as "taskId", t.position, t.ordinal, t.name, t.subject, t.payload,
  coalesce(d.status, 'recorded') as status, coalesce(d.attempts, 0) as attempts,
  d.last_error as "lastError", d.next_attempt_at as "nextAttemptAt", d.done_at as "doneAt",
  d.result`;

/** The task with an id. */
export async function readTask(
  db: Kysely<TaskDatabase>,
  taskId: string,
): Promise<TaskRead | undefined> {
  const { rows } = await sql<TaskRead>`
    select ${COLUMNS} from task_log t left join task_delivery d using (task_id)
    where t.task_id = ${taskId}::uuid`.execute(db);
  return rows[0];
}

/** Tasks in the order of the log, after a place. */
export async function listTasks(
  db: Kysely<TaskDatabase>,
  filter: TaskFilter,
  after: TaskPlace,
  limit: number,
): Promise<TaskRead[]> {
  // What is under way or has failed is found by indexes that hold nothing else, wherever it is.
  const place = isRare(filter.status) ? sql`d.position, d.ordinal` : sql`t.position, t.ordinal`;
  const conditions = [sql<boolean>`(${place}) > (${after.position}, ${after.ordinal}::bigint)`];
  if (filter.name !== undefined) conditions.push(sql`t.name = ${filter.name}`);
  if (filter.subject !== undefined) conditions.push(sql`t.subject = ${filter.subject}`);
  if (filter.status === 'recorded') conditions.push(IS_RECORDED);
  else if (filter.status !== undefined) conditions.push(sql`d.status = ${filter.status}`);
  const { rows } = await sql<TaskRead>`
    select ${COLUMNS} from task_log t left join task_delivery d using (task_id)
    where ${sql.join(conditions, sql` and `)}
    order by ${place} limit ${limit}`.execute(db);
  return rows;
}

/** Whether a status is one of those that few of all tasks have. */
function isRare(status: TaskStatus | undefined): boolean {
  return status === 'queued' || status === 'running' || status === 'failed';
}

/** Not handed over: behind the place up to which the tasks of its name were, or of no such name. */
const IS_RECORDED = sql<boolean>`not exists (
  select from task_dispatch p
  where p.name = t.name and (p.position, p.ordinal) >= (t.position, t.ordinal)
)`;

/** How many tasks wait, are under way and have failed. */
export interface TaskCounts {
  readonly queued: number;
  readonly running: number;
  readonly failed: number;
}

/** Counts what is not done; with indexes that hold nothing else. */
export async function countTasks(db: Kysely<TaskDatabase>): Promise<TaskCounts> {
  const { rows } = await sql<TaskCounts>`
    select count(*) filter (where status = 'queued') as queued,
      count(*) filter (where status = 'running') as running,
      (select count(*) from task_delivery where status = 'failed') as failed
    from task_delivery where status in ('queued', 'running')`.execute(db);
  return rows[0]!;
}
