import { Injectable } from '@nestjs/common';
import type { LastVerification, VerificationHealth } from '../../http/health-parts';
import { RunPool } from './run-pool';
import { readLastVerdict } from './run.queries';
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

/** Tells of verifications. */
@Injectable()
export class RunFeed implements VerificationHealth {
  constructor(private readonly pool: RunPool) {}

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
