import { setTimeout as delay } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import type { EngineLimits } from '../engine-limits';
import { isRowRefused } from '../../database/sqlstates';
import { Batch, QueuedCommand } from './batch';
import { defineCreator, type Command, type Outcome } from '../define/creator';
import { sameHead, type Head } from '../define/event';
import type { LogDatabase } from './event-log';
import { Execution, type ExecutionScope } from './execution';
import { describeFailure, isUnavailable } from '../failures';
import { NotEncoded } from '../session/flush';
import type { Clock } from '../define/ids';
import { LedgerUnavailable } from '../define/refusal';
import type { Registry } from '../define/registry';
import { loadRowsSince } from '../session/row-loader';
import { NeedsLock, StateSession } from '../session/state-session';
import { CommitInDoubt, StateNotCommitted, type WritePath } from './write-path';

/** Commands that run ahead without letting answers of the databases and new requests in. */
const COMMANDS_PER_SLICE = 8;
/**
 * Into how many batches the commands under way are shared: one is being written, one runs. A single
 * batch of all would leave the program idle while the databases work and the databases while the
 * program does; three have measurably more to pay for their statements.
 */
const SHARES = 2;
/** Fewer commands than this are not shared. */
const MIN_SHARE = 16;
/** Pause between two attempts at recovering from a failed or doubtful commit. */
const RECOVERY_PAUSE_MS = 100;

/** Does nothing: every batch, an empty one too, heals the state once it has the locks. */
const healState = defineCreator<null, null>({
  name: 'HealState',
  run: () => Promise.resolve(null),
});

/** Where failures that no caller sees in full are logged. */
export interface EngineLog {
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface LedgerParts {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly limits: EngineLimits;
  readonly path: WritePath;
  readonly logReader: Kysely<LogDatabase>;
  readonly stateReader: Kysely<unknown>;
  readonly log: EngineLog;
  /** Told after every commit, with the head of the log and whether tasks may have come with it. */
  readonly onCommitted?: (head: Head, hasTasks: boolean) => void;
}

/**
 * The queue before the write path. While one batch is being committed, the next one's commands
 * already run against the session that holds the first one's result. Under the locks the heads
 * are compared: only where nobody else wrote in between is what ran ahead written, else it is
 * thrown away and run again under the locks. So running ahead never decides anything.
 */
export class Ledger {
  private readonly queue: QueuedCommand[] = [];
  private session: StateSession;
  private batchNumber = 0;
  /** The position that the state has to have for rows to be loaded outside the locks. */
  private stateReached = 0;
  /** The batch that runs ahead while another is being written. */
  private collecting: Batch | undefined;
  /** Whether the last locks found the head that this process had left. */
  private alone = true;
  /** Whether a batch runs under the locks, with the session for itself. */
  private isRunningUnderLock = false;
  private stopping = false;
  private wake: () => void = () => undefined;
  private loop: Promise<void> | undefined;
  private readonly scope: ExecutionScope;
  private failure: string | undefined;

  constructor(private readonly parts: LedgerParts) {
    this.scope = { registry: parts.registry, clock: parts.clock, log: parts.logReader };
    this.session = this.newSession();
  }

  /** Heals the state and begins to take commands. */
  async start(): Promise<void> {
    await this.parts.path.healNow();
    this.session = this.newSession();
    this.loop = this.run();
  }

  /** The head that was last committed by, or seen under the locks of, this process. */
  get head(): Head {
    return this.parts.path.head;
  }

  /** Commands that wait, and why the last batch could not be written, if it could not. */
  status(): { queued: number; failure: string | undefined } {
    return { queued: this.queue.length, failure: this.failure };
  }

  /**
   * Queues a command and waits until it is committed in both databases.
   * @throws LedgerUnavailable where it did not happen, or where that could not be found out
   */
  submit<Input, Answer>(command: Command<Input, Answer>): Promise<Outcome<Answer>> {
    if (this.stopping) return Promise.reject(new LedgerUnavailable('The service is stopping'));
    if (this.queue.length >= this.parts.limits.queueLimit) {
      return Promise.reject(new LedgerUnavailable('Too many commands are waiting'));
    }
    const item = new QueuedCommand(command as unknown as Command);
    this.queue.push(item);
    this.wake();
    return item.outcome as Promise<Outcome<Answer>>;
  }

