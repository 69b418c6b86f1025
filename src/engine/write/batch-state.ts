import assert from 'node:assert';
import type { Execution } from './execution';
import type { Sealed } from './sealed';

/**
 * Takes commands and runs none of them: another process writes as well, another batch has the
 * session for itself, or what ran ahead could not be encoded.
 * Locked: nothing. Sent: nothing of its rows; where it was running ahead before, perhaps the locks
 * were asked for. A crash: nothing happened.
 */
interface Collecting {
  readonly name: 'collecting';
}

/**
 * Takes commands and runs them in memory, behind the batch that is being written.
 * Locked: nothing; once one command has run, the locks may have been asked for, and got, right
 * behind the commits of the batch before. Sent: no rows. A crash: nothing happened.
 */
interface RunningAhead {
  readonly name: 'running ahead';
  readonly execution: Execution;
}

/**
 * Takes commands and runs no more: one needs SQL, or a row could not be loaded. It and those after
 * it are going to be run under the locks.
 * Locked and sent: as while running ahead. A crash: nothing happened.
 */
interface StoppedAhead {
  readonly name: 'stopped ahead';
  readonly execution: Execution;
}

/**
 * Every command has run, and what they wrote is encoded.
 * Locked: as while running ahead. Sent: perhaps all of it, behind the commits of the batch before
 * and in transactions that are not committed. A crash: nothing happened.
 */
interface SealedAhead {
  readonly name: 'sealed ahead';
  readonly execution: Execution;
  readonly sealed: Sealed;
}

/**
 * The batch before has ended, and the locks are being taken: the log's, then the state's. A state
 * that is behind the log is healed in them.
 * Locked: nothing, one or both. Sent: as ahead. A crash: nothing happened.
 */
interface WaitingForLocks {
  readonly name: 'waiting for locks';
  /** What ran ahead; holds only where the locks find the history that it ran on. */
  readonly ranAhead: StoppedAhead | SealedAhead | undefined;
}

/**
 * Runs what did not run ahead, or everything again where it ran on another history.
 * Locked: both. Sent: to the state what SQL had to see; to the log nothing. A crash: nothing
 * happened.
 */
interface RunningUnderLocks {
  readonly name: 'running under locks';
  readonly execution: Execution;
}

/**
 * Every command has run on the history that the locks found, and what they wrote is encoded.
 * Locked: both. Sent: as before. A crash: nothing happened.
 */
interface SealedUnderLocks {
  readonly name: 'sealed under locks';
  readonly execution: Execution;
  readonly sealed: Sealed;
}

/**
 * All rows are on their way to both databases; after their answers only the commits can fail.
 * Locked: both. Sent: everything, not committed. A crash: nothing happened.
 */
interface Flushing {
  readonly name: 'flushing';
  readonly execution: Execution;
}

/**
 * The log's commit was sent and is not answered.
 * Locked: both. Sent: COMMIT to the log. A crash: in doubt. The commands have happened or not, and
 * whoever takes the log's lock next can see which.
 */
interface CommittingLog {
  readonly name: 'committing the log';
  readonly execution: Execution;
}

/**
 * The commands have happened; the state's commit was sent and is not answered.
 * Locked: the state; the log is free, or locked for the next batch. Sent: COMMIT to the state. A
 * crash: the log may be ahead, and the next writer or the next start heals the state.
 */
interface CommittingState {
  readonly name: 'committing the state';
  readonly execution: Execution;
}

/**
 * Both databases have the batch, or there was nothing to write. Its callers do not know yet.
 * Locked: nothing. A crash: who asks again with the same key gets the stored answer.
 */
interface Committed {
  readonly name: 'committed';
}

/** Every caller was told what became of its command. */
interface Answered {
  readonly name: 'answered';
}

/** Something failed before the log was committed: nothing happened, and nothing will. */
interface Undone {
  readonly name: 'undone';
}

/**
 * The answer to the log's commit did not come. It is found out under the log's lock: absent means
 * never. Locked: nothing, until that works. A crash: as in `committing the log`.
 */
interface InDoubt {
  readonly name: 'in doubt';
  readonly commandIds: readonly string[];
}

/**
 * The log has the commands, and the state's commit failed. They are answered once it is healed.
 * Locked: nothing, until that works. A crash: as in `committing the state`.
 */
interface StateBehind {
  readonly name: 'state behind';
  readonly commandIds: readonly string[];
}

/** A row was refused: every command goes on in a batch of its own, to find out whose it is. */
interface Isolated {
  readonly name: 'isolated';
}

/** Every caller was told that its command did not happen, or that this could not be found out. */
interface Failed {
  readonly name: 'failed';
}

/** Where a batch is in its life. */
export type BatchState =
  | Collecting
  | RunningAhead
  | StoppedAhead
  | SealedAhead
  | WaitingForLocks
  | RunningUnderLocks
  | SealedUnderLocks
  | Flushing
  | CommittingLog
  | CommittingState
  | Committed
  | Answered
  | Undone
  | InDoubt
  | StateBehind
  | Isolated
  | Failed;

export type StateName = BatchState['name'];

/** Every transition that there is. README.md in src/engine draws it. */
export const NEXT_STATES: Readonly<Record<StateName, readonly StateName[]>> = {
  collecting: ['waiting for locks'],
  'running ahead': ['stopped ahead', 'sealed ahead', 'collecting'],
  'stopped ahead': ['waiting for locks'],
  'sealed ahead': ['waiting for locks'],
  'waiting for locks': ['running under locks', 'sealed under locks', 'undone'],
  'running under locks': ['sealed under locks', 'undone'],
  'sealed under locks': ['flushing', 'committed', 'undone'],
  flushing: ['committing the log', 'undone'],
  'committing the log': ['committing the state', 'in doubt', 'undone'],
  'committing the state': ['committed', 'state behind'],
  committed: ['answered'],
  answered: [],
  undone: ['isolated', 'failed'],
  'in doubt': ['committed', 'failed'],
  'state behind': ['committed', 'failed'],
  isolated: [],
  failed: [],
};

/** @throws AssertionError where a batch cannot come from the one state to the other */
export function assertFollows(from: StateName, to: StateName): void {
  assert(NEXT_STATES[from].includes(to), `A batch does not go from "${from}" to "${to}"`);
}
