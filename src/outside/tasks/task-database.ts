import { sql, type Kysely } from 'kysely';
import { column } from '../../database/column';
import type { DatabaseOf } from '../../engine/define/state-table';
import type { LogDatabase } from '../../engine/write/event-log';

/** What became of a task. `recorded`: not handed over yet; perhaps its time has not come. */
export type TaskStatus = 'recorded' | 'queued' | 'running' | 'done' | 'failed';
export const TASK_STATUSES = ['recorded', 'queued', 'running', 'done', 'failed'] as const;

/** `deferred`: the dispatcher came to it before its time; to whoever reads, it is recorded. */
export type DeliveryStatus = Exclude<TaskStatus, 'recorded'> | 'deferred';

/** What is under way. Written out, not as parameters, as the indexes that hold nothing else are. */
export const OPEN = [sql.lit('queued' as const), sql.lit('running' as const)];

/** The mutable side of tasks that were handed over. */
export const taskDeliveryTable = {
  name: 'task_delivery',
  columns: {
    task_id: column.uuid(),
    position: column.bigint(),
    ordinal: column.int(),
    name: column.text(),
    /** The subject, where tasks of one subject are done in order. */
    lane: column.text().nullable(),
    status: column.text<DeliveryStatus>(),
    /** Attempts that were begun and counted. */
    attempts: column.int(),
    handed_over_at: column.timestamptz(),
    /** When a task that is queued after a failed attempt comes again. */
    next_attempt_at: column.timestamptz().nullable(),
    started_at: column.timestamptz().nullable(),
    done_at: column.timestamptz().nullable(),
    /** Of the last attempt that failed; kept when a later one succeeds. */
    last_error: column.text().nullable(),
    result: column.json<object>().nullable(),
    /** Of a task that was deferred: until when. */
    not_before: column.timestamptz().nullable(),
    /** Where it came into its lane once it was due: behind the task at this place of the log. */
    behind_position: column.bigint().nullable(),
    behind_ordinal: column.int().nullable(),
  },
} as const;

/** The log database with the tables of the tasks. */
export interface TaskDatabase extends LogDatabase, DatabaseOf<typeof taskDeliveryTable> {
  /** Up to where the tasks of a name were handed over. */
  task_dispatch: { name: string; position: number; ordinal: number };
}

/** The log database with the tables of the tasks, under the same role. */
export function withTasks(log: Kysely<LogDatabase>): Kysely<TaskDatabase> {
  return log.withTables<Pick<TaskDatabase, 'task_delivery' | 'task_dispatch'>>();
}