  /** Makes the state equal to the log, in turn with the batches. */
  async heal(): Promise<void> {
    await this.submit({ creator: healState, input: null, actor: 'system', dryRun: true });
  }

  /** Takes no more commands, answers those that it took, and closes the connections. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.wake();
    await this.loop;
    await this.parts.path.close();
  }

  private async run(): Promise<void> {
    let settling: Promise<void> = Promise.resolve();
    let previous: Batch | undefined;
    while (await this.somethingToDo(settling)) {
      const batch = new Batch(++this.batchNumber, this.session.head);
      if (this.alone && !this.isRunningUnderLock) {
        this.session.batch = batch.number;
        batch.execution = new Execution(this.session, this.scope, previous?.execution);
      }
      this.collecting = batch;
      await this.collect(batch, settling, previous?.items.length ?? 0);
      // Complete: what it wrote can follow the commit of the batch before without a pause.
      if (!batch.needsLock) this.sealAhead(batch);
      await settling;
      batch.execution?.forgetPrevious();
      this.collecting = undefined;
      settling = this.settle(batch);
      // A batch that goes on running under the locks needs the session for itself.
      if (batch.needsLock || !batch.execution) await settling;
      previous = batch;
    }
    await settling;
  }

  /** Waits for a command. False: stopping, and everything is done. */
  private async somethingToDo(settling: Promise<void>): Promise<boolean> {
    if (this.queue.length === 0 && this.stopping) await settling;
    while (this.queue.length === 0) {
      if (this.stopping) return false;
      await this.arrival();
    }
    return true;
  }

  private arrival(): Promise<void> {
    return new Promise((arrived) => (this.wake = arrived));
  }

  /** Takes and runs commands until the batch has its share and the batch before is settled. */
  private async collect(batch: Batch, settling: Promise<void>, inFlight: number): Promise<void> {
    const { batchLimit } = this.parts.limits;
    let isSettled = false;
    const settled = settling.then(() => void (isSettled = true));
    for (;;) {
      const underWay = this.queue.length + batch.items.length + (isSettled ? 0 : inFlight);
      const share = Math.min(batchLimit, Math.max(MIN_SHARE, Math.ceil(underWay / SHARES)));
      batch.items.push(...this.queue.splice(0, share - batch.items.length));
      if (batch.execution && !batch.needsLock) await this.runAhead(batch);
      if (isSettled || batch.items.length >= share) return;
      if (this.queue.length === 0) await Promise.race([settled, this.arrival()]);
    }
  }

  private async runAhead(batch: Batch): Promise<void> {
    try {
      await this.execute(batch);
    } catch (error) {
      // A row could not be loaded: the rest of the batch is run under the locks, with their
      // connections, and if those are lost too that is where it is judged.
      this.parts.log.warn({ err: error }, 'running ahead stopped');
      batch.needsLock = true;
    }
  }

  private sealAhead(batch: Batch): void {
    try {
      batch.execution?.seal();
    } catch (error) {
      // Everything is run again under the locks, where it is found out whose row it is.
      this.parts.log.warn({ err: error }, 'running ahead stopped');
      batch.execution = undefined;
    }
  }

  /** Runs those of the batch's commands that have not been run. */
  private async execute(batch: Batch): Promise<void> {
    const execution = batch.execution!;
    const items = batch.items.slice(batch.executed);
    await execution.prepare(items.map((i) => i.command));
    for (const item of items) {
      try {
        item.result = { outcome: await execution.run(item.command) };
      } catch (error) {
        if (error instanceof NeedsLock) {
          batch.needsLock = true;
          return;
        }
        // Not this command's own failure: the whole batch is undone.
        if (isUnavailable(error) || error === execution.failure) throw error;
        item.result = { error };
      }
      batch.executed++;
      if (batch.executed % COMMANDS_PER_SLICE === 0) await new Promise(setImmediate);
    }
  }

