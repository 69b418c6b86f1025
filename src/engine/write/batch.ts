import type { Command, Outcome } from '../define/creator';
import type { Head } from '../define/event';
import type { Execution } from './execution';

/** A command that waits for its outcome. */
export class QueuedCommand {
  readonly outcome: Promise<Outcome>;
  /** Where the run of the command ended; valid once its batch is committed. */
  result: { outcome: Outcome } | { error: unknown } | undefined;
  private accept!: (outcome: Outcome) => void;
  private refuse!: (error: unknown) => void;

  constructor(readonly command: Command) {
    this.outcome = new Promise((accept, refuse) => {
      this.accept = accept;
      this.refuse = refuse;
    });
  }

  /** Tells the caller what its run came to. */
  answer(): void {
    if (!this.result) this.refuse(new Error('The command was not run'));
    else if ('outcome' in this.result) this.accept(this.result.outcome);
    else this.refuse(this.result.error);
  }

  fail(error: unknown): void {
    this.refuse(error);
  }
}

/** The commands that one locked transaction pair commits together, and how far they were run. */
export class Batch {
  readonly items: QueuedCommand[] = [];
  /** How many of the items have been run. */
  executed = 0;
  /** A command needs SQL under the locks; it and those after it have not been run. */
  needsLock = false;

  /** Whether this is one command of a batch that a constraint refused. */
  isIsolated = false;
  /** Undefined while the batch only collects: everything is then run under the locks. */
  execution: Execution | undefined;

  constructor(
    /** Counts the batches of this process. */
    readonly number: number,
    /** The head that the execution began at. */
    public startHead: Head,
  ) {}

  /** Forgets all runs, to begin again with another execution. */
  restart(execution: Execution): void {
    this.execution = execution;
    this.startHead = execution.session.head;
    this.executed = 0;
    this.needsLock = false;
    for (const item of this.items) item.result = undefined;
  }

  /** Whether anything waits to be written. */
  get hasRun(): boolean {
    return this.executed > 0;
  }

  /** Whether the log has anything to take. */
  get writes(): boolean {
    return this.execution !== undefined && !this.execution.isEmpty;
  }

  commandIds(): string[] {
    return this.execution?.commands.map((c) => c.row.command_id) ?? [];
  }

  answer(): void {
    for (const item of this.items) item.answer();
  }

  fail(error: unknown): void {
    for (const item of this.items) item.fail(error);
  }
}
