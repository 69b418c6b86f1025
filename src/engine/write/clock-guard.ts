import type { Clock } from '../define/ids';
import { LedgerUnavailable } from '../define/refusal';

/** How far clocks may be apart. */
export const MAX_APART_MS = 60_000;

/** The time of a database's server. */
export interface ServerTime {
  /** Milliseconds since 1970, at some moment since it was asked. */
  readonly serverMs: number;
  /** When it was asked, on the process's monotonic clock. */
  readonly askedAt: number;
}

/** What the locks say of the time. */
export interface LockTimes {
  /** When the last event was recorded, RFC 3339; empty where there is none. */
  readonly lastRecordedAt: string;
  readonly log: ServerTime;
  readonly state: ServerTime;
}

/** The time is not to be trusted: what is written would say for ever that it happened then. */
export class ClockRefused extends LedgerUnavailable {}

/**
 * Compares this process's clock with what else knows the time: the clocks of both databases'
 * servers, under every pair of locks, and its own monotonic one, which nobody sets.
 */
export class ClockGuard {
  /** What the clock is ahead of the monotonic one, since the process began. */
  private readonly ahead: number;
  /** The last time from the future that is known to be accepted. */
  private accepted: string | undefined;

  constructor(private readonly clock: Clock) {
    this.ahead = clock.now() - clock.monotonic();
  }

  /**
   * Why nothing is to be written by this clock; undefined where it went on as time does, or is back
   * there. One that was wrong at the start and was put right looks like one that was set wrong,
   * also to servers on the same machine: only who restarts the process can tell.
   */
  get failure(): string | undefined {
    const jump = this.clock.now() - this.clock.monotonic() - this.ahead;
    if (Math.abs(jump) <= MAX_APART_MS) return undefined;
    const what = `The clock of this process went ${apart(jump)} of time`;
    return `${what}: put it right, and writes go on; where it is right now, restart the process`;
  }

  /**
   * To be called before anything is written behind the last event, which is never later than what
   * comes after it: one from the future would make its time that of all others.
   * @param isAccepted asks whether an administrator has accepted that; only where it is so
   * @throws ClockRefused
   */
  async checkLast(
    { lastRecordedAt, log, state }: LockTimes,
    isAccepted: (recordedAt: string) => Promise<boolean>,
  ): Promise<void> {
    if (lastRecordedAt === '' || lastRecordedAt === this.accepted) return;
    const latest = Math.max(this.clock.now(), log.serverMs, state.serverMs);
    const ahead = Date.parse(lastRecordedAt) - latest;
    if (ahead <= MAX_APART_MS) return;
    if (!(await isAccepted(lastRecordedAt))) {
      throw new ClockRefused(
        `The last event was recorded at ${lastRecordedAt}, ${apart(ahead)} of every clock: find ` +
          'out why, and let the log go on with npm run accept-time',
      );
    }
    this.accepted = lastRecordedAt;
  }

  /**
   * To be called before anything is written under locks.
   * @param recordedAt when the last event that is to be written says that it was recorded;
   *   undefined: there is none
   * @throws ClockRefused
   */
  check({ lastRecordedAt, log, state }: LockTimes, recordedAt: string | undefined): void {
    const { failure } = this;
    if (failure !== undefined) throw new ClockRefused(failure);
    const [now, monotonic] = [this.clock.now(), this.clock.monotonic()];
    // What ran ahead got its time from the clock as it was then. No event is earlier than the one
    // before it, whatever that one says.
    const written = recordedAt === lastRecordedAt ? undefined : recordedAt;
    const latest = Math.max(now, written === undefined ? now : Date.parse(written));
    for (const [name, { serverMs, askedAt }] of Object.entries({ log, state })) {
      // The server told its time at some moment between the question and now.
      const ahead = latest - (serverMs + monotonic - askedAt);
      const behind = serverMs - now;
      if (ahead <= MAX_APART_MS && behind <= MAX_APART_MS) continue;
      const where = apart(ahead > MAX_APART_MS ? ahead : -behind);
      throw new ClockRefused(`The clock of this process is ${where} of the ${name} database's`);
    }
  }
}

function apart(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1000);
  return `${seconds} s ${ms > 0 ? 'ahead' : 'behind'}`;
}

/** The end of the year 9999: times have four digits for the year. */
const MAX_MS = Date.parse('9999-12-31T23:59:59.999Z');
let lastMs = 0;
let lastIso = '';

/**
 * RFC 3339 UTC with milliseconds; thousands of commands share one.
 * @throws ClockRefused for a time that no event can have
 */
export function isoTime(ms: number): string {
  if (ms !== lastMs) {
    if (!(ms >= 0 && ms <= MAX_MS)) throw new ClockRefused('The clock of this process is wrong');
    lastIso = new Date(ms).toISOString();
    lastMs = ms;
  }
  return lastIso;
}
