import type { Kysely } from 'kysely';
import type { ReadPool } from '../../database/read-pool';
import type { Turns } from './turns';

/**
 * What a read costs. `cheap`: one row, or a page by its key, however long the history is.
 * `expensive`: whatever may look at many rows to find a few, or returns many.
 */
export type ReadCost = 'cheap' | 'expensive';

/**
 * What one answer of rows may bring, in bytes as they are stored: lists end their pages there. A
 * row may have more alone. Some five times as much is held while an answer is made of it.
 */
export const PAGE_BYTES = 4 * 1024 * 1024;

export interface ReadOptions {
  /** Default `cheap`. */
  readonly cost?: ReadCost | undefined;
  /** Ends the read, wherever it is: the caller has gone. */
  readonly signal?: AbortSignal | undefined;
}

/** A class of reads: those of one database share their turns with those of the other. */
export interface ReadClass<DB> {
  readonly turns: Turns;
  readonly pool: ReadPool<DB>;
}

/** Reads one database for callers. Those that cost much have to wait for one another alone. */
export class DatabaseReader<DB> {
  constructor(private readonly classes: Readonly<Record<ReadCost, ReadClass<DB>>>) {}

  /** @throws LedgerUnavailable where too many read, and what `run` throws */
  read<T>(
    run: (db: Kysely<DB>) => Promise<T>,
    { cost = 'cheap', signal }: ReadOptions = {},
  ): Promise<T> {
    const { turns, pool } = this.classes[cost];
    return turns.take(() => pool.use(run, signal), signal);
  }

  async close(): Promise<void> {
    await Promise.all(Object.values(this.classes).map(({ pool }) => pool.close()));
  }
}
