import { defineCreator, type Command, type Outcome } from '../define/creator';
import type { Head } from '../define/event';
import { LedgerUnavailable } from '../define/refusal';
import { QueuedCommand, type Batch } from './batch';
import { BatchRunner } from './batch-runner';
import { BatchWriter } from './batch-writer';
import type { LedgerParts } from './ledger-parts';
import type { LockHolds } from './write-path';

/**
 * Into how many batches the commands under way are shared: one is being written, one runs. A single
 * batch of all would leave the program idle while the databases work and the databases while the
 * program does; three have measurably more to pay for their statements.
 */
const SHARES = 2;
/** Fewer commands than this are not shared. */
const MIN_SHARE = 16;

/** Does nothing: every batch, an empty one too, heals the state once it has the locks. */
const healState = defineCreator<null, null>({
  name: 'HealState',
  run: () => Promise.resolve(null),
});

/**
 * The queue before the write path. While one batch is being committed, the next one's commands
 * already run against the session that holds the first one's result. Under the locks the heads
 * are compared: only where nobody else wrote in between is what ran ahead written, else it is
 * thrown away and run again under the locks. So running ahead never decides anything.
 */
export class Ledger {
  private readonly queue: QueuedCommand[] = [];
  /** The batch that collects while another is being written. */
  private collecting: Batch | undefined;
  private isWriting = false;
  /** When the last batch was finished, or the first command came after that. */
  private awaitedSince = 0;
  private isStopping = false;
  private wake: () => void = () => undefined;
  private loop: Promise<void> | undefined;
  private readonly runner: BatchRunner;
  private readonly writer: BatchWriter;

  constructor(private readonly parts: LedgerParts) {
    this.runner = new BatchRunner(parts, (commands) => {
      this.queue.unshift(...commands);
      this.wake();
    });
    this.writer = new BatchWriter(parts, this.runner, () => this.collecting);
  }

  /** Heals the state and begins to take commands. */
  async start(): Promise<void> {
    await this.parts.path.healNow();
    this.runner.dropSession();
    this.loop = this.run();
  }

  /** The head that was last committed by, or seen under the locks of, this process. */
  get head(): Head {
    return this.parts.path.head;
  }

  /** The head that callers may know of: what they read is never older. */
  get acknowledged(): Head {
    return this.parts.path.acknowledged;
  }

  /** Commands that wait, and why the last batch could not be written, if it could not. */
  status(): { queued: number; failure: string | undefined } {
    return { queued: this.queue.length, failure: this.writer.lastFailure };
  }

  /** For how long callers have waited while no batch was finished, in milliseconds. */
  get stalledMs(): number {
    return this.isAwaited ? performance.now() - this.awaitedSince : 0;
  }

  /** How long the locks were held by this process. */
  get holds(): LockHolds {
    return this.parts.path.holds;
  }

  /**
   * Queues a command and waits until it is committed in both databases.
   * @throws LedgerUnavailable where it did not happen, or where that could not be found out
   */
  submit<Input, Answer>(command: Command<Input, Answer>): Promise<Outcome<Answer>> {
    if (this.isStopping) return Promise.reject(new LedgerUnavailable('The service is stopping'));
    if (this.queue.length >= this.parts.limits.queueLimit) {
      return Promise.reject(new LedgerUnavailable('Too many commands are waiting'));
    }
    const queued = new QueuedCommand(command as unknown as Command);
    if (!this.isAwaited) this.awaitedSince = performance.now();
    this.queue.push(queued);
    this.wake();
    return queued.outcome as Promise<Outcome<Answer>>;
  }

  /** Makes the state equal to the log, in turn with the batches. */
  async heal(): Promise<void> {
    await this.submit({ creator: healState, input: null, actor: 'system', dryRun: true });
  }

  /** Takes no more commands, answers those that it took, and closes the connections. */
  async stop(): Promise<void> {
    this.isStopping = true;
    this.writer.stop();
    this.wake();
    await this.loop;
    await this.parts.path.close();
  }

  private async run(): Promise<void> {
    let finished: Promise<void> = Promise.resolve();
    let previous: Batch | undefined;
    while (await this.somethingToDo(finished)) {
      const batch = this.runner.begin(previous);
      this.collecting = batch;
      await this.collect(batch, finished, previous?.size ?? 0);
      // Complete: what it wrote can follow the commit of the batch before without a pause.
      if (batch.state.name === 'running ahead') await this.runner.sealAhead(batch);
      const isSealed = batch.state.name === 'sealed ahead';
      await finished;
      batch.waitForLocks();
      this.collecting = undefined;
      finished = this.write(batch);
      // A batch that goes on running under the locks needs the session for itself.
      if (!isSealed) await finished;
      previous = batch;
    }
    await finished;
  }

  private async write(batch: Batch): Promise<void> {
    this.isWriting = true;
    await this.writer.finish(batch);
    this.isWriting = false;
    this.awaitedSince = performance.now();
  }

  /** Whether callers wait for commands of theirs. */
  private get isAwaited(): boolean {
    return this.isWriting || this.queue.length > 0 || (this.collecting?.size ?? 0) > 0;
  }

  /** Waits for a command. False: stopping, and everything is done. */
  private async somethingToDo(finished: Promise<void>): Promise<boolean> {
    if (this.queue.length === 0 && this.isStopping) await finished;
    while (this.queue.length === 0) {
      if (this.isStopping) return false;
      await this.arrival();
    }
    return true;
  }

  private arrival(): Promise<void> {
    return new Promise((arrived) => (this.wake = arrived));
  }

  /** Takes and runs commands until the batch has its share and the batch before is finished. */
  private async collect(batch: Batch, finished: Promise<void>, inFlight: number): Promise<void> {
    const { batchLimit, batchBytesLimit } = this.parts.limits;
    let isFinished = false;
    const before = finished.then(() => void (isFinished = true));
    for (;;) {
      const underWay = this.queue.length + batch.size + (isFinished ? 0 : inFlight);
      const share = Math.min(batchLimit, Math.max(MIN_SHARE, Math.ceil(underWay / SHARES)));
      batch.take(this.queue.splice(0, this.fitting(batch, share)));
      if (batch.state.name === 'running ahead') await this.runner.runAhead(batch);
      const isFull = batch.size >= share || batch.bytes + this.nextBytes > batchBytesLimit;
      if (isFinished || isFull) return;
      if (this.queue.length === 0) await Promise.race([before, this.arrival()]);
    }
  }

  /** How many of the commands that wait fit into a batch; into an empty one the first always. */
  private fitting({ size, bytes }: Batch, share: number): number {
    const { batchBytesLimit } = this.parts.limits;
    let sum = bytes;
    const end = this.queue.findIndex((command, i) => {
      sum += command.bytes;
      return size + i >= share || (sum > batchBytesLimit && size + i > 0);
    });
    return end === -1 ? this.queue.length : end;
  }

  private get nextBytes(): number {
    return this.queue[0]?.bytes ?? 0;
  }
}
