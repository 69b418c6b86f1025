import type { ReadOn, ReadPool } from '../../database/read-pool';
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

/** A turn that is kept for several reads, and for what is made of them. */
export interface KeptTurn {
  /** The last read of it; undefined: it is not taken yet. */
  last?: Promise<unknown>;
  /** When it is passed on, if no read of it is under way. */
  readonly until: Promise<void>;
}

export interface ReadOptions {
  /** Default `cheap`. */
  readonly cost?: ReadCost | undefined;
  /** Ends the read, wherever it is: the caller has gone. */
  readonly signal?: AbortSignal | undefined;
  /** Default: the turn ends with the read. Of the same cost. */
  readonly turn?: KeptTurn | undefined;
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
  async read<T>(
    run: ReadOn<DB, T>,
    { cost = 'cheap', signal, turn }: ReadOptions = {},
  ): Promise<T> {
    const { turns, pool } = this.classes[cost];
    if (!turn) return turns.take(() => pool.use(run, signal), signal);
    if (!turn.last) {
      const pass = await turns.begin(signal);
      void turn.until.then(() => turn.last).then(pass, pass);
    }
    const read = pool.use(run, signal);
    turn.last = read;
    return read;
  }

  async close(): Promise<void> {
    await Promise.all(Object.values(this.classes).map(({ pool }) => pool.close()));
  }
}
