import assert from 'node:assert';
import { kyselyOn } from '../../database/connections';
import { allDone } from '../../database/sqlstates';
import type { WriterConnection } from '../../database/writer-connection';
import { GENESIS, sameHead, type Head } from '../define/event';
import type { Clock } from '../define/ids';
import type { Registry } from '../define/registry';
import { send, type Statement } from '../session/flush';
import { underLocksOf } from '../session/locked-queries';
import type { UnderLocks } from '../session/session-mode';
import { isTimeAccepted } from './accepted-times';
import type { LockTimes } from './clock-guard';
import { committedCommandIds } from './command-log';
import { addEventTypes, type LogDatabase } from './event-log';
import type { Sealed } from './sealed';
import {
  hashAt,
  HeadsDiverge,
  lockLog,
  lockState,
  OtherMaterializers,
  sendStateHead,
  type LogHead,
  type StateHead,
} from './heads';

/** What the locks were found with. */
export interface Locked {
  /** The head of both databases. */
  readonly head: Head;
  readonly times: LockTimes;
  /** Whether it and the state are those that this process had left. */
  readonly isUnchanged: boolean;
}

/** How long the locks were held, in milliseconds: nobody else writes meanwhile. */
export interface LockHolds {
  readonly last: number;
  /** Since the process began. */
  readonly longest: number;
}

/** A batch that waits for a commit, with its rows where it is complete. */
export interface NextBatch {
  readonly sealed: Sealed | undefined;
}

/**
 * Materializes what the log has and the state lacks, inside the locks of both, and commits it.
 * @throws EventOfDoom, AmendedSince, and what the connections throw
 */
export type Healing = (
  log: WriterConnection,
  state: WriterConnection,
  stateHead: Head,
  logHead: Head,
) => Promise<void>;

/** What both databases say once they are locked. */
interface LockedHeads {
  /** On the monotonic clock, before either was asked for. */
  readonly askedAt: number;
  /** By `performance.now()`, when the log's lock was there. */
  readonly heldSince: number;
  readonly log: LogHead;
  readonly state: StateHead;
}

/** The log's lock as it was asked for behind a commit, with what was sent behind that. */
interface LogAhead {
  readonly askedAt: number;
  readonly locked: Promise<LogHead>;
  /** The rows that were sent too; undefined where only the lock was asked for. */
  readonly sealed: Sealed | undefined;
  readonly sent: Promise<unknown>[];
}

/** Both locks as they were asked for behind the commits of the batch before. */
interface LocksAhead {
  readonly heads: Promise<LockedHeads>;
  readonly sealed: Sealed | undefined;
  /** Grows by what goes to the state, once the log's lock is there. */
  readonly sent: Promise<unknown>[];
}

/** A table of its own grows for certain, and leaves nothing in those of the ledger. */
const PROBE =
  'create temporary table write_probe on commit drop as select generate_series(1, 20000)';

/**
 * The two locked transactions that every write goes through. Owns the only two connections that
 * write, opens them anew when they break, and never retries by itself: what a failure means is for
 * the caller to decide by where it happened.
 */
export class WritePath {
  /** How a session loads and uses SQL while the locks are held. */
  readonly sessionMode: UnderLocks;
  /** Where the log stood when this process last held the locks. */
  private lastHead: Head = GENESIS;
  /** When the event there was recorded, RFC 3339; empty before the first. */
  private recordedAt = '';
  private acknowledgedHead: Head = GENESIS;
  private lastRebuilds = 0;
  /** By `performance.now()`; undefined while nothing is locked. */
  private heldSince: number | undefined;
  private held: LockHolds = { last: 0, longest: 0 };
  private readonly storedTypes = new Set<string>();
  private logAhead: LogAhead | undefined;
  private locksAhead: LocksAhead | undefined;

  constructor(
    private readonly registry: Registry,
    private readonly log: WriterConnection,
    private readonly state: WriterConnection,
    private readonly heal: Healing,
    private readonly clock: Clock,
  ) {
    this.sessionMode = underLocksOf(state);
  }

  get head(): Head {
    return this.lastHead;
  }

  /** How long the locks were held by this process. */
  get holds(): LockHolds {
    return this.held;
  }

  /** When the event at the head was recorded, RFC 3339; empty before the first. */
  get lastRecordedAt(): string {
    return this.recordedAt;
  }

  /**
   * The head that both databases were last seen with. Between the two commits of a batch it stays
   * behind {@link head}: nobody was told of that batch yet.
   */
  get acknowledged(): Head {
    return this.acknowledgedHead;
  }

