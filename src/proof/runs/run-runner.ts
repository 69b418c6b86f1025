import type { Kysely } from 'kysely';
import type { EngineLog } from '../../engine/write/ledger-parts';
import { within } from '../../http/within';
import { RunInProgress } from '../replay/rebuild';
import type { ReplayReport, VerificationReport } from '../replay/report';
import { Pace } from './pace';
import { carryOut, DEAD_RUN_MS, type RunProgress } from './run-recorder';
import { claimRun, endDeadRuns, type Run } from './run.queries';
import type { AnyReport, RunDatabase } from './run.table';

/** What a verification is given by the process that does it. */
export interface VerifyWorkOptions extends RunProgress {
  readonly toPosition?: number;
  /** To be awaited after each page, so that commands keep their throughput. */
  readonly pace: () => Promise<void>;
}

/** What a replay is given; it has to be faster than those who write, and so has no pace. */
export interface ReplayWorkOptions extends RunProgress {
  readonly acceptDifferences?: string;
}

/** The two kinds of work, as the program does them or a spec pretends to. */
export interface RunWork {
  verify(options: VerifyWorkOptions): Promise<VerificationReport>;
  replay(options: ReplayWorkOptions): Promise<ReplayReport>;
}

/** Milliseconds. */
export interface RunTimings {
  /** Pause between two looks for work that another process took in. */
  readonly pollMs: number;
  /** How often a run writes that it lives. */
  readonly beatMs: number;
  /** After which silence a run counts as dead. */
  readonly deadMs: number;
  /** How long a run may take to stop once the service does. */
  readonly stopMs: number;
}

export const RUN_TIMINGS: RunTimings = {
  pollMs: 1_000,
  beatMs: 1_000,
  deadMs: DEAD_RUN_MS,
  stopMs: 20_000,
};

export interface RunnerParts {
  readonly db: Kysely<RunDatabase>;
  readonly work: RunWork;
  /** The last position of the log, whoever wrote it. */
  readonly readHead: () => Promise<number>;
  readonly log: EngineLog;
  readonly timings: RunTimings;
}

/** Why a run of this process ends before its time. */
class ServiceStopped extends Error {}

/** Does the runs that are queued, the oldest first, one at a time in all processes together. */
export class RunRunner {
  private readonly stopping = new AbortController();
  private wakeUp: () => void = () => undefined;
  private isAwake = false;
  private isFailing = false;
  private loop: Promise<void> | undefined;

  constructor(private readonly parts: RunnerParts) {}

  start(): void {
    this.loop = this.run();
  }

  /** Says that a run was queued. */
  wake(): void {
    this.isAwake = true;
    this.wakeUp();
  }

  /** Aborts the run under way and takes no more; what does not end in time is left. */
  async stop(): Promise<void> {
    this.stopping.abort(new ServiceStopped('The service stopped'));
    this.wakeUp();
    const late = () => new Error('A run did not stop in time');
    await within(this.parts.timings.stopMs, this.loop ?? Promise.resolve(), late).catch(
      (err: unknown) => this.parts.log.error({ err }, 'a run is left behind'),
    );
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      this.isAwake = false;
      const goesOn = await this.next().catch((err: unknown) => {
        // The log database is away; what is queued waits.
        if (!this.isFailing) this.parts.log.warn({ err }, 'runs cannot be looked for now');
        this.isFailing = true;
        return false;
      });
      if (!goesOn) await this.rest();
    }
  }

  /** @returns whether to look for another one at once */
  private async next(): Promise<boolean> {
    const { db, log, timings } = this.parts;
    const dead = await endDeadRuns(db, timings.deadMs);
    if (dead.length > 0) log.warn({ runs: dead }, 'the process of a run ended before it');
    const run = await claimRun(db);
    this.isFailing = false;
    return run ? this.carryOut(run) : false;
  }

  private async carryOut(run: Run): Promise<boolean> {
    const { db, log, timings } = this.parts;
    const options = {
      stop: this.stopping.signal,
      requeues: true,
      onError: (err: unknown) =>
        log.warn({ err, runId: run.run_id }, 'a run could not be recorded'),
      beatMs: timings.beatMs,
    };
    try {
      const report = await carryOut(db, run, (progress) => this.work(run, progress), options);
      tell(log, run, report);
      return true;
    } catch (err) {
      // A script is at it. The run is queued again, and tried again after a pause.
      if (err instanceof RunInProgress) return false;
      if (!this.stopping.signal.aborted) log.error({ err, runId: run.run_id }, 'a run failed');
      return true;
    }
  }

  private work(run: Run, progress: RunProgress): Promise<AnyReport> {
    const { work, readHead } = this.parts;
    if (run.kind === 'replay') {
      const { accept_reason: reason } = run;
      return work.replay({ ...progress, ...(reason !== null && { acceptDifferences: reason }) });
    }
    const { to_position: toPosition } = run;
    const pace = new Pace(readHead, progress.signal).wait;
    return work.verify({ ...progress, pace, ...(toPosition !== null && { toPosition }) });
  }

  /** Waits for a run that this process queued, or for the time of the next look. */
  private async rest(): Promise<void> {
    if (this.isAwake || this.stopping.signal.aborted) return;
    await new Promise<void>((done) => {
      const timer = setTimeout(done, this.parts.timings.pollMs);
      this.wakeUp = () => {
        clearTimeout(timer);
        done();
      };
    });
  }
}

/** A verdict that somebody has to look at is in the log of the service too. */
function tell(log: EngineLog, run: Run, { status, doom, chain, tables, tasks }: AnyReport): void {
  if (status !== 'failed' && status !== 'differs') return;
  const differing = tables.filter((t) => t.missing + t.extra + t.changed > 0).map((t) => t.table);
  const what = {
    runId: run.run_id,
    chain,
    doom: doom && { position: doom.position, type: doom.type },
    differing,
    tasks: { missing: tasks.missing, extra: tasks.extra },
  };
  log.error(what, run.kind === 'replay' ? 'a replay did not swap' : 'a verification failed');
}
