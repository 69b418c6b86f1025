import { STATE_SCHEMA } from '../../database/connections';
import { SQLSTATE, sqlstateOf } from '../../database/sqlstates';
import type { WriterConnection } from '../../database/writer-connection';
import { sameHead, type Head } from '../../engine/define/event';
import { lockLog, readLogHead } from '../../engine/write/heads';
import { liveHead, LiveSnapshot } from './live-snapshot';
import { Rebuild, type RebuildOptions } from './rebuild';
import type { LogFinding, ReplayReport, RunReport } from './report';
import { RunRecord } from './run-record';
import { dropPrevious, LOCK_OUT_READERS, summarizeRanges, swapSchemas } from './swap';

/** A tail this short is materialized while the writers wait. */
const SHORT_TAIL_EVENTS = 1_000;
/** How often the tail is materialized once more, ever shorter, right before the locks are taken. */
const LAST_STEPS = 3;
/** Rounds of catching up before the locks are taken whatever the tail's length. */
const MAX_ROUNDS = 10;
/** Both sides are at the same event: a row that one of them lacks was not removed since. */
const TO_THE_END = Number.MAX_SAFE_INTEGER;
/** Readers under way end first; writers are let go again where one takes longer than that. */
const LOCK_PATIENCE_MS = 100;
const MAX_LOCK_ATTEMPTS = 200;
const LOCK_PAUSE_MS = 50;
/** A process that stalls under the locks, or a network that is gone, holds writers no longer. */
const LET_GO_WHEN_IDLE = `set local idle_in_transaction_session_timeout = '10s'`;

export interface ReplayOptions extends RebuildOptions {
  /** Why a rebuilt state that differs from the live one takes its place all the same. */
  readonly acceptDifferences?: string | undefined;
  /** What else is known to be wrong with the log. */
  readonly findings?: readonly LogFinding[] | undefined;
  /** What is written to the log in the same step. */
  readonly change?: LogChange | undefined;
}

/** A change of the log that the rebuilt state has already: the two come into force together. */
export interface LogChange {
  /** Takes the log's lock, under a role that may write. */
  readonly log: WriterConnection;
  /** Why the rebuilt state differs from the live one. */
  readonly reason: string;
  /** Writes to the log, and materializes that in the rebuilt state. Under both locks. */
  write(rebuild: Rebuild, head: Head, found: RunReport): Promise<void>;
  /** Commits the log. From then on it has happened, and the state follows. */
  commit(): Promise<void>;
}

/**
 * Rebuilds the state from the log beside the live one, compares the two, and puts the rebuilt one
 * in its place by renaming schemas. Readers and writers go on; writers wait for the last tail and
 * the swap, and readers see one state or the other. The state of before stays in a schema of its
 * own until the next replay. Whatever ends it early leaves the live state as it was.
 * @throws RunInProgress, and what the connections throw; everything else stands in the report
 */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const rebuild = await Rebuild.open(options);
  const run = new Replay(options, rebuild);
  try {
    return await run.run();
  } finally {
    rebuild.close();
  }
}

type Status = ReplayReport['status'];
/** Writers wait: nobody is left a share of the machine. */
const noPause = () => Promise.resolve();

class Replay {
  private readonly record: RunRecord;
  private accepted: string | null = null;
  private swapMs: number | null = null;

  constructor(
    private readonly options: ReplayOptions,
    private readonly rebuild: Rebuild,
  ) {
    this.record = new RunRecord(options, rebuild);
    this.record.log.push(...(options.findings ?? []));
  }

  async run(): Promise<ReplayReport> {
    try {
      return this.report(await this.attempt());
    } catch (error) {
      if (this.options.signal?.aborted) return this.report('aborted');
      await this.record.take(error);
      return this.report('failed');
    }
  }

  private async attempt(): Promise<Status> {
    const { urls, change } = this.options;
    // A change may be refused, and then the state of before the last replay stays too.
    if (!change) await dropPrevious(urls.state);
    const compared = await this.compareWhole();
    // What a change makes of the past may not be what was sealed.
    if (change) await this.record.checkSeals();
    if (!this.mayDiffer()) return 'differs';
    if (change) await dropPrevious(urls.state);
    return this.swap(await this.catchUpLive(compared));
  }

  /** Rebuilds and compares what the live state contains now. @returns up to where */
  private async compareWhole(): Promise<number> {
    const { rebuild, record } = this;
    const live = await LiveSnapshot.open(this.options.urls.state);
    try {
      await record.begin(live.is);
      const { logHead } = record.ranOn!;
      record.toPosition = logHead.position;
      const whole = { after: 0, upTo: TO_THE_END };
      await record.digestLive(live, whole);
      await rebuild.to({ ...logHead, position: Math.min(live.head.position, logHead.position) });
      await rebuild.finish();
      await record.compare(live, whole);
      await record.trace();
      return live.head.position;
    } finally {
      live.close();
    }
  }

