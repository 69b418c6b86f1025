import type { Kysely } from 'kysely';
import { setTimeout as delay } from 'node:timers/promises';
import { RunInProgress } from '../replay/rebuild';
import type { AnyReport, RunDatabase, RunStatus } from './run.table';
import {
  ABORTED_BY_ADMINISTRATOR,
  endDeadRuns,
  insertRun,
  NOW,
  type Run,
  type RunRequest,
} from './run.queries';

/** How often a run says that it lives and how far it is, and asks whether it is to stop. */
const BEAT_MS = 1_000;
/** A run that has not been heard of for so long died with its process. */
export const DEAD_RUN_MS = 30_000;
/** How often the end of a run is written while the log database is away. */
const END_ATTEMPTS = 10;

/** What a verification or replay is given to be stopped by, and to tell how far it is. */
export interface RunProgress {
  /** Aborted where an administrator, or the end of the service, stops the run. */
  readonly signal: AbortSignal;
  readonly onProgress: (position: number, head: number) => void;
}

/** How a run is carried out. */
export interface RecorderOptions {
  /** Stops the run; the reason is an Error, whose message is recorded. */
  readonly stop?: AbortSignal;
  /** Whether a run that cannot begin beside another one is queued again, or else aborted. */
  readonly requeues?: boolean;
  /** Hears of heartbeats that could not be written. */
  readonly onError?: (error: unknown) => void;
  readonly beatMs?: number;
}

/** How a run ended. */
type RunEnd = Pick<Run, 'status' | 'report' | 'error'>;

/** The work was done, and what it found could not be written down: that is no verdict. */
const REPORT_LOST: RunEnd = {
  status: 'aborted',
  report: null,
  error: 'Its report could not be written; the log says why',
};

/**
 * Does a verification or replay of a script and records it as those of the API are: it can be
 * listed, followed and aborted there.
 * @returns the report of `work`
 * @throws what `work` throws, after it was recorded
 */
export async function recordRun<Report extends AnyReport>(
  db: Kysely<RunDatabase>,
  request: RunRequest,
  work: (progress: RunProgress) => Promise<Report>,
  options: RecorderOptions = {},
): Promise<Report> {
  await endDeadRuns(db, DEAD_RUN_MS);
  const run = await insertRun(db, request, 'running');
  return carryOut(db, run, work, options);
}

/**
 * Does a run that is recorded as running, with a heartbeat, and records its end.
 * @returns the report of `work`
 * @throws what `work` throws, after it was recorded
 */
export async function carryOut<Report extends AnyReport>(
  db: Kysely<RunDatabase>,
  run: Pick<Run, 'run_id'>,
  work: (progress: RunProgress) => Promise<Report>,
  options: RecorderOptions,
): Promise<Report> {
  const underWay = new RunUnderWay(db, run.run_id, options);
  let report: Report | undefined;
  try {
    const { signal, onProgress } = underWay;
    report = await work({ signal, onProgress });
    await underWay.end(endOfReport(report, underWay.signal));
    return report;
  } catch (error) {
    const end = report ? REPORT_LOST : endOfError(error, underWay.signal, options);
    await underWay.end(end).catch(options.onError);
    throw error;
  } finally {
    underWay.close();
  }
}

function endOfReport(report: AnyReport, { aborted, reason }: AbortSignal): RunEnd {
  const { status } = report;
  const error = status === 'aborted' && aborted ? (reason as Error).message : null;
  return { status, report, error };
}

function endOfError(error: unknown, signal: AbortSignal, options: RecorderOptions): RunEnd {
  const end = (status: RunStatus, sentence: string | null) => ({
    status,
    report: null,
    error: sentence,
  });
  if (signal.aborted) return end('aborted', (signal.reason as Error).message);
  if (!(error instanceof RunInProgress))
    return end('failed', 'It ended with an error; the log has it');
  if (options.requeues) return end('queued', null);
  return end('aborted', 'Another verification or replay is under way');
}

/** A run that this process does. */
class RunUnderWay implements RunProgress {
  private readonly abort = new AbortController();
  private readonly startedMs = performance.now();
  private readonly timer: NodeJS.Timeout;
  private position = 0;
  private head: number | null = null;
  private beating: Promise<void> | undefined;
  private isEnded = false;

  constructor(
    private readonly db: Kysely<RunDatabase>,
    private readonly id: string,
    private readonly options: RecorderOptions,
  ) {
    this.timer = setInterval(() => void this.beat(), this.beatMs);
    if (options.stop?.aborted) this.stop();
    options.stop?.addEventListener('abort', this.stop);
  }

  get signal(): AbortSignal {
    return this.abort.signal;
  }

  readonly onProgress = (position: number, head: number) => {
    this.position = position;
    this.head = head;
  };

  /** Writes the end down, also where the log database is away for a moment. */
  async end({ status, report, error }: RunEnd): Promise<void> {
    this.isEnded = true;
    clearInterval(this.timer);
    await this.beating;
    const isOver = status !== 'queued';
    for (let attempt = 1; ; attempt++) {
      try {
        await this.db
          .updateTable('runs')
          .set((eb) => ({
            status,
            error,
            report: report && JSON.stringify(report),
            ran_on: report && JSON.stringify(report.ranOn),
            heartbeat_at: null,
            started_at: isOver ? eb.ref('started_at') : null,
            finished_at: isOver ? NOW : null,
            ...(report
              ? { processed: report.processed, events_per_second: report.eventsPerSecond }
              : this.numbers()),
          }))
          .where('run_id', '=', this.id)
          .execute();
        return;
      } catch (failure) {
        if (attempt === END_ATTEMPTS) throw failure;
        await delay(this.beatMs);
      }
    }
  }

  close(): void {
    clearInterval(this.timer);
    this.options.stop?.removeEventListener('abort', this.stop);
  }

  private get beatMs(): number {
    return this.options.beatMs ?? BEAT_MS;
  }

  private readonly stop = () => this.abort.abort(this.options.stop?.reason);

  private beat(): Promise<void> {
    // A beat that is slow is not overtaken by the next one.
    this.beating ??= this.writeBeat()
      .catch((error: unknown) => this.options.onError?.(error))
      .finally(() => (this.beating = undefined));
    return this.beating;
  }

  /**
   * A run that was given up for dead while its process could not be heard of is running again:
   * only this process writes it, until its end.
   */
  private async writeBeat(): Promise<void> {
    const row = await this.db
      .updateTable('runs')
      .set({
        status: 'running',
        finished_at: null,
        error: null,
        heartbeat_at: NOW,
        ...this.numbers(),
      })
      .where('run_id', '=', this.id)
      .returning('abort_requested')
      .executeTakeFirst();
    if (this.isEnded || !row?.abort_requested) return;
    this.abort.abort(new Error(ABORTED_BY_ADMINISTRATOR));
  }

  private numbers() {
    const seconds = (performance.now() - this.startedMs) / 1000;
    return {
      processed: this.position,
      head: this.head,
      events_per_second: seconds === 0 ? 0 : Math.round(this.position / seconds),
    };
  }
}
