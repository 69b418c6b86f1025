import type { LogDatabase } from '../../engine/write/event-log';

/** What became of a task. `recorded`: not handed over yet. */
export type TaskStatus = 'recorded' | 'queued' | 'running' | 'done' | 'failed';
export const TASK_STATUSES = ['recorded', 'queued', 'running', 'done', 'failed'] as const;

/** A row of `task_delivery`: the mutable side of a task that was handed over. */
export interface DeliveryRow {
  task_id: string;
  position: number;
  ordinal: number;
  name: string;
  /** The subject, where tasks of one subject are done in order. */
  lane: string | null;
  status: Exclude<TaskStatus, 'recorded'>;
  /** Attempts that were begun and counted. */
  attempts: number;
  handed_over_at: string;
  /** When a task that is queued after a failed attempt comes again. */
  next_attempt_at: string | null;
  started_at: string | null;
  done_at: string | null;
  /** Of the last attempt that failed; kept when a later one succeeds. */
  last_error: string | null;
  result: object | null;
}

/** The log database with the tables of the tasks. */
export interface TaskDatabase extends LogDatabase {
  task_delivery: DeliveryRow;
  /** Up to where the tasks of a name were handed over. */
  task_dispatch: { name: string; position: number; ordinal: number };
}
