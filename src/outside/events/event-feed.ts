import { setImmediate as others, setTimeout as delay } from 'node:timers/promises';
import { EventAmended } from '../../engine/catch-up/amendment.events';
import { LedgerUnavailable } from '../../engine/define/refusal';
import type { DatabaseReader } from '../../engine/session/database-reader';
import type { StateReader } from '../../engine/session/state-reader';
import { Turns } from '../../engine/session/turns';
import type { LogDatabase } from '../../engine/write/event-log';
import type { EngineLog } from '../../engine/write/ledger-parts';
import type { EventLimits } from './event-limits';
import type { EventListener, EventSource, Page, Wanted } from './event-listener';
import { nothing, type EventPages, type EventReads } from './event-pages';
import { Segment, SEGMENT_BYTES, type StreamFilter } from './event-segment';
import type { EventSubjects, Touched } from './event-subject.queries';

/** New events that are read at a time. */
const ROUND = { limit: 1_000, bytes: 1024 * 1024 };
/** Events that somebody reads at a time who is behind, and then has to take. */
const PAGE = { limit: 500, bytes: 2 * SEGMENT_BYTES };
/** What was handed out last, for those who are a little behind. */
const RECENT_BYTES = 4 * 1024 * 1024;
const RECENT_SEGMENTS = 4_096;
/** So many of those who are behind read at once, and leave other callers their turns. */
const READ_AT_ONCE = 2;
const READ_WAIT_MS = 60_000;
/** Pages that are kept for a second, since others may be behind as far. */
const KEPT_PAGES = 32;
/** How often it is looked who takes nothing, and whose key still fits. */
const LOOK_MS = 1_000;
/** Listeners that are sent something before others get their turn. */
const SLICE = 32;
/** The shortest time from one round to the next, so that what happens at once is sent at once. */
const ROUND_MS = 20;
/** Handing out has a third of the program's time where there is no end of new events. */
const REST = 2;

export interface FeedParts {
  readonly state: StateReader;
  readonly log: DatabaseReader<LogDatabase>;
  readonly pages: EventPages;
  readonly subjects: EventSubjects;
  readonly limits: EventLimits;
  /** How long a listener may leave what it was sent. */
  readonly patienceMs: number;
  readonly errors: EngineLog;
}

/** Whether who listens still may; undefined where that cannot be found out now. */
export type StillMay = () => Promise<boolean | undefined>;

/**
 * Hands new events out to all who listen: they are read once, when this process has committed
 * some, or after a pause, for other processes write too. It runs while anybody listens.
 */
export class EventFeed implements EventSource {
  /** Listeners, and whether each still may. */
  private readonly listeners = new Map<EventListener, StillMay>();
  private admitted = 0;
  /** What was handed out last, in order and without gaps. */
  private recent: Segment[] = [];
  private recentBytes = 0;
  private handedOut = 0;
  private readonly kept = new Map<string, Promise<Page>>();
  private readonly turns: Turns;
  private loop: Promise<void> | undefined;
  private isClosing = false;
  private isAwake = false;
  private wakeUp: () => void = () => undefined;
  private isFailing = false;
  private cutOff = 0;
  private readonly reads: EventReads;

  constructor(private readonly parts: FeedParts) {
    const { state, log, limits } = parts;
    const bounds = { atOnce: READ_AT_ONCE, queueLimit: limits.listeners, waitMs: READ_WAIT_MS };
    this.turns = new Turns('listeners that are behind', bounds);
    this.reads = {
      one: (run) => state.readOne(run),
      read: (run) => state.read(run),
      log: (run) => log.read(run),
    };
  }

  get position(): number {
    return this.handedOut;
  }

  /** How many listen, and how many were cut off since the process began. */
  get counts(): { readonly listening: number; readonly cutOff: number } {
    return { listening: this.listeners.size, cutOff: this.cutOff };
  }

  /** Says that something was committed. */
  wake(): void {
    this.isAwake = true;
    this.wakeUp();
  }

  /**
   * Takes a place among those who listen. @returns what gives it back
   * @throws LedgerUnavailable where there is none
   */
  admit(): () => void {
    if (this.isClosing) throw new LedgerUnavailable('The service is stopping');
    if (this.admitted >= this.parts.limits.listeners) {
      throw new LedgerUnavailable('Too many listen to events');
    }
    this.admitted++;
    return () => void this.admitted--;
  }

  /** Sends somebody events from now on, until {@link leave}. */
  join(listener: EventListener, stillMay: StillMay): void {
    if (this.isClosing) return listener.sendAway();
    this.listeners.set(listener, stillMay);
    this.loop ??= this.run();
    listener.start();
  }

  leave(listener: EventListener): void {
    listener.stop();
    this.listeners.delete(listener);
    if (this.listeners.size === 0) this.wake();
  }

  /** Sends everybody away, and takes nobody any more. */
  async close(): Promise<void> {
    this.isClosing = true;
    for (const listener of this.listeners.keys()) listener.sendAway();
    this.listeners.clear();
    this.wake();
    await this.loop;
  }

  segmentAt(position: number, filter: StreamFilter): Segment | undefined {
    const { recent } = this;
    if (position >= this.handedOut || recent.length === 0) return undefined;
    if (position < recent[0]!.after) return undefined;
    let [least, most] = [0, recent.length - 1];
    while (least < most) {
      const middle = (least + most) >> 1;
      if (recent[middle]!.through > position) most = middle;
      else least = middle + 1;
    }
    const segment = recent[least]!;
    return segment.knows(filter) ? segment : undefined;
  }

