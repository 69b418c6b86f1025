import { sql, type Kysely } from 'kysely';
import type { Head } from '../define/event';
import { LedgerUnavailable } from '../define/refusal';
import { stateHeadTable, type StateDatabase } from '../define/state-table';
import type { DatabaseReader, ReadOptions } from './database-reader';

/** A read with the position of the state that it read. */
export interface Read<T> {
  readonly position: number;
  readonly value: T;
}

/** Who writes the state, as far as its readers need that. */
export interface StateWriter {
  /** What this process has committed in both databases, and may have acknowledged. */
  readonly acknowledged: Head;
  /** Makes the state equal to the log. */
  heal(): Promise<void>;
}

/** How often a read is repeated after the state was healed. */
const MAX_ATTEMPTS = 3;

/**
 * Reads the state in one snapshot. A reader never sees a state that is older than what this
 * process has acknowledged: after a crash of the server the state may have lost its last commits
 * (the log has not), and is healed before anything is read from it.
 */
export class StateReader {
  constructor(
    private readonly reader: Pick<DatabaseReader<StateDatabase>, 'read'>,
    private readonly writer: StateWriter,
  ) {}

  /**
   * @param run is told the position of the state that it reads
   * @throws LedgerUnavailable where the state cannot be brought up to date, or too many read
   */
  async read<T>(
    run: (db: Kysely<StateDatabase>, position: number) => Promise<T>,
    options?: ReadOptions,
  ): Promise<Read<T>> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const read = await this.reader.read((db) => this.snapshot(db, run), options);
      if (read) return read;
      await this.writer.heal();
    }
    throw new LedgerUnavailable('The state is behind the log');
  }

  private snapshot<T>(
    reader: Kysely<StateDatabase>,
    run: (db: Kysely<StateDatabase>, position: number) => Promise<T>,
  ): Promise<Read<T> | undefined> {
    const acknowledged = this.writer.acknowledged.position;
    return reader
      .transaction()
      .setIsolationLevel('repeatable read')
      .setAccessMode('read only')
      .execute(async (db) => {
        // Before the snapshot, which LOCK does not take: a replay empties the tables under a lock
        // that excludes this one, and to an older snapshot they would be empty.
        await sql`lock table ${sql.table(stateHeadTable.name)} in access share mode`.execute(db);
        const { position } = await db
          .selectFrom('event_log_state')
          .select('position')
          .executeTakeFirstOrThrow();
        if (position < acknowledged) return undefined;
        return { position, value: await run(db, position) };
      });
  }
}
