import type { RanOn, ReplayReport, RunReport } from '../replay/report';
import type { CheckpointsReport } from '../checkpoints/verify-checkpoints';
import type { Run } from './run.queries';
import type { AnyReport, RunStatus, RunTrigger } from './run.table';
import type { BooksReport } from './verify-books';

/** `ok` is null as long as nobody knows. */
export interface ChainView {
  readonly ok: boolean | null;
  readonly brokenAt: number | null;
}

/** A verification or a replay as the API shows it, at any time of its life. */
export interface RunView extends Pick<RunReport, 'log' | 'tables' | 'tasks' | 'doom'> {
  readonly id: string;
  readonly status: RunStatus;
  readonly trigger: RunTrigger;
  readonly requestedBy: string;
  readonly requestedAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly toPosition: number | null;
  readonly head: number | null;
  readonly processed: number;
  readonly eventsPerSecond: number;
  readonly abortRequested: boolean;
  readonly chain: ChainView;
  readonly ranOn: RanOn | null;
  readonly peakMib: number | null;
  readonly error: string | null;
}

export interface VerificationView extends RunView {
  /** null: there were none to compare with. */
  readonly checkpoints: CheckpointsReport | null;
  readonly status: 'queued' | 'running' | 'passed' | 'failed' | 'aborted';
}

export interface ReplayView extends RunView {
  readonly status: 'queued' | 'running' | 'swapped' | 'differs' | 'failed' | 'aborted';
  readonly acceptDifferences: boolean;
  readonly reason: string | null;
  readonly swapMs: number | null;
}

/** The head of the state that was put in its place again. */
export interface SwapBackView {
  readonly position: number;
  readonly hash: string;
}

/** What is said of a run that has no report: nothing found, because nothing was looked at. */
const NO_REPORT = {
  chain: { ok: null, brokenAt: null },
  log: [],
  tables: [],
  tasks: {
    matched: 0,
    missing: 0,
    extra: 0,
    amended: 0,
    executed: 0,
    firstDifference: null,
    samples: [],
  },
  doom: null,
  peakMib: null,
} as const;

export function verificationView(run: Run): VerificationView {
  const report = run.report as BooksReport | null;
  const status = run.status as VerificationView['status'];
  return { ...runView(run), status, checkpoints: report?.checkpoints ?? null };
}

export function replayView(run: Run): ReplayView {
  const report = run.report as ReplayReport | null;
  return {
    ...runView(run),
    status: run.status as ReplayView['status'],
    acceptDifferences: run.accept_reason !== null,
    reason: run.accept_reason,
    swapMs: report?.swapMs ?? null,
  };
}

function runView(run: Run): RunView {
  const { chain, log, tables, tasks, doom, peakMib } = run.report ?? NO_REPORT;
  return {
    id: run.run_id,
    status: run.status,
    trigger: run.trigger,
    requestedBy: run.requested_by,
    requestedAt: run.requested_at,
    startedAt: run.started_at,
    finishedAt: run.finished_at,
    toPosition: run.report?.toPosition ?? run.to_position,
    head: run.report?.ranOn.logHead.position ?? run.head,
    processed: run.processed,
    eventsPerSecond: run.events_per_second,
    abortRequested: run.abort_requested,
    chain,
    log,
    tables,
    tasks,
    doom,
    ranOn: run.ran_on,
    peakMib,
    error: run.error,
  };
}

/** Rows in which the live state differs from the rebuilt one, in all tables. */
export function differingRows({ tables }: Pick<AnyReport, 'tables'>): number {
  return tables.reduce((sum, { missing, extra, changed }) => sum + missing + extra + changed, 0);
}
