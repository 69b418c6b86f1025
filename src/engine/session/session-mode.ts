import type { Kysely } from 'kysely';
import type { Key, KeyedTable, StateDatabase } from '../define/state-table';
import type { StateChanges } from './flush';

/**
 * Loads rows by the values of one column.
 * @param leastPosition what the state must contain for its rows to fit the session, as of the
 *   moment in which they are looked for
 */
export type LoadFitting = (
  table: KeyedTable,
  column: string,
  values: readonly Key[],
  leastPosition: () => number,
) => Promise<object[]>;

/** Buffered changes that can be taken and sent. */
export interface Buffered {
  takeChanges(): StateChanges;
}

/** SQL inside the locked transaction, where a session may use it. */
export interface LockedQueries {
  /** Sends all buffered changes, so that SQL sees them. */
  flush(session: Buffered): Promise<void>;
  /** Flushes, and separates that from what the next command sends. */
  savepoint(session: Buffered): Promise<void>;
  /** Ends the last savepoint; `keep` false undoes what was sent since. */
  release(keep: boolean): Promise<void>;
  readonly db: Kysely<StateDatabase>;
}

/**
 * Nothing is locked: rows come from outside the write path's transaction, and no SQL is allowed.
 * Nothing is sent; a crash loses what was buffered, and nobody was told of it.
 */
export interface AheadOfLocks {
  readonly name: 'ahead of the locks';
  readonly load: LoadFitting;
}

/**
 * Both databases are locked: rows and SQL go through the state's open transaction. A command that
 * wants SQL is run again in the next mode. What was sent is gone with the transaction.
 */
export interface UnderLocks {
  readonly name: 'under the locks';
  readonly load: LoadFitting;
  readonly queries: LockedQueries;
}

/**
 * As under the locks, while one command is run that wants SQL: what came before it was sent, and
 * a savepoint separates the two, so that it can be undone alone in the database too.
 */
export interface BehindSavepoint {
  readonly name: 'behind a savepoint';
  readonly load: LoadFitting;
  readonly queries: LockedQueries;
}

/**
 * A replay, or the healing of the state: events are applied that have happened. Nothing is undone
 * but the whole session with its transaction.
 */
export interface CatchingUp {
  readonly name: 'catching up';
  readonly load: LoadFitting;
  readonly queries: LockedQueries;
}

/** Where a session's rows come from, and whether SQL is allowed. */
export type SessionMode = AheadOfLocks | UnderLocks | BehindSavepoint | CatchingUp;

/** The modes that may follow another. A catch-up has a session of its own, from first to last. */
export const NEXT_MODES: Readonly<Record<SessionMode['name'], readonly SessionMode['name'][]>> = {
  'ahead of the locks': ['under the locks'],
  'under the locks': ['ahead of the locks', 'behind a savepoint'],
  'behind a savepoint': ['under the locks'],
  'catching up': [],
};

export function aheadOfLocks(load: LoadFitting): AheadOfLocks {
  return { name: 'ahead of the locks', load };
}

export function underLocks(load: LoadFitting, queries: LockedQueries): UnderLocks {
  return { name: 'under the locks', load, queries };
}

export function catchingUp(load: LoadFitting, queries: LockedQueries): CatchingUp {
  return { name: 'catching up', load, queries };
}
