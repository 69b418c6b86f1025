import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { Kysely } from 'kysely';
import { Ledger } from '../../engine/write/ledger';
import type { EngineLog } from '../../engine/write/ledger-parts';
import { lastPosition, type LogDatabase } from '../../engine/write/event-log';
import { Duties } from '../../http/duties';
import { LOG_READER, SERVICE_LOG } from '../../http/service-tokens';
import { within } from '../../http/within';
import { RunInProgress } from '../replay/rebuild';
import { Pace, REST } from './pace';
import { RunPool } from './run-pool';
import { carryOut, DEAD_RUN_MS, type RunProgress } from './run-recorder';
import { RunWork } from './run-work';
import { claimRun, endDeadRuns, type Run } from './run.queries';
import type { AnyReport } from './run.table';

/** Times, in milliseconds. */
export class RunTimings {
  /** Pause between two looks for work that another process took in. */
  readonly pollMs: number = 1_000;
  /** How often a run writes that it lives. */
  readonly beatMs: number = 1_000;
  /** After which silence a run counts as dead. */
  readonly deadMs: number = DEAD_RUN_MS;
  /** How long a run may take to stop once the service does. */
  readonly stopMs: number = 20_000;
  /** How long the request for a replay waits for it to end, to answer what came of it. */
  readonly replayAnswerMs: number = 10_000;
}

/** Why a run of this process ends before its time. */
class ServiceStopped extends Error {}

/** Does the runs that are queued, the oldest first, one at a time in all processes together. */
@Injectable()
export class RunRunner implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly stopping = new AbortController();
  private wakeUp: () => void = () => undefined;
  private isAwake = false;
  private isFailing = false;
  private loop: Promise<void> | undefined;

  constructor(
    private readonly pool: RunPool,
    private readonly work: RunWork,
    private readonly timings: RunTimings,
    private readonly duties: Duties,
    private readonly ledger: Ledger,
    @Inject(LOG_READER) private readonly logReader: Kysely<LogDatabase>,
    @Inject(SERVICE_LOG) private readonly log: EngineLog,
  ) {}

  onApplicationBootstrap(): void {
    if (this.duties.works) this.loop = this.run();
  }

  /** Says that a run was queued. */
  wake(): void {
    this.isAwake = true;
    this.wakeUp();
  }

  /** Aborts the run under way and takes no more; what does not end in time is left. */
  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort(new ServiceStopped('The service stopped'));
    this.wakeUp();
    const late = () => new Error('A run did not stop in time');
    await within(this.timings.stopMs, this.loop ?? Promise.resolve(), late).catch((err: unknown) =>
      this.log.error({ err }, 'a run is left behind'),
    );
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      this.isAwake = false;
      const goesOn = await this.next().catch((err: unknown) => {
        // The log database is away; what is queued waits.
        if (!this.isFailing) this.log.warn({ err }, 'runs cannot be looked for now');
        this.isFailing = true;
        return false;
      });
      if (!goesOn) await this.rest();
    }
  }

  /** @returns whether to look for another one at once */
  private async next(): Promise<boolean> {
    const { log, timings } = this;
    const { db } = this.pool;
    const dead = await endDeadRuns(db, timings.deadMs);
    if (dead.length > 0) log.warn({ runs: dead }, 'the process of a run ended before it');
    const run = await claimRun(db);
    this.isFailing = false;
    return run ? this.carryOut(run) : false;
  }

  private async carryOut(run: Run): Promise<boolean> {
    const { log, timings } = this;
    const options = {
      stop: this.stopping.signal,
      requeues: true,
      onError: (err: unknown) =>
        log.warn({ err, runId: run.run_id }, 'a run could not be recorded'),
      beatMs: timings.beatMs,
    };
    try {
      const report = await carryOut(
        this.pool.db,
        run,
        (progress) => this.doWork(run, progress),
        options,
      );
      tell(log, run, report);
      return true;
    } catch (err) {
      // A script is at it. The run is queued again, and tried again after a pause.
      if (err instanceof RunInProgress) return false;
      if (!this.stopping.signal.aborted) log.error({ err, runId: run.run_id }, 'a run failed');
      return true;
    }
  }

  private doWork(run: Run, progress: RunProgress): Promise<AnyReport> {
    const { work } = this;
    const readHead = () => lastPosition(this.logReader, this.ledger.head);
    const paceOf = (rest: number) => new Pace(readHead, rest, progress.signal).wait;
    if (run.kind === 'replay') {
      const { accept_reason: reason } = run;
      const accepted = reason !== null && { acceptDifferences: reason };
      return work.replay({ ...progress, pace: paceOf(REST.rebuild), ...accepted });
    }
    const { to_position: toPosition } = run;
    const pace = paceOf(REST.verification);
    return work.verify({ ...progress, pace, ...(toPosition !== null && { toPosition }) });
  }

  /** Waits for a run that this process queued, or for the time of the next look. */
  private async rest(): Promise<void> {
    if (this.isAwake || this.stopping.signal.aborted) return;
    await new Promise<void>((done) => {
      const timer = setTimeout(done, this.timings.pollMs);
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
