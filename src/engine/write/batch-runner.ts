import { sameHead } from '../define/event';
import { BufferedSession, NeedsLock } from '../session/buffered-session';
import { loadRowsOutside } from '../session/row-loader';
import { aheadOfLocks, type AheadOfLocks } from '../session/session-mode';
import { Batch, type QueuedCommand, type RunResult } from './batch';
import { Execution, NoRoomForAnswer } from './execution';
import type { ExecutionScope } from './execution-scope';
import { isUnavailable } from './failures';
import type { LedgerParts } from './ledger-parts';
import type { Locked } from './write-path';

/** Commands that run ahead without letting answers of the databases and new requests in. */
const COMMANDS_PER_SLICE = 8;

/**
 * Runs the commands of batches against the session that has the result of those before: ahead of
 * the locks where that is worth it, and under them.
 */
export class BatchRunner {
  private session: BufferedSession;
  private lastNumber = 0;
  /** Whether the last locks found what this process had not left: running ahead is in vain then. */
  private othersWrite = false;
  private readonly scope: ExecutionScope;
  private readonly ahead: AheadOfLocks;

  /** @param giveBack takes the commands that a batch had no room for: they are the next */
  constructor(
    private readonly parts: LedgerParts,
    private readonly giveBack: (commands: readonly QueuedCommand[]) => void,
  ) {
    const { registry, clock, days, logReader, stateReader, limits } = parts;
    const { commandBytesLimit } = limits;
    this.scope = { registry, clock, days, log: logReader, commandBytesLimit };
    this.ahead = aheadOfLocks(loadRowsOutside(stateReader));
    this.session = this.newSession();
  }

  /** Forgets every row: what is in memory may not be what the databases have. */
  dropSession(): void {
    this.session = this.newSession();
  }

  private newSession(): BufferedSession {
    return new BufferedSession(this.parts.registry.tables, this.parts.path.head, this.ahead);
  }

  /** Begins a batch that runs ahead, if it may, behind the one that is being written. */
  begin(previous: Batch | undefined): Batch {
    const number = ++this.lastNumber;
    // In the session of a batch that runs under the locks it would be sealed with that one's rows,
    // and without its own events.
    const isFree = this.session.mode === 'ahead of the locks';
    if (this.othersWrite || !isFree || this.isLaden(previous)) return Batch.collecting(number);
    this.session.beginBatch(number);
    const execution = new Execution(
      this.session,
      this.scope,
      this.parts.path.lastRecordedAt,
      previous?.execution,
    );
    return Batch.runningAhead(number, execution);
  }

  /** Whether what is being written has rows beside which there is no room for those of others. */
  private isLaden(previous: Batch | undefined): boolean {
    return previous !== undefined && this.session.loadedBytes > this.parts.limits.batchBytesLimit;
  }

  beginOfOne(command: QueuedCommand): Batch {
    return Batch.ofOne(++this.lastNumber, command);
  }

  /** Runs those of a batch's commands that wait; never throws. */
  async runAhead(batch: Batch): Promise<void> {
    try {
      await this.execute(batch);
    } catch (error) {
      // A row could not be loaded: the rest of the batch is run under the locks, with their
      // connections, and if those are lost too that is where it is judged.
      this.parts.log.warn({ err: error }, 'running ahead stopped');
      batch.stopAhead();
    }
  }

  /** Encodes what ran ahead, so that it can follow the commit of the batch before at once. */
  async sealAhead(batch: Batch): Promise<void> {
    try {
      await batch.execution!.encodeAhead();
      batch.sealAhead();
    } catch (error) {
      // Everything is run again under the locks, where it is found out whose row it is.
      this.parts.log.warn({ err: error }, 'running ahead stopped');
      batch.forgetRun();
    }
  }

  /** Whether a batch runs ahead, and on what is being written now. */
  restsOnSession(batch: Batch): boolean {
    return batch.executed > 0 && batch.execution?.session === this.session;
  }

  /** Runs what did not run ahead, or everything again where it ran on another history. */
  async runUnderLocks(batch: Batch, { head, isUnchanged }: Locked): Promise<void> {
    this.othersWrite = !isUnchanged;
    const ran = batch.execution;
    if (isUnchanged && ran?.session === this.session && sameHead(ran.startHead, head)) {
      batch.keepRun();
    } else {
      this.session = this.newSession();
      this.session.beginBatch(batch.number);
      batch.runAgain(new Execution(this.session, this.scope, this.parts.path.lastRecordedAt));
    }
    if (batch.state.name === 'sealed under locks') return;
    const { session } = this;
    session.enter(this.parts.path.sessionMode);
    while (batch.executed < batch.size) await this.execute(batch);
    await batch.execution!.encodeAhead();
    batch.seal();
    session.enter(this.ahead);
  }

  private async execute(batch: Batch): Promise<void> {
    const execution = batch.execution!;
    const { notRun } = batch;
    const { batchBytesLimit } = this.parts.limits;
    const commands = notRun.map((waiting) => waiting.command);
    const prepared = await execution.prepare(commands, batchBytesLimit);
    for (const command of commands.slice(0, prepared)) {
      // Small requests may become large events and answers, which nobody knows before.
      if (execution.bytes > batchBytesLimit) return this.giveBack(batch.leaveRest());
      let result: RunResult;
      try {
        result = { outcome: await execution.run(command) };
      } catch (error) {
        if (error instanceof NeedsLock) {
          batch.stopAhead();
          return;
        }
        // Not this command's own failure: the whole batch is undone.
        const isOwn = error instanceof NoRoomForAnswer || !isUnavailable(error);
        if (!isOwn || execution.isOfEarlierCommand(error)) throw error;
        result = { error };
      }
      batch.ran(result);
      if (batch.executed % COMMANDS_PER_SLICE === 0) await new Promise(setImmediate);
    }
    // Their rows have no room beside those of the others.
    if (prepared < commands.length) this.giveBack(batch.leaveRest());
  }
}
