import { Queue, Worker, type Job as BullJob, type JobsOptions, type Processor } from 'bullmq';
import type { Schedule } from '../../engine/define/schedule';
import { within } from '../../http/within';
import { PostgresJobStore } from './job-postgres';
import { JobSchedules } from './job-schedules';
import { RedisJobStore } from './job-redis';
import type { JobStore } from './job-store';

/** The queue cannot be reached, or did not answer in time. */
export class QueueAway extends Error {
  override readonly name = 'QueueAway';
}

/** A hint that a task is to be done. */
export interface Job {
  readonly taskId: string;
  /** How long from now until it is given to a worker, in milliseconds; default 0. */
  readonly delayMs?: number;
}

/**
 * Brings task ids to workers, at least once, one queue for each name of a task. The truth about a
 * task is elsewhere: a queue may be lost with all that is in it.
 */
export abstract class JobQueues {
  abstract readonly backend: 'postgres' | 'redis';
  /**
   * Hands tasks over; those that are in the queue already are left as they are.
   * @throws QueueAway within {@link JobQueueTimings.answerMs}; part of the jobs may have arrived
   */
  abstract add(name: string, jobs: readonly Job[]): Promise<void>;
  /**
   * Gives the tasks of a name to `run`, `concurrency` at a time, until the queues are closed. After
   * `undefined` the job is removed; after a number it comes again that many milliseconds later. It
   * also comes again when `run` throws, which is for bugs, and when the process is killed.
   */
  abstract work(
    name: string,
    concurrency: number,
    run: (taskId: string) => Promise<number | undefined>,
  ): void;
  /**
   * Runs each schedule at its times, in one of the processes that have it. To be called once.
   */
  abstract schedule(schedules: readonly Schedule[]): void;
  /**
   * One cheap round trip.
   * @throws QueueAway within {@link JobQueueTimings.answerMs}
   */
  abstract check(): Promise<void>;
  /** Takes no more jobs, waits for those under way, and after the deadline leaves them. */
  abstract close(deadlineMs: number): Promise<void>;
}

/** Milliseconds. */
export interface JobQueueTimings {
  /** How long the queue may take to answer. */
  readonly answerMs: number;
  /** How long a worker that was killed keeps its jobs; a living one renews in half of it. */
  readonly lockMs: number;
  /** How often jobs of killed workers are looked for. */
  readonly stalledCheckMs: number;
  /** How long a worker waits before it turns again to a queue that failed. */
  readonly retryMs: number;
  /** After which a job comes again whose `run` threw. */
  readonly afterBugMs: number;
  /** How often the schedules are compared with what the queue has. */
  readonly scheduleCheckMs: number;
  /** After which the job of a schedule comes again whose `run` threw. */
  readonly scheduleRetryMs: number;
}

const TIMINGS: JobQueueTimings = {
  answerMs: 5_000,
  lockMs: 15_000,
  stalledCheckMs: 5_000,
  retryMs: 1_000,
  afterBugMs: 1_000,
  scheduleCheckMs: 30_000,
  scheduleRetryMs: 10_000,
};

export interface JobQueueOptions {
  /** The state database, as its owner; the queues take the role of the state's writer. */
  readonly stateUrl: string;
  /** With it the jobs are in Redis, else in the schema `bullmq` of the state database. */
  readonly redisUrl?: string | undefined;
  /** What the keys in Redis begin with; installations that share one differ in it. */
  readonly redisPrefix?: string;
  /** Hears of everything that goes wrong in the background, perhaps many times a second. */
  readonly onError: (error: Error) => void;
  readonly timings?: Partial<JobQueueTimings>;
}

/** Opens the queues, without waiting for the server that they are on. */
export function openJobQueues(options: JobQueueOptions): JobQueues {
  const { stateUrl, redisUrl, redisPrefix = 'truebook', onError } = options;
  const timings = { ...TIMINGS, ...options.timings };
  const store =
    redisUrl === undefined
      ? new PostgresJobStore(stateUrl, timings, onError)
      : new RedisJobStore(redisUrl, redisPrefix, timings, onError);
  return new BullQueues(store, timings, onError);
}

/** Jobs that go to the server in one statement. */
const ADD_CHUNK = 500;
/** BullMQ writes an event for whatever happens to a job; nobody reads them here. */
const EVENTS_KEPT = 1_000;
/** How long a queue may take to write down the last jobs when it is closed. */
const CLOSE_MS = 2_000;
const FOR_EVER = 2 ** 31 - 1;
/**
 * What is kept of a job besides its id. A finished one goes, since BullMQ would silently ignore it
 * when it was handed over again. BullMQ itself never gives one up.
 */
const JOB_OPTIONS: JobsOptions = {
  attempts: FOR_EVER,
  backoff: { type: 'as-told' },
  removeOnComplete: true,
  removeOnFail: true,
};

/** The queue of what is done at certain times; no task has this name. */
const SCHEDULES = 'schedules';
/** A time is given up after so many attempts: the next one comes anyway. */
const SCHEDULE_OPTIONS: JobsOptions = { ...JOB_OPTIONS, attempts: 10 };

/** Thrown through BullMQ, which keeps message and stack: neither may say anything of the task. */
class ComesAgain extends Error {
  override readonly stack = '';

  constructor(readonly delayMs: number) {
    super('comes again');
  }
}

type AnyQueue = ReturnType<BullQueues['openQueue']>;
type AnyWorker = ReturnType<BullQueues['openWorker']>;