  /** Writes a batch and answers its callers. Never throws. */
  private async settle(batch: Batch): Promise<void> {
    try {
      await this.watched(() => this.write(batch));
      this.failure = undefined;
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
    const { head, isUnchanged } = await path.lock();
    this.alone = isUnchanged;
    await this.runUnderLock(batch, head);
    const { session } = batch.execution!;
    if (batch.writes) {
      await path.flush(batch.execution!);
      await path.commit(batch.execution!, this.nextExecution());
      this.parts.onCommitted?.(path.head, batch.execution!.tasks.rows.length > 0);
    } else {
      await path.rollback();
    }
    this.stateReached = batch.execution!.sealed!.head.position;
    session.committed(batch.number);
  }

  /** The execution that waits for this one's commit and rests on it; undefined where none does. */
  private nextExecution(): Execution | undefined {
    const next = this.collecting;
    if (!next?.execution || !next.hasRun || next.needsLock) return undefined;
    return next.execution.session === this.session ? next.execution : undefined;
  }

  /** Runs what did not run ahead, or everything again where it ran on another history. */
  private async runUnderLock(batch: Batch, head: Head): Promise<void> {
    const { path } = this.parts;
    const ranAhead =
      this.alone && batch.execution?.session === this.session && sameHead(batch.startHead, head);
    if (!ranAhead) {
      this.session = this.newSession();
      this.session.batch = batch.number;
      batch.restart(new Execution(this.session, this.scope));
    }
    if (batch.execution!.sealed) return;
    // A batch that comes meanwhile must not run ahead in the same session: it would be sealed with
    // this one's rows, and without its own events.
    this.isRunningUnderLock = true;
    try {
      const { session } = this;
      path.giveLocks(session);
      batch.needsLock = false;
      while (batch.executed < batch.items.length) await this.execute(batch);
      batch.execution!.seal();
      session.load = this.loadAhead;
      session.locked = undefined;
    } finally {
      this.isRunningUnderLock = false;
    }
  }

  private async afterFailure(batch: Batch, error: unknown): Promise<void> {
    const ids = batch.commandIds();
    // Before anybody is answered: the next batch must not find the keys of commands that did not
    // happen, and callers ask again at once.
    batch.execution = undefined;
    this.dropSession();
    if (error instanceof CommitInDoubt || error instanceof StateNotCommitted) {
      return this.recover(batch, ids, error);
    }
    await this.watched(() => this.parts.path.rollback());
    const isOfOne = isRowRefused(error) || error instanceof NotEncoded;
    if (isOfOne && !batch.isIsolated) return this.isolate(batch);
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
    for (const item of batch.items) {
      const single = new Batch(++this.batchNumber, this.session.head);
      single.isIsolated = true;
      single.items.push(item);
      await this.settle(single);
    }
  }

  /**
   * Finds out under the lock whether the batch happened, heals the state, and answers. Where the
   * databases stay away for too long the callers are told that it is not known.
   */
  private async recover(batch: Batch, ids: readonly string[], error: Error): Promise<void> {
    const { path, limits, log } = this.parts;
    log.warn({ err: error }, 'recovering from a failed commit');
    const deadline = Date.now() + limits.recoveryTimeoutMs;
    for (;;) {
      path.cut();
      try {
        const committed = await this.watched(() => path.committedUnderLock(ids));
        await this.watched(() => path.rollback());
        this.dropSession();
        if (committed.size > 0) {
          this.parts.onCommitted?.(path.head, true);
          return batch.answer();
        }
        return batch.fail(
          new LedgerUnavailable('The connection to the log was lost before the commit'),
        );
      } catch (cause) {
        this.failure = describeFailure(cause);
        if (Date.now() > deadline || this.stopping) {
          const message = 'It is not known whether the command happened; repeat it with its key';
          log.error({ err: cause }, 'a batch could not be recovered');
          return batch.fail(new LedgerUnavailable(message, { cause }));
        }
        await delay(RECOVERY_PAUSE_MS);
      }
    }
  }

  private dropSession(): void {
    this.session = this.newSession();
  }

  private newSession(): StateSession {
    const { head } = this.parts.path;
    this.stateReached = head.position;
    return new StateSession(this.parts.registry.tables, head, this.loadAhead);
  }

  /**
   * Rows that nobody's uncommitted batch has touched are the same outside the transaction, in a
   * state that has all committed batches: after a crash of its server it may lack the last ones.
   */
  private get loadAhead() {
    return loadRowsSince(this.parts.stateReader, () => this.stateReached);
  }
}
