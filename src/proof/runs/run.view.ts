import type { ReplayReport } from '../replay/report';
import type { Run } from './run.queries';
import type { AnyReport, ReplayStatus, VerificationStatus } from './run.table';
import type { BooksReport } from './verify-books';
import type { ReplayDto, RunDto, VerificationDto } from './run.dto';

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

export function verificationView(run: Run): VerificationDto {
  const report = run.report as BooksReport | null;
  const status = run.status as VerificationStatus;
  return { ...runView(run), status, checkpoints: report?.checkpoints ?? null };
}

export function replayView(run: Run): ReplayDto {
  const report = run.report as ReplayReport | null;
  return {
    ...runView(run),
    status: run.status as ReplayStatus,
    acceptDifferences: run.accept_reason !== null,
    reason: run.accept_reason,
    swapMs: report?.swapMs ?? null,
  };
}

function runView(run: Run): RunDto {
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
