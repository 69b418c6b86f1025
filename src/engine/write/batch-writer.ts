import { setTimeout as delay } from 'node:timers/promises';
import { isRowRefused, SQLSTATE, sqlstateOf } from '../../database/sqlstates';
import { CommitRefused } from '../../database/writer-connection';
import { LedgerUnavailable } from '../define/refusal';
import { NotEncoded } from '../session/flush';
import type { Batch } from './batch';
import type { BatchRunner } from './batch-runner';
import { ClockGuard } from './clock-guard';
import { describeFailure, isUnavailable } from './failures';
import type { LedgerParts } from './ledger-parts';
import type { NextBatch } from './write-path';

/** Pause between two attempts at recovering from a failed or doubtful commit. */
const RECOVERY_PAUSE_MS = 100;

/** Brings batches into both databases, finds out what became of those that failed, and answers. */
export class BatchWriter {
  private isStopping = false;
  private readonly clock: ClockGuard;
  private failure: string | undefined;

  constructor(
    private readonly parts: LedgerParts,
    private readonly runner: BatchRunner,
    /** The batch that collects behind the one that is written. */
    private readonly next: () => Batch | undefined,
  ) {
    this.clock = new ClockGuard(parts.clock);
  }

  /** Why the last batch could not be written, or the next one cannot; undefined: nothing. */
  get lastFailure(): string | undefined {
    return this.clock.failure ?? this.failure;
  }

  /** Gives up what cannot be recovered at the first attempt from now on. */
  stop(): void {
    this.isStopping = true;
  }

  /** Writes a batch whose turn it is, and answers its callers. Never throws. */
  async finish(batch: Batch): Promise<void> {
    try {
      await this.watched(() => this.write(batch));
      // The next batch goes on its way first: callers have a lot to do with their answers.
      setImmediate(() => batch.answer());
    } catch (error) {
      await this.afterFailure(batch, error);
    }
  }

  /** The server's own timeouts end its statements; this ends waiting for a server that is gone. */
  private async watched<T>(work: () => Promise<T>): Promise<T> {
    const { path, limits } = this.parts;
    const patience = limits.lockTimeoutMs + 2 * limits.statementTimeoutMs;
    const watchdog = setTimeout(() => path.cut(), patience);
    return work().finally(() => clearTimeout(watchdog));
  }

  private async write(batch: Batch): Promise<void> {
    const { path } = this.parts;
    const locked = await path.lock();
    await this.runner.runUnderLocks(batch, locked);
    const { execution, sealed } = batch.sealedUnderLocks;
    await this.clock.checkLast(locked.times, (at) => path.isTimeAccepted(at));
    // An empty batch is refused too: whoever asks for one wants to know whether writes go.
    this.clock.check(locked.times, sealed.events.at(-1)?.recordedAt);
    if (execution.isEmpty) {
      await this.probe();
      await path.rollback();
    } else {
      batch.flush();
      await path.flush(sealed);
      batch.commitLog();
      await path.commitLog(sealed, this.nextBatch());
      batch.commitState();
      await path.commitState();
      this.failure = undefined;
      this.parts.onCommitted?.(path.head, execution.tasks.rows.length > 0);
    }
    execution.session.committed(batch.number, sealed.head);
    batch.committed();
  }

  /**
   * A batch that wrote nothing shows nothing of a disk that is full. After a failure one asks
   * whether the databases take anything again; its own commands do not depend on that.
   */
  private async probe(): Promise<void> {
    if (this.failure === undefined) return;
    const { path } = this.parts;
    try {
      await path.probeWrites();
      this.failure = undefined;
    } catch (error) {
      this.failure = describeFailure(error);
      // What a session inherited stays in it: the next one has what holds now.
      path.cut();
    }
  }

  /** The batch that waits for a commit and rests on it; undefined where none does. */
  private nextBatch(): NextBatch | undefined {
    const next = this.next();
    if (!next || !this.runner.restsOnSession(next)) return undefined;
    const { state } = next;
    if (state.name === 'running ahead') return { sealed: undefined };
    return state.name === 'sealed ahead' ? state : undefined;
  }

  private async afterFailure(batch: Batch, error: unknown): Promise<void> {
    // Before anybody is answered: the next batch must not find the keys of commands that did not
    // happen, and callers ask again at once.
    const broken = batch.breakOff(error instanceof CommitRefused);
    this.runner.dropSession();
    if (broken.name !== 'undone') return this.recover(batch, broken.commandIds, error);
    await this.watched(() => this.parts.path.rollback());
    if (sqlstateOf(error) === SQLSTATE.readOnly) this.parts.path.cut();
    const isOfOne = isRowRefused(error) || error instanceof NotEncoded;
    if (isOfOne && !batch.isOfOne) return this.isolate(batch);
    this.failure = describeFailure(error);
    if (isOfOne || !isUnavailable(error)) {
      batch.fail(error);
    } else {
      this.parts.log.error({ err: error }, 'a batch could not be written');
      batch.fail(new LedgerUnavailable(this.failure, { cause: error }));
    }
  }

  /**
   * A row of the batch was refused: every command gets a batch of its own under the locks, to find
   * whose it is. It may also have missed a key: where it ran ahead one that another process
   * remembered, under the locks one of an administrator's command, which needs no locks.
   */
  private async isolate(batch: Batch): Promise<void> {
    for (const command of batch.isolate()) await this.finish(this.runner.beginOfOne(command));
  }

  /**
   * Finds out under the lock whether the batch happened, heals the state, and answers. Where the
   * databases stay away for too long the callers are told that it is not known.
   */
  private async recover(batch: Batch, ids: readonly string[], error: unknown): Promise<void> {
    const { path, limits, log } = this.parts;
    log.warn({ err: error, batch: batch.state.name }, 'recovering from a failed commit');
    const deadline = performance.now() + limits.recoveryTimeoutMs;
    for (;;) {
      path.cut();
      try {
        const committed = await this.watched(() => path.committedUnderLock(ids));
        await this.watched(() => path.rollback());
        this.runner.dropSession();
        if (committed.size > 0) {
          this.parts.onCommitted?.(path.head, true);
          batch.committed();
          return batch.answer();
        }
        return batch.fail(
          new LedgerUnavailable('The connection to the log was lost before the commit'),
        );
      } catch (cause) {
        this.failure = describeFailure(cause);
        if (performance.now() > deadline || this.isStopping) {
          const message = 'It is not known whether the command happened; repeat it with its key';
          log.error({ err: cause }, 'a batch could not be recovered');
          return batch.fail(new LedgerUnavailable(message, { cause }));
        }
        await delay(RECOVERY_PAUSE_MS);
      }
    }
  }
}
