import type { Kysely } from 'kysely';
import type { PoolClient, QueryResult } from 'pg';
import type { ReadOn } from '../../database/read-pool';
import type { Head } from '../define/event';
import { LedgerUnavailable } from '../define/refusal';
import { stateHeadTable, type StateDatabase } from '../define/state-table';
import type { DatabaseReader, ReadOptions } from './database-reader';
import { OneStatement, type Attempt } from './one-statement';

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

/** What is read in several queries. Those that ask what the position is wait for it. */
export type Snapshot<T> = (db: Kysely<StateDatabase>, position: Promise<number>) => Promise<T>;

/**
 * Nothing is changed, and everything is read as it was at one moment. The lock comes before the
 * snapshot, which LOCK does not take: a replay swaps the schemas under a lock that excludes this
 * one, and to an older snapshot the tables would be empty. One text is one way there.
 */
const BEGIN = `begin isolation level repeatable read read only;
  lock table ${stateHeadTable.name} in access share mode;
  select position from ${stateHeadTable.name}`;

/**
 * Reads the state in one snapshot. A reader never sees a state that is older than what this
 * process has acknowledged: after a crash of the server the state may have lost its last commits
 * (the log has not), and is healed before anything is read from it.
 */
export class StateReader {
  private readonly statements = new WeakMap<PoolClient, OneStatement>();

  constructor(
    private readonly reader: Pick<DatabaseReader<StateDatabase>, 'read'>,
    private readonly writer: StateWriter,
  ) {}

  /**
   * Reads by one statement: a third of what {@link read} costs.
   * @param run makes one query at most
   * @throws LedgerUnavailable where the state cannot be brought up to date, or too many read
   */
  readOne<T>(
    run: (db: Kysely<StateDatabase>) => Promise<T>,
    options?: ReadOptions,
  ): Promise<Read<T>> {
    return this.untilHealed((_, client) => this.statementOn(client).read(run), options);
  }

  /**
   * Reads by as many queries as it takes, all of one snapshot.
   * @throws as {@link readOne}
   */
  read<T>(run: Snapshot<T>, options?: ReadOptions): Promise<Read<T>> {
    return this.untilHealed((db, client) => inSnapshot(db, client, run), options);
  }

  private async untilHealed<T>(
    read: ReadOn<StateDatabase, Attempt<T>>,
    options: ReadOptions | undefined,
  ): Promise<Read<T>> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const found = await this.reader.read(async (db, client) => {
        const acknowledged = this.writer.acknowledged.position;
        const { position, ended } = await read(db, client);
        return position < acknowledged ? undefined : { position, ended };
      }, options);
      if (found?.ended.status === 'rejected') throw found.ended.reason;
      if (found) return { position: found.position, value: found.ended.value };
      await this.writer.heal();
    }
    throw new LedgerUnavailable('The state is behind the log');
  }

  private statementOn(client: PoolClient): OneStatement {
    const known = this.statements.get(client) ?? new OneStatement(client);
    this.statements.set(client, known);
    return known;
  }
}

/** {@link BEGIN} is on its way with the first query, whose answer nobody sees if it fails. */
async function inSnapshot<T>(
  db: Kysely<StateDatabase>,
  client: PoolClient,
  run: Snapshot<T>,
): Promise<Attempt<T>> {
  const began = client.query(BEGIN) as unknown as Promise<QueryResult<{ position: number }>[]>;
  const position = began.then((results) => results.at(-1)!.rows[0]!.position);
  const [begun, ended] = await Promise.allSettled([position, run(db, position)]);
  const over = client.query('commit');
  if (begun.status === 'rejected') {
    await over.catch(() => undefined);
    throw begun.reason;
  }
  if (ended.status === 'fulfilled') await over;
  else await over.catch(() => undefined);
  return { position: begun.value, ended };
}