  /** @throws LedgerUnavailable, and what the databases do */
  read(wanted: Wanted, position: number): Promise<Page> {
    const key = `${position} ${wanted.key}`;
    const known = this.kept.get(key);
    if (known) return known;
    const page = this.turns.take(() => this.readPage(wanted, position));
    this.kept.set(key, page);
    page.catch(() => this.kept.delete(key));
    for (const [oldest] of this.kept) {
      if (this.kept.size <= KEPT_PAGES) break;
      this.kept.delete(oldest);
    }
    return page;
  }

  private async readPage({ filters, filter }: Wanted, position: number): Promise<Page> {
    const range = { least: position + 1, most: Number.MAX_SAFE_INTEGER, order: 'asc' } as const;
    const page = await this.parts.pages.page(this.reads, filters, range, PAGE);
    const segment = Segment.page(page.rows, position, everything(page.rows, filter));
    const end = page.hasMore ? segment!.through : Math.max(position, page.upTo);
    const through = page.next ?? end;
    return { segment, through };
  }

  private async run(): Promise<void> {
    const { heartbeatMs, pollMs } = this.parts.limits;
    const beats = setInterval(() => void this.each((listener) => listener.beat()), heartbeatMs);
    const looks = setInterval(() => void this.look(), LOOK_MS);
    let isFirst = true;
    while (this.listeners.size > 0) {
      this.isAwake = false;
      const isNew = await this.round(isFirst).catch((err: unknown) => this.failed(err));
      if (isNew !== undefined) [isFirst, this.isFailing] = [false, false];
      if (isNew !== true) await this.rest(pollMs);
    }
    clearInterval(beats);
    clearInterval(looks);
    this.forget();
    this.loop = undefined;
    // Somebody may have come while the last round ended.
    if (this.listeners.size > 0) this.loop = this.run();
  }

  private failed(err: unknown): undefined {
    if (!this.isFailing) this.parts.errors.warn({ err }, 'new events cannot be handed out now');
    this.isFailing = true;
  }

  /** Waits for a commit, or for the time of the next look. */
  private async rest(ms: number): Promise<void> {
    if (this.isAwake && !this.isFailing) return;
    await new Promise<void>((done) => {
      const timer = setTimeout(done, ms);
      this.wakeUp = () => {
        if (this.isFailing && this.listeners.size > 0) return;
        clearTimeout(timer);
        done();
      };
    });
  }

  /**
   * Reads what is new and hands it out. @returns whether there was anything
   * @param isFirst where nobody was told anything yet: then it begins where the state is
   */
  private async round(isFirst: boolean): Promise<boolean> {
    const { position } = await this.reads.one(nothing);
    const after = this.handedOut;
    if (isFirst) {
      this.handedOut = position;
      await this.each((listener) => listener.advance());
      return false;
    }
    if (position <= after) return false;
    const wantsSubjects = [...this.listeners.keys()].some((listener) => listener.wantsSubjects);
    const range = { least: after + 1, most: position, order: 'asc' } as const;
    const { rows } = await this.parts.pages.page(this.reads, {}, range, ROUND);
    const last = rows.at(-1)?.position ?? after;
    const touched = wantsSubjects ? await this.touchedBy(after, last) : undefined;
    if (rows.some(({ type }) => type === EventAmended.type)) this.forget();
    this.keep(Segment.of(rows, after, touched));
    this.handedOut = last;
    const tookMs = await this.each((listener) => listener.advance());
    await delay(Math.max(ROUND_MS, REST * tookMs));
    return true;
  }

  private async touchedBy(after: number, upTo: number): Promise<Touched> {
    const find = this.parts.subjects.touchedBy.bind(this.parts.subjects);
    return (await this.reads.one((db) => find(db, after, upTo))).value;
  }

  private keep(segments: readonly Segment[]): void {
    for (const segment of segments) {
      this.recent.push(segment);
      this.recentBytes += segment.bytes.length;
    }
    let gone = 0;
    while (this.recentBytes > RECENT_BYTES || this.recent.length - gone > RECENT_SEGMENTS) {
      // The newest stays, however large it is: nobody has it yet.
      if (this.recent.length - gone <= segments.length) break;
      this.recentBytes -= this.recent[gone++]!.bytes.length;
    }
    this.recent.splice(0, gone);
  }

  /** What was read before an event was amended is shown to nobody else. */
  private forget(): void {
    this.recent = [];
    this.recentBytes = 0;
    this.kept.clear();
  }

  /** Does something to all who listen, some at a time. @returns the milliseconds that it took */
  private async each(work: (listener: EventListener) => void): Promise<number> {
    let [tookMs, done] = [0, 0];
    let began = performance.now();
    for (const listener of [...this.listeners.keys()]) {
      work(listener);
      if (++done % SLICE > 0) continue;
      tookMs += performance.now() - began;
      await others();
      began = performance.now();
    }
    return tookMs + performance.now() - began;
  }

  /** Cuts off who takes nothing, and sends away whose key fits no longer. */
  private async look(): Promise<void> {
    this.kept.clear();
    for (const [listener, stillMay] of [...this.listeners]) {
      if (listener.waitedMs > this.parts.patienceMs) {
        this.cutOff++;
        listener.cutOff();
      } else if ((await stillMay()) === false) {
        listener.sendAway();
      }
    }
  }
}

/** Events that were found by what they touch need not be asked again. */
function everything(
  rows: readonly { readonly position: number }[],
  { touching }: StreamFilter,
): Touched | undefined {
  if (touching.length === 0) return undefined;
  const all = new Set(touching);
  return new Map(rows.map(({ position }) => [position, all]));
}
