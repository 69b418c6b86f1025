import { getNextMillis, type Job, type JobsOptions, type Queue } from 'bullmq';
import type { Schedule } from '../../engine/define/schedule';

const TIME_ZONE = 'UTC';

type ScheduleQueue = Pick<Queue, 'getJobScheduler' | 'upsertJobScheduler' | 'removeJobScheduler'>;

export interface ScheduleOptions {
  readonly jobs: JobsOptions;
  /** Settles once the queue can be asked. */
  readonly ready: () => Promise<void>;
  readonly onError: (error: Error) => void;
  /** How often the schedules are compared with those of the queue. */
  readonly checkMs: number;
}

/**
 * Keeps the schedules in the queue as they are configured. The queue may lose them with all that is
 * in it, and BullMQ makes the job of the next time when it takes that of the one before: where that
 * goes wrong no job is left. A time that passed while no process was there is made up for once.
 * A time that a wrong clock has set is compared with the present, and set again.
 */
export class JobSchedules {
  private readonly overdue = new Map<string, number>();
  private readonly timer: NodeJS.Timeout;
  private isFirst = true;

  constructor(
    private readonly queue: ScheduleQueue,
    private readonly schedules: readonly Schedule[],
    private readonly options: ScheduleOptions,
  ) {
    this.timer = setInterval(() => void this.check(), options.checkMs);
    void this.check();
  }

  close(): void {
    clearInterval(this.timer);
  }

  /** Does the job of a time. */
  async run({ name, opts, timestamp }: Pick<Job, 'name' | 'opts' | 'timestamp'>): Promise<void> {
    const schedule = this.schedules.find((s) => s.name === name);
    // One that another version of the program had, or that was switched off a moment ago.
    if (schedule?.pattern === undefined) return;
    await schedule.run(new Date(opts.prevMillis ?? timestamp));
  }

  private async check(): Promise<void> {
    try {
      await this.options.ready();
      for (const { name, pattern } of this.schedules) {
        if (pattern !== undefined) await this.keep(name, pattern);
        else if (this.isFirst) await this.queue.removeJobScheduler(name);
      }
      this.isFirst = false;
    } catch (cause) {
      this.options.onError(new Error('The schedules could not be checked', { cause }));
    }
  }

  private async keep(name: string, pattern: string): Promise<void> {
    const found = await this.queue.getJobScheduler(name);
    const next = found?.next ?? 0;
    const isRight = found?.pattern === pattern && !isAstray(pattern, next);
    if (isRight && !this.isStuck(name, next)) return;
    const template = { name, data: {}, opts: this.options.jobs };
    await this.queue.upsertJobScheduler(name, { pattern, tz: TIME_ZONE }, template);
  }

  /** Whether nobody took the job of a time that has passed since the last check. */
  private isStuck(name: string, next: number): boolean {
    const before = this.overdue.get(name);
    if (next > Date.now()) this.overdue.delete(name);
    else this.overdue.set(name, next);
    return next <= Date.now() && before === next;
  }
}

/** Whether a time comes after the next one from now, so that a clock that was ahead has set it. */
function isAstray(pattern: string, next: number): boolean {
  return next > (getNextMillis(Date.now(), { pattern, tz: TIME_ZONE }) ?? 0);
}
