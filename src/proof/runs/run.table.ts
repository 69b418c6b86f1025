import type { ColumnType, Generated } from 'kysely';
import type { LogDatabase } from '../../engine/write/event-log';
import type { RanOn, ReplayReport, VerificationReport } from '../replay/report';

export const RUN_KINDS = ['verification', 'replay'] as const;
export type RunKind = (typeof RUN_KINDS)[number];

export const VERIFICATION_STATUSES = ['queued', 'running', 'passed', 'failed', 'aborted'] as const;
export const REPLAY_STATUSES = [
  'queued',
  'running',
  'swapped',
  'differs',
  'failed',
  'aborted',
] as const;
export type VerificationStatus = (typeof VERIFICATION_STATUSES)[number];
export type ReplayStatus = (typeof REPLAY_STATUSES)[number];
export type RunStatus = VerificationStatus | ReplayStatus;

/** Who began it: a request to the API, the schedule, or a person with a script. */
export const RUN_TRIGGERS = ['api', 'schedule', 'script'] as const;
export type RunTrigger = (typeof RUN_TRIGGERS)[number];

/** What either kind of run reports. */
export type AnyReport = VerificationReport | ReplayReport;

/** JSON is sent as text. */
type Json<Value> = ColumnType<Value | null, string | null, string | null>;

/** A row of `runs`: a verification or a replay, from the wish for it to its report. */
export interface RunRow {
  /** In the order in which they were asked for. */
  run_no: Generated<number>;
  run_id: string;
  kind: RunKind;
  status: RunStatus;
  trigger: RunTrigger;
  requested_by: string;
  requested_at: Generated<string>;
  /** The time of the schedule that it was made for; one run for each. */
  scheduled_for: string | null;
  /** Up to where a verification goes; null: to the end of the log. */
  to_position: number | null;
  /** Why a replay accepts differences; null: it does not. */
  accept_reason: string | null;
  started_at: string | null;
  finished_at: string | null;
  /** When the process that does it last said that it lives. */
  heartbeat_at: string | null;
  processed: Generated<number>;
  head: number | null;
  events_per_second: Generated<number>;
  abort_requested: Generated<boolean>;
  ran_on: Json<RanOn>;
  report: Json<AnyReport>;
  /** Why there is no report, in one sentence. */
  error: string | null;
  /** What the request for it was answered, once it was. */
  answer: Json<object>;
}

/** The log database with the table of the runs. */
export interface RunDatabase extends LogDatabase {
  runs: RunRow;
}
