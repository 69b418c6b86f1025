import { Injectable } from '@nestjs/common';
import type { LastVerification, VerificationHealth } from '../../http/health-parts';
import { cursorKey, type PageQuery } from '../../http/page';
import { RunPool } from './run-pool';
import { listRuns, readLastVerdict, readRun, type Run } from './run.queries';
import type { RunKind, RunStatus } from './run.table';
import { differingRows } from './run.view';

/** The last verification that came to a verdict. Numbers are null where it has no report. */
export interface LastVerdict extends LastVerification {
  readonly durationMs: number;
  readonly processed: number;
  readonly eventsPerSecond: number;
  readonly differingRows: number | null;
  readonly missingTasks: number | null;
  readonly extraTasks: number | null;
}

/** Reads what became of verifications and replays. */
@Injectable()
export class RunFeed implements VerificationHealth {
  constructor(private readonly pool: RunPool) {}

  /** A page's runs of a kind, the newest first. @throws Refusal for a cursor of another list */
  list(
    kind: RunKind,
    query: PageQuery & { readonly status?: RunStatus },
    limit: number,
  ): Promise<Run[]> {
    const before = query.cursor === undefined ? undefined : cursorKey(query, 1)[0];
    const { status } = query;
    return listRuns(this.pool.db, kind, { before, ...(status !== undefined && { status }) }, limit);
  }

  find(kind: RunKind, id: string): Promise<Run | undefined> {
    return readRun(this.pool.db, kind, id);
  }

  /** The last verification that came to a verdict, for health and metrics. */
  async lastVerification(): Promise<LastVerdict | null> {
    const run = await readLastVerdict(this.pool.db);
    if (!run) return null;
    const { report, started_at: startedAt, finished_at: finishedAt } = run;
    return {
      id: run.run_id,
      status: run.status as LastVerdict['status'],
      finishedAt: finishedAt!,
      durationMs: Date.parse(finishedAt!) - Date.parse(startedAt ?? finishedAt!),
      toPosition: report?.toPosition ?? run.to_position,
      processed: run.processed,
      eventsPerSecond: run.events_per_second,
      differingRows: report && differingRows(report),
      missingTasks: report && report.tasks.missing,
      extraTasks: report && report.tasks.extra,
    };
  }
}
