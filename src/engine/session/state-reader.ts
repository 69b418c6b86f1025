import { sql, type Kysely } from 'kysely';
import type { Head } from '../define/event';
import { LedgerUnavailable } from '../define/refusal';
import { stateHeadTable, type StateDatabase } from '../define/state-table';

/** A read with the position of the state that it read. */
export interface Read<T> {
  readonly position: number;
  readonly value: T;
}

/** Who writes the state, as far as its readers need that. */
export interface StateWriter {
  /** What this process has acknowledged. */
  readonly head: Head;
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
    private readonly db: Kysely<StateDatabase>,
    private readonly writer: StateWriter,
  ) {}

  /**
   * @param run is told the position of the state that it reads
   * @throws LedgerUnavailable where the state cannot be brought up to date
   */
  async read<T>(
    run: (db: Kysely<StateDatabase>, position: number) => Promise<T>,
  ): Promise<Read<T>> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const acknowledged = this.writer.head.position;
      const read = await this.snapshot(run, acknowledged);
      if (read) return read;
      await this.writer.heal();
    }
    throw new LedgerUnavailable('The state is behind the log');
  }

  private snapshot<T>(
    run: (db: Kysely<StateDatabase>, position: number) => Promise<T>,
    acknowledged: number,
  ): Promise<Read<T> | undefined> {
    return this.db
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
