import type { Pace } from './turns';

/** What writers keep of their pace, whatever all reads do. */
const KEPT = 0.73;
/** Events per second below which nobody counts as writing, and reads never rest. */
const BUSY_EVENTS_PER_S = 20;
/** Writers whom nothing was written for so long count as writing: they may be starved. */
const STALLED_MS = 100;
/** So long reads are begun beside busy writers, before they rest. */
const PHASE_MS = 100;
/** After so long they are not waited for any longer. */
const LONGEST_MS = 3_000;
/** So many are under way at once beside busy writers, so that they end soon. */
const MOST_AT_ONCE = 4;
/** Of the time so much is left to reads, of all kinds together. */
const READS_KEEP = 0.294;
/** The longest rest, so that one slow read does not stop those behind it. */
const MAX_REST_MS = 2_000;
/** After so long a rest shows the writers alone; before, what was begun beside reads. */
const SETTLE_MS = 50;
/** How long that is looked at where nothing else has reads rest; longer after long ones. */
const LOOK_MS = 60;
const LOOK_SHARE = 0.5;
/** After so long of reads it is looked at again. */
const LOOK_AGAIN_MS = 1_000;
/**
 * What writers have beyond what they keep counts for reads up to so much time of theirs: they
 * write in batches, and none may end while reads are under way.
 */
const CREDIT_MS = 50;
/** An event that happens to come beside a short read is no pace: it counts as of this time more. */
const CHANCE_MS = 250;
/** After so long of looking, what was seen before counts half. */
const HALF_LIFE_MS = 500;

/** What reads are told of writers. */
export interface Writers {
  /** Position of the last event that this process wrote. */
  position(): number;
  /** For how long callers have waited while nothing was written, in milliseconds. */
  stalledMs(): number;
}

/** What is known of a moment. */
interface Moment {
  readonly ms: number;
  readonly position: number;
}

/** The pace of the writers alone, of which the newest counts most. */
class WritersAlone {
  private events = 0;
  private ms = 0;

  saw(from: Moment, to: Moment): void {
    const ms = to.ms - from.ms;
    const kept = 0.5 ** (ms / HALF_LIFE_MS);
    this.events = this.events * kept + to.position - from.position;
    this.ms = this.ms * kept + ms;
  }

  get isKnown(): boolean {
    return this.ms >= LOOK_MS / 2;
  }

  get perMs(): number {
    return this.isKnown ? this.events / this.ms : 0;
  }
}

/**
 * Has reads rest beside busy writers. What reads take of a machine shows in what is written: while
 * they rest the writers show their pace alone, and where they have less than {@link KEPT} of it,
 * they are owed the rest, which reads pay by resting. So a few reads, and such as take nothing of
 * the writers, hardly rest, and any number of them takes no more than what is left. On an idle
 * ledger nothing rests.
 */
export class BesideWriters implements Pace {
  private readonly alone = new WritersAlone();
  private underWay = 0;
  /** Whether those under way are to end before the next begins. */
  private isClosed = false;
  /** When reads began that have not rested since, and when the last ones ended. */
  private begun: Moment;
  private ended: Moment;
  private restUntil = -Infinity;
  /** From when on the writers are seen alone. */
  private seenFrom: Moment;
  private isSettled = false;
  /** For how long there were reads since the writers were last seen alone. */
  private unseenMs = 0;
  /** Events that writers lack; less than none where they have more than they keep. */
  private owed = 0;
  private owedAt: Moment;
  private beside: readonly BesideWriters[] = [];

  /** @param clock in milliseconds */
  constructor(
    private readonly writers: Writers,
    private readonly clock: () => number = () => performance.now(),
  ) {
    this.begun = this.ended = this.seenFrom = this.owedAt = this.now();
  }

  /** Says which other kinds of reads there are: what writers and reads keep is of all of them. */
  shareWith(others: readonly BesideWriters[]): void {
    this.beside = others;
  }