  /**
   * Begins both transactions, takes both locks (the log's first, everywhere) and makes the state
   * equal to the log: a tail that is missing is materialized in these same locks.
   * @throws HeadsDiverge, OtherMaterializers, AmendedSince, EventOfDoom, or what the connections
   *   throw
   */
  async lock(): Promise<Locked> {
    await this.connect();
    const heads = await (this.locksAhead?.heads ?? this.takeLocks());
    const { log, state, askedAt, heldSince } = heads;
    this.heldSince = heldSince;
    const { head: logHead, recordedAt: lastRecordedAt } = log;
    const { head: stateHead, materializersVersion, rebuilds } = state;
    // Rows may have been read from a state that had to be healed, while it was behind.
    const isUnchanged =
      sameHead(logHead, this.lastHead) &&
      sameHead(logHead, stateHead) &&
      rebuilds === this.lastRebuilds;
    if (this.locksAhead && !isUnchanged) {
      // Somebody else wrote or rebuilt before these locks came: what was sent does not hold.
      await this.rollback();
      return this.lock();
    }
    if (stateHead.position > logHead.position) {
      throw new HeadsDiverge(
        `The state is at position ${stateHead.position} and the log ends at ${logHead.position}`,
      );
    }
    const expected = this.registry.materializersVersion;
    if (stateHead.position > 0 && materializersVersion !== expected) {
      throw new OtherMaterializers();
    }
    if (!sameHead(logHead, stateHead)) {
      await this.checkOrigin(stateHead);
      await this.heal(this.log, this.state, stateHead, logHead);
    }
    this.lastHead = logHead;
    this.recordedAt = lastRecordedAt;
    this.acknowledgedHead = logHead;
    this.lastRebuilds = rebuilds;
    const timeOf = ({ serverTime }: LogHead | StateHead) => ({
      serverMs: Date.parse(serverTime),
      askedAt,
    });
    const times = { lastRecordedAt, log: timeOf(log), state: timeOf(state) };
    return { head: logHead, isUnchanged, times };
  }

  /** Whether an administrator let the log go on at a time that is later than now. */
  isTimeAccepted(recordedAt: string): Promise<boolean> {
    return isTimeAccepted(
      kyselyOn<LogDatabase>(() => this.log.current),
      recordedAt,
    );
  }

  /** Opens what is not open, both or neither. What was sent ahead is gone with its connection. */
  private async connect(): Promise<void> {
    // The log's session waits for its disk, as all do; the state can be rebuilt from the log.
    const attempts = await Promise.allSettled([
      this.log.connect(),
      this.state.connect('set synchronous_commit = off'),
    ]);
    for (const attempt of attempts) if (attempt.status === 'rejected') throw attempt.reason;
    const isNew = attempts.some((a) => a.status === 'fulfilled' && a.value);
    if (isNew && this.locksAhead) await this.rollback();
  }

  /** The log's lock first, then the state's: always in this order, everywhere. */
  private async takeLocks(): Promise<LockedHeads> {
    const askedAt = this.clock.monotonic();
    const log = await lockLog(this.log, this.lastHead);
    const heldSince = performance.now();
    return { askedAt, heldSince, log, state: await lockState(this.state) };
  }

  /** A state that the log does not know is never healed. */
  private async checkOrigin(stateHead: Head): Promise<void> {
    const hash = await hashAt(this.log, stateHead.position);
    if (hash === stateHead.hash) return;
    throw new HeadsDiverge(
      `At position ${stateHead.position} the state was built from hash ${stateHead.hash}, ` +
        `and the log has ${hash ?? 'no event'}`,
    );
  }

  /**
   * Sends everything that is to be written to both databases at the same time, unless that was
   * done ahead, and waits until both have taken it. After this nothing but the commits can fail.
   */
  async flush(sealed: Sealed): Promise<void> {
    const sent =
      this.locksAhead?.sealed === sealed
        ? this.locksAhead.sent
        : [...this.sendToLog(sealed), ...this.sendToState(sealed)];
    this.locksAhead = undefined;
    await allDone(sent);
  }

  private sendToLog(sealed: Sealed): Promise<unknown>[] {
    return send(this.log, [...sealed.log, ...this.newTypes(sealed)]);
  }

  private sendToState({ state, head, events }: Sealed): Promise<unknown>[] {
    if (events.length === 0) return [];
    const version = this.registry.materializersVersion;
    return this.state.together(() => [
      ...send(this.state, state),
      sendStateHead(this.state, head, version),
    ]);
  }

