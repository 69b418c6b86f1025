import type { Kysely } from 'kysely';
import type { LastVerification } from '../../http/background';
import { cursorKey, type PageQuery } from '../../http/page';
import { listRuns, readLastVerdict, readRun, type Run } from './run.queries';
import type { RunDatabase, RunKind, RunStatus } from './run.table';
import { differingRows } from './run.view';

/** Reads what became of verifications and replays. */
export class RunFeed {
  constructor(private readonly db: Kysely<RunDatabase>) {}

  /** A page's runs of a kind, the newest first. @throws Refusal for a cursor of another list */
  list(
    kind: RunKind,
    query: PageQuery & { readonly status?: RunStatus },
    limit: number,
  ): Promise<Run[]> {
    const before = query.cursor === undefined ? undefined : cursorKey(query, 1)[0];
    const { status } = query;
    return listRuns(this.db, kind, { before, ...(status !== undefined && { status }) }, limit);
  }

  find(kind: RunKind, id: string): Promise<Run | undefined> {
    return readRun(this.db, kind, id);
  }

  /** The last verification that came to a verdict, for health and metrics. */
  async lastVerification(): Promise<LastVerification | null> {
    const run = await readLastVerdict(this.db);
    if (!run) return null;
    const { report, started_at: startedAt, finished_at: finishedAt } = run;
    return {
      id: run.run_id,
      status: run.status as LastVerification['status'],
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
