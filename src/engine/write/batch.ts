import assert from 'node:assert';
import type { Command, Outcome } from '../define/creator';
import { assertFollows, type BatchState, type StateName } from './batch-state';
import type { Execution } from './execution';

/** What the run of a command came to. */
export type RunResult = { readonly outcome: Outcome } | { readonly error: unknown };

/** A command that waits for its outcome. */
export class QueuedCommand {
  readonly outcome: Promise<Outcome>;
  private accept!: (outcome: Outcome) => void;
  private refuse!: (error: unknown) => void;

  constructor(readonly command: Command) {
    this.outcome = new Promise((accept, refuse) => {
      this.accept = accept;
      this.refuse = refuse;
    });
  }

  /** Of the request that it came in. */
  get bytes(): number {
    return this.command.bytes ?? 0;
  }

  /** Tells the caller what its run came to. */
  answer(result: RunResult | undefined): void {
    if (!result) this.refuse(new Error('The command was not run'));
    else if ('outcome' in result) this.accept(result.outcome);
    else this.refuse(result.error);
  }

  fail(error: unknown): void {
    this.refuse(error);
  }
}

/** The states with some names. */
type In<Name extends StateName> = Extract<BatchState, { name: Name }>;

/**
 * The commands that one locked transaction pair commits together, and where they are on their way:
 * see {@link BatchState}. Every method that changes the state asserts the one that it comes from.
 */
export class Batch {
  private readonly commands: QueuedCommand[] = [];
  private sumOfBytes = 0;
  /** Of the commands that have been run, in order; they hold once the batch is committed. */
  private results: RunResult[] = [];

  private constructor(
    /** Counts the batches of this process. */
    readonly number: number,
    private current: BatchState,
    /** Whether this is one command of a batch in which a row was refused. */
    readonly isOfOne: boolean,
  ) {}

  /** A batch that only collects: everything is run under the locks. */
  static collecting(number: number): Batch {
    return new Batch(number, { name: 'collecting' }, false);
  }

  static runningAhead(number: number, execution: Execution): Batch {
    return new Batch(number, { name: 'running ahead', execution }, false);
  }

  /** One command of an isolated batch, which has its turn at once. */
  static ofOne(number: number, command: QueuedCommand): Batch {
    const batch = new Batch(number, { name: 'collecting' }, true);
    batch.take([command]);
    batch.waitForLocks();
    return batch;
  }

  get state(): BatchState {
    return this.current;
  }

  get size(): number {
    return this.commands.length;
  }

  /** Of the requests that the commands came in, or of what those that ran have made of them. */
  get bytes(): number {
    return Math.max(this.sumOfBytes, this.execution?.bytes ?? 0);
  }

  /** How many of the commands have been run. */
  get executed(): number {
    return this.results.length;
  }

  /** The commands that have not been run. */
  get notRun(): readonly QueuedCommand[] {
    return this.commands.slice(this.executed);
  }

  /** What the next batch rests on while this one is written; undefined: on nothing of it. */
  get execution(): Execution | undefined {
    const { current } = this;
    if (current.name === 'waiting for locks') return current.ranAhead?.execution;
    return 'execution' in current ? current.execution : undefined;
  }

  /** What the locks have let through, and its rows. */
  get sealedUnderLocks(): In<'sealed under locks'> {
    return this.in('sealed under locks');
  }

  take(commands: readonly QueuedCommand[]): void {
    this.in('collecting', 'running ahead', 'stopped ahead');
    this.commands.push(...commands);
    for (const { bytes } of commands) this.sumOfBytes += bytes;
  }

  /** Takes down what the next of the commands came to. */
  ran(result: RunResult): void {
    this.in('running ahead', 'running under locks');
    assert(this.executed < this.size, 'Every command has been run');
    this.results.push(result);
  }

  /** @returns the commands that have not been run, which are not of this batch any longer */
  leaveRest(): readonly QueuedCommand[] {
    this.in('running ahead', 'running under locks');
    const rest = this.commands.splice(this.executed);
    for (const { bytes } of rest) this.sumOfBytes -= bytes;
    return rest;
  }