  private newTypes({ events }: Sealed): Statement[] {
    const found = new Map(events.map((e) => [`${e.type} ${e.version}`, e]));
    const added = [...found].flatMap(([name, e]) => (this.storedTypes.has(name) ? [] : [e]));
    if (added.length === 0) return [];
    const types = added.map(({ type }) => type);
    const versions = added.map(({ version }) => version);
    return [{ query: addEventTypes({ types, versions }) }];
  }

  /**
   * Commits the log: from here on the commands have happened. Where another batch waits, the lock
   * for it is asked for right behind the commit, and what it wrote is sent behind that if it is
   * complete: that saves it the way there and back. Others who wait for the lock get their turn in
   * between, and then it was sent in vain.
   * @throws CommitRefused where nothing happened; any other error leaves that open
   */
  async commitLog(sealed: Sealed, next?: NextBatch): Promise<void> {
    let ahead: LogAhead | undefined;
    try {
      const committed = this.log.together(() => {
        const answer = this.log.commit();
        for (const { type, version } of sealed.events) this.storedTypes.add(`${type} ${version}`);
        if (next) ahead = this.lockLogAhead(sealed.head, next);
        return answer;
      });
      await committed;
    } catch (error) {
      this.storedTypes.clear();
      throw error;
    }
    this.lastHead = sealed.head;
    this.recordedAt = sealed.events.at(-1)?.recordedAt ?? this.recordedAt;
    this.logAhead = ahead;
  }

  private lockLogAhead(head: Head, { sealed }: NextBatch): LogAhead {
    const askedAt = this.clock.monotonic();
    const locked = lockLog(this.log, head);
    locked.catch(() => undefined);
    return { askedAt, locked, sealed, sent: sealed ? this.sendToLog(sealed) : [] };
  }

  /** Commits the state, which can be healed where that fails. To be called behind the log's. */
  async commitState(): Promise<void> {
    // The state's lock goes before the log's is awaited: holding the one while waiting for the
    // other would be a deadlock that no server can see.
    const committed = this.state.commit();
    const head = this.lastHead;
    if (this.logAhead) this.lockStateAhead(this.logAhead);
    this.logAhead = undefined;
    await committed;
    this.letGo();
    this.acknowledgedHead = head;
  }

  /** Follows the log's lock with the state's: in this order, here too. */
  private lockStateAhead({ askedAt, locked, sealed, sent }: LogAhead): void {
    const heads: Promise<LockedHeads> = locked.then(async (log) => {
      const heldSince = performance.now();
      // Given up meanwhile: the state's connection may be another one, in a later transaction.
      assert(this.locksAhead?.heads === heads, 'The locks that were asked for were given up');
      const state = this.state.together(() => {
        const answer = lockState(this.state);
        if (sealed) sent.push(...this.sendToState(sealed));
        return answer;
      });
      return { askedAt, heldSince, log, state: await state };
    });
    heads.catch(() => undefined);
    this.locksAhead = { heads, sealed, sent };
  }

  /** Ends both transactions without a trace. */
  async rollback(): Promise<void> {
    this.giveUpAhead();
    await Promise.all([this.log.rollback(), this.state.rollback()]);
    this.letGo();
  }

  private letGo(): void {
    if (this.heldSince === undefined) return;
    const last = performance.now() - this.heldSince;
    this.heldSince = undefined;
    this.held = { last, longest: Math.max(this.held.longest, last) };
  }

  private giveUpAhead(): void {
    this.logAhead = undefined;
    this.locksAhead = undefined;
  }

  /**
   * Which of these commands the log has. Takes the log's lock, so a commit that was in doubt has
   * ended by then, one way or the other. Leaves both transactions open under the locks, healed.
   */
  async committedUnderLock(ids: readonly string[]): Promise<Set<string>> {
    await this.lock();
    return committedCommandIds(
      kyselyOn<LogDatabase>(() => this.log.current),
      ids,
    );
  }

  /** Makes the state equal to the log and lets the locks go. */
  async healNow(): Promise<Head> {
    try {
      const { head } = await this.lock();
      await this.state.commit();
      return head;
    } finally {
      await this.rollback();
    }
  }

  /**
   * Has both databases write some pages, inside the locks that are held, and not keep them: where
   * the disk is full or a database read-only that fails as any write does.
   * @throws what the connections throw
   */
  async probeWrites(): Promise<void> {
    await allDone([this.log.send(PROBE), this.state.send(PROBE)]);
  }

  /** Cuts both connections; whatever they were waiting for fails. */
  cut(): void {
    this.giveUpAhead();
    this.log.destroy();
    this.state.destroy();
    this.letGo();
  }

  async close(): Promise<void> {
    await Promise.all([this.log.close(), this.state.close()]);
  }
}