class BullQueues implements JobQueues {
  readonly backend: JobQueues['backend'];
  private readonly queues = new Map<string, AnyQueue>();
  private readonly workers = new Map<string, AnyWorker>();
  private schedules: JobSchedules | undefined;
  private closed: Promise<void> | undefined;
  /** Calls of `run` that have not ended. */
  private underWay = 0;
  private onIdle: () => void = () => undefined;

  constructor(
    private readonly store: JobStore,
    private readonly timings: JobQueueTimings,
    private readonly onError: (error: Error) => void,
  ) {
    this.backend = store.backend;
  }

  async add(name: string, jobs: readonly Job[]): Promise<void> {
    if (this.closed) throw new QueueAway('The job queues are closed');
    const queue = this.queueOf(name);
    for (let from = 0; from < jobs.length; from += ADD_CHUNK) {
      const chunk = jobs.slice(from, from + ADD_CHUNK).map(({ taskId, delayMs = 0 }) => ({
        name: 'task',
        data: {},
        opts: { ...JOB_OPTIONS, jobId: taskId, ...(delayMs > 0 && { delay: Math.ceil(delayMs) }) },
      }));
      await this.answer(queue.addBulk(chunk));
    }
  }

  work(name: string, concurrency: number, run: (taskId: string) => Promise<number | undefined>) {
    if (this.closed) throw new Error('The job queues are closed');
    if (this.workers.has(name)) throw new Error(`There is a worker for "${name}" already`);
    const { afterBugMs } = this.timings;
    const processor = this.processor(name, afterBugMs, ({ id }) => run(id!));
    this.workers.set(name, this.openWorker(name, concurrency, processor));
  }

  schedule(schedules: readonly Schedule[]): void {
    if (this.closed) throw new Error('The job queues are closed');
    if (this.schedules) throw new Error('There are schedules already');
    const { scheduleCheckMs: checkMs, scheduleRetryMs } = this.timings;
    const kept = new JobSchedules(this.queueOf(SCHEDULES), schedules, {
      jobs: SCHEDULE_OPTIONS,
      ready: () => this.check(),
      onError: this.onError,
      checkMs,
    });
    this.schedules = kept;
    const processor = this.processor(SCHEDULES, scheduleRetryMs, (job) => kept.run(job));
    this.workers.set(SCHEDULES, this.openWorker(SCHEDULES, schedules.length, processor));
  }

  async check(): Promise<void> {
    if (this.closed) throw new QueueAway('The job queues are closed');
    await this.answer(this.store.ping());
  }

  close(deadlineMs: number): Promise<void> {
    this.closed ??= this.closeAll(deadlineMs);
    return this.closed;
  }

  private async closeAll(deadlineMs: number): Promise<void> {
    this.schedules?.close();
    const workers = [...this.workers.values()];
    // A worker's own close() waits without end for the jobs under way, and cannot be told
    // otherwise once it does; pausing waits as well, and can be left.
    const paused = Promise.all(workers.map((w) => w.pause().catch(this.onError)));
    // It also waits for a server that may be gone, which is of no use once the last job has ended.
    const idle = this.idle().then(() => within(CLOSE_MS, paused, late));
    await within(deadlineMs, Promise.race([paused, idle]), late).catch(() => undefined);
    await Promise.all(workers.map((w) => w.close(true).catch(this.onError)));
    await Promise.all([...this.queues.values()].map((q) => q.close().catch(this.onError)));
    await this.store.close();
  }

  private processor(
    name: string,
    afterErrorMs: number,
    run: (job: BullJob) => Promise<number | undefined | void>,
  ): Processor<object, void> {
    return async (job) => {
      let again: number | undefined | void;
      this.underWay++;
      try {
        again = await run(job);
      } catch (cause) {
        this.onError(new Error(`The worker of "${name}" threw an error`, { cause }));
        again = afterErrorMs;
      } finally {
        if (--this.underWay === 0) this.onIdle();
      }
      if (again !== undefined) throw new ComesAgain(again);
    };
  }

  private async idle(): Promise<void> {
    if (this.underWay > 0) await new Promise<void>((done) => (this.onIdle = done));
  }

  private queueOf(name: string): AnyQueue {
    const known = this.queues.get(name) ?? this.openQueue(name);
    this.queues.set(name, known);
    return known;
  }

  private openQueue(name: string) {
    const options = { ...this.store.options, streams: { events: { maxLen: EVENTS_KEPT } } };
    const queue = new Queue(name, options, this.store.producer);
    queue.on('error', this.onError);
    return queue;
  }

  private openWorker(name: string, concurrency: number, processor: Processor<object, void>) {
    const { lockMs, stalledCheckMs, retryMs, afterBugMs } = this.timings;
    const options = {
      ...this.store.options,
      concurrency,
      lockDuration: lockMs,
      stalledInterval: stalledCheckMs,
      maxStalledCount: FOR_EVER,
      runRetryDelay: retryMs,
      settings: {
        // Any other error is one of the queue itself, while it wrote down that a job was done.
        backoffStrategy: (_attempts: number, _type?: string, error?: Error) =>
          error instanceof ComesAgain ? Math.max(0, Math.ceil(error.delayMs)) : afterBugMs,
      },
    };
    const worker = new Worker(name, processor, options, this.store.consumer);
    worker.on('error', this.onError);
    return worker;
  }

  private async answer(asked: Promise<unknown>): Promise<void> {
    try {
      await within(this.timings.answerMs, asked, late);
    } catch (cause) {
      throw new QueueAway('The job queue cannot be reached', { cause });
    }
  }
}

function late(): Error {
  return new Error('The job queue did not answer in time');
}