  /** The command whose turn it is waits for the locks, and all behind it. */
  stopAhead(): void {
    this.enter({ ...this.in('running ahead'), name: 'stopped ahead' });
  }

  /** @throws NotEncoded, and then all has to be run again: {@link forgetRun} */
  sealAhead(): void {
    const { execution } = this.in('running ahead');
    assert(this.executed === this.size, 'Only what has been run is sealed');
    this.enter({ name: 'sealed ahead', execution, sealed: execution.seal() });
  }

  /** Forgets what ran ahead; everything is run again under the locks. */
  forgetRun(): void {
    this.in('running ahead');
    this.results = [];
    this.enter({ name: 'collecting' });
  }

  /** The batch before has ended: it is the turn of this one. */
  waitForLocks(): void {
    const before = this.in('collecting', 'stopped ahead', 'sealed ahead');
    const ranAhead = before.name === 'collecting' ? undefined : before;
    ranAhead?.execution.forgetPrevious();
    this.enter({ name: 'waiting for locks', ranAhead });
  }

  /** The locks have found the history that this ran ahead on. */
  keepRun(): void {
    const { ranAhead } = this.in('waiting for locks');
    assert(ranAhead, 'Nothing ran ahead');
    const isSealed = ranAhead.name === 'sealed ahead';
    if (isSealed) this.enter({ ...ranAhead, name: 'sealed under locks' });
    else this.enter({ ...ranAhead, name: 'running under locks' });
  }

  /** Nothing ran ahead, or on another history: everything is run in another execution. */
  runAgain(execution: Execution): void {
    this.in('waiting for locks');
    this.results = [];
    this.enter({ name: 'running under locks', execution });
  }

  /** @throws NotEncoded */
  seal(): void {
    const { execution } = this.in('running under locks');
    assert(this.executed === this.size, 'Only what has been run is sealed');
    this.enter({ name: 'sealed under locks', execution, sealed: execution.seal() });
  }

  flush(): void {
    const { execution } = this.in('sealed under locks');
    assert(!execution.isEmpty, 'There is nothing to write');
    this.enter({ name: 'flushing', execution });
  }

  commitLog(): void {
    this.enter({ ...this.in('flushing'), name: 'committing the log' });
  }

  commitState(): void {
    this.enter({ ...this.in('committing the log'), name: 'committing the state' });
  }

  /** Both databases have it, or nothing was to be written. */
  committed(): void {
    const { current } = this;
    if (current.name === 'sealed under locks') {
      assert(current.execution.isEmpty, 'Nothing was committed');
    }
    this.enter({ name: 'committed' });
  }

  /** Tells every caller what its run came to. */
  answer(): void {
    this.enter({ name: 'answered' });
    for (const [i, command] of this.commands.entries()) command.answer(this.results[i]);
  }

  /**
   * Something failed; where it did decides what that means.
   * @param isRefused whether the server answered the commit, and with something else
   */
  breakOff(isRefused: boolean): In<'undone' | 'in doubt' | 'state behind'> {
    const before = this.current;
    const commandIds = this.execution?.commands.map((c) => c.row.command_id) ?? [];
    if (before.name === 'committing the state') {
      return this.enter({ name: 'state behind', commandIds });
    }
    if (before.name === 'committing the log' && !isRefused) {
      return this.enter({ name: 'in doubt', commandIds });
    }
    return this.enter({ name: 'undone' });
  }

  /** @returns the commands, each of which is to be a batch of its own */
  isolate(): readonly QueuedCommand[] {
    assert(!this.isOfOne, 'One command cannot be isolated further');
    this.enter({ name: 'isolated' });
    return this.commands;
  }

  /** Tells every caller that its command did not happen, or that nobody knows. */
  fail(error: unknown): void {
    this.enter({ name: 'failed' });
    for (const command of this.commands) command.fail(error);
  }

  private enter<State extends BatchState>(next: State): State {
    assertFollows(this.current.name, next.name);
    this.current = next;
    return next;
  }

  /** The state, which must be one of these. */
  private in<Name extends StateName>(...names: readonly Name[]): In<Name> {
    const { current } = this;
    assert(names.includes(current.name as Name), `The batch is "${current.name}"`);
    return current as In<Name>;
  }
}