  /**
   * Catches up, and compares what was written meanwhile, until little is left to be done under the
   * locks. @returns up to where it is compared
   */
  private async catchUpLive(compared: number): Promise<number> {
    const { rebuild, record } = this;
    const { logHead } = record.ranOn!;
    // What a live state lacks, because it was lost or restored, cannot be compared.
    if (logHead.position - compared > SHORT_TAIL_EVENTS) await rebuild.to(logHead);
    let after = compared;
    for (let round = 0; round < MAX_ROUNDS && !record.isLogWrong; round++) {
      await summarizeRanges(this.options.urls.state);
      const live = await LiveSnapshot.open(this.options.urls.state);
      try {
        if (live.head.position < rebuild.head.position) break;
        // At the pace of a run beside busy writers it would never come up with them.
        await rebuild.to(live.head, { pace: noPause });
        await record.compare(live, { after, upTo: TO_THE_END });
        after = live.head.position;
      } finally {
        live.close();
      }
      const { position } = (await readLogHead(rebuild.log)).head;
      if (position - after <= SHORT_TAIL_EVENTS) break;
    }
    return after;
  }

  /**
   * Whether a state that is not the live one may take its place: where somebody said so, and where
   * it has to differ.
   */
  private mayDiffer(): boolean {
    const { record, options } = this;
    record.checkAmendments();
    if (record.isSealBroken) return false;
    if (!record.isDifferent && !record.isLogWrong) return true;
    this.accepted =
      options.acceptDifferences ?? (record.isLogWrong ? null : this.knownDifference());
    return this.accepted !== null;
  }

  /** Why the live state is not what the log makes of it now, where that is as it should be. */
  private knownDifference(): string | null {
    const { change } = this.options;
    if (change) return change.reason;
    const ranOn = this.record.ranOn!;
    const { stateMaterializersVersion: before, materializersVersion: now } = ranOn;
    if (before !== null && before !== now) return `materializers ${before} became ${now}`;
    const amended = this.rebuild.amended.amendedSince(ranOn.stateHead);
    return amended === undefined ? null : `event ${amended} was amended`;
  }

  /**
   * Takes the locks, materializes and compares the last tail, and swaps. Writers wait from
   * the log's lock on.
   */
  private async swap(compared: number): Promise<Status> {
    const { rebuild, record } = this;
    const { change } = this.options;
    // What was written while the last round was compared, and while that was materialized.
    for (let i = 0; i < LAST_STEPS; i++) {
      await rebuild.to((await readLogHead(rebuild.log)).head, { pace: noPause });
    }
    const { head, sinceMs } = await this.lock();
    await rebuild.to(head, { pace: noPause });
    record.toPosition = head.position;
    const live = { db: rebuild.db, schema: STATE_SCHEMA };
    const isBehind = !sameHead(await liveHead(rebuild.db), head);
    // A live state that is behind lacks the tail, and that is no difference.
    if (!isBehind && !record.isLogWrong) {
      await record.compare(live, { after: compared, upTo: TO_THE_END });
    }
    if (change) await record.checkSeals(compared);
    if (!this.mayDiffer()) return 'differs';
    await change?.write(rebuild, head, record.report());
    await swapSchemas(rebuild.db);
    // A crash before this leaves everything as it was. Between the two commits the log has an
    // amendment that the state lacks: nobody writes until a replay has mended that.
    await change?.commit();
    // Readers and writers that wait find the new state from here on.
    await rebuild.state.commit();
    if (!change) await rebuild.log.rollback();
    this.swapMs = Math.round(performance.now() - sinceMs);
    return 'swapped';
  }

  /**
   * The log's lock before the state's: always in this order, everywhere. Readers begin at the
   * state's head, so that none is under way once it is locked against them too: to a snapshot from
   * before the swap the new tables would be empty. Where a reader takes its time, the writers are
   * let go and the locks are asked for again.
   */
  private async lock(): Promise<{ head: Head; sinceMs: number }> {
    const { state } = this.rebuild;
    const log = this.options.change?.log ?? this.rebuild.log;
    await state.send(`set local lock_timeout = ${LOCK_PATIENCE_MS}`);
    for (let attempt = 1; ; attempt++) {
      this.options.signal?.throwIfAborted();
      const { head } = await lockLog(log, this.rebuild.head);
      const sinceMs = performance.now();
      await state.send('savepoint swap');
      try {
        await state.send(LOCK_OUT_READERS);
        for (const held of [log, state]) await held.send(LET_GO_WHEN_IDLE);
        return { head, sinceMs };
      } catch (error) {
        if (sqlstateOf(error) !== SQLSTATE.lockNotAvailable || attempt === MAX_LOCK_ATTEMPTS) {
          throw error;
        }
        await state.send('rollback to savepoint swap');
        await log.rollback();
        await this.rebuild.to((await readLogHead(log)).head);
        await new Promise((done) => setTimeout(done, LOCK_PAUSE_MS));
      }
    }
  }

  private report(status: Status): ReplayReport {
    const { accepted, swapMs } = this;
    return { status, ...this.record.report(), accepted, swapMs };
  }
}