  waitMs(): number {
    const now = this.now();
    if (this.underWay === 0) return this.restOf(now);
    const forMs = now.ms - this.begun.ms;
    if (forMs >= PHASE_MS) this.isClosed ||= this.isBusy(now);
    // One that takes so long shall not keep the others waiting.
    if (forMs >= LONGEST_MS) {
      this.begun = now;
      this.isClosed = false;
      return 0;
    }
    const isFull = this.underWay >= MOST_AT_ONCE && this.isBusy(now);
    return this.isClosed || isFull ? LONGEST_MS - forMs : 0;
  }

  took(): void {
    if (this.underWay++ > 0) return;
    const now = this.now();
    const tookMs = this.ended.ms - this.begun.ms;
    // What is written in a short pause was begun before it.
    if (this.isSettled || now.ms - this.ended.ms >= tookMs) {
      if (this.isWritten(this.seenFrom, now)) this.alone.saw(this.seenFrom, now);
      this.unseenMs = 0;
    }
    this.countOwed(now);
    this.begun = now;
  }

  passed(): void {
    if (--this.underWay > 0) return;
    const now = this.now();
    const tookMs = now.ms - this.begun.ms;
    this.unseenMs += tookMs;
    this.countOwed(now);
    const restMs = this.isBusy(now) ? this.restAfter(tookMs, now) : 0;
    this.restUntil = now.ms + restMs;
    this.ended = this.seenFrom = now;
    this.isSettled = false;
    this.isClosed = false;
  }

  /** Where nobody writes, nothing is owed. */
  private countOwed(now: Moment): void {
    const { owedAt } = this;
    this.owedAt = now;
    if (!this.isWritten(owedAt, now)) return;
    const { perMs } = this.alone;
    const lacking =
      this.kept(now) * perMs * (now.ms - owedAt.ms) - (now.position - owedAt.position);
    this.owed = Math.max(-CREDIT_MS * perMs, this.owed + lacking);
  }

  private isWritten(from: Moment, to: Moment): boolean {
    return to.position > from.position || this.writers.stalledMs() > 0;
  }

  /** How many kinds read, this one included. */
  private kinds(now: Moment): number {
    return 1 + this.beside.filter((other) => other.isReading(now)).length;
  }

  private isReading(now: Moment): boolean {
    return this.underWay > 0 || now.ms - this.ended.ms < MAX_REST_MS;
  }

  /** What this kind leaves of what the others leave. */
  private kept(now: Moment): number {
    return KEPT ** (1 / this.kinds(now));
  }

  private restAfter(tookMs: number, now: Moment): number {
    const isDue = !this.alone.isKnown || this.unseenMs >= LOOK_AGAIN_MS;
    const lookMs = isDue ? SETTLE_MS + Math.max(LOOK_MS, tookMs * LOOK_SHARE) : 0;
    const { perMs } = this.alone;
    if (perMs === 0) return Math.min(MAX_REST_MS, lookMs);
    const paidPerMs = (1 - this.kept(now)) * perMs;
    const mostMs = Math.min(MAX_REST_MS, tookMs * (this.kinds(now) / READS_KEEP - 1));
    this.owed = Math.min(mostMs * paidPerMs, this.owed);
    return Math.min(MAX_REST_MS, Math.max(lookMs, this.owed / paidPerMs));
  }

  /** What is left of a rest; asked again once the writers are alone. */
  private restOf(now: Moment): number {
    const leftMs = this.restUntil - now.ms;
    const unsettledMs = this.ended.ms + SETTLE_MS - now.ms;
    if (!this.isSettled && unsettledMs <= 0) {
      this.isSettled = true;
      this.seenFrom = now;
    }
    if (leftMs <= 0) return 0;
    return this.isSettled ? leftMs : Math.min(leftMs, unsettledMs);
  }

  /** Beside readers that starve them writers look idle, but somebody waits for them. */
  private isBusy(now: Moment): boolean {
    const { ms, position } = this.begun;
    const perMs = (now.position - position) / (now.ms - ms + CHANCE_MS);
    return perMs * 1000 > BUSY_EVENTS_PER_S || this.writers.stalledMs() >= STALLED_MS;
  }

  private now(): Moment {
    return { ms: this.clock(), position: this.writers.position() };
  }
}
