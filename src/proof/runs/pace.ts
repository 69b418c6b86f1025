import { setTimeout as delay } from 'node:timers/promises';

/** Events per second above which the ledger counts as busy. */
const BUSY_EVENTS_PER_S = 500;
/** It counts as busy for this long after it last was: commands come in bursts. */
const BUSY_FOR_MS = 2_000;
/**
 * How many times as long as it worked a run rests. A verification has a tenth of the time: on two
 * cores, in the process that writes, a fifth left 69 % of the commands' throughput. For a replay
 * and an amendment somebody waits, who gets the half.
 */
export const REST = { verification: 9, rebuild: 1 } as const;
/** Longest rest, so that one slow page does not stop a run for minutes. */
const MAX_REST_MS = 5_000;

/** Where the pace gets its time from; specs have their own. */
export interface PaceClock {
  /** Milliseconds. */
  now(): number;
  /** Ends early where the signal is aborted. */
  rest(ms: number, signal: AbortSignal): Promise<void>;
}

/**
 * Slows a run down while others write, so that commands keep their throughput: it takes its share
 * of the processor and of PostgreSQL page by page, and rests after each one for a multiple of the
 * time that it took. On an idle ledger it does not rest at all.
 */
export class Pace {
  private workedSince: number;
  private measuredAt: number;
  private head: number | undefined;
  private busyUntil = -Infinity;

  /**
   * @param readHead the last position of the log, whoever wrote it
   * @param restFactor one of {@link REST}
   */
  constructor(
    private readonly readHead: () => Promise<number>,
    private readonly restFactor: number,
    private readonly signal: AbortSignal,
    private readonly clock: PaceClock = systemPace,
  ) {
    this.workedSince = clock.now();
    this.measuredAt = this.workedSince;
  }

  /** To be awaited after each page. */
  readonly wait = async (): Promise<void> => {
    const worked = this.clock.now() - this.workedSince;
    await this.measure();
    if (this.clock.now() < this.busyUntil) {
      await this.clock.rest(Math.min(MAX_REST_MS, worked * this.restFactor), this.signal);
    }
    this.workedSince = this.clock.now();
  };

  private async measure(): Promise<void> {
    const head = await this.readHead();
    const now = this.clock.now();
    const seconds = (now - this.measuredAt) / 1000;
    const before = this.head ?? head;
    if (seconds > 0 && (head - before) / seconds > BUSY_EVENTS_PER_S) {
      this.busyUntil = now + BUSY_FOR_MS;
    }
    this.head = head;
    this.measuredAt = now;
  }
}

const systemPace: PaceClock = {
  now: () => performance.now(),
  rest: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
};
