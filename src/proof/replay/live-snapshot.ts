import type { Kysely } from 'kysely';
import { clientConfig, kyselyOn, ROLES, STATE_SCHEMA } from '../../database/connections';
import { WriterConnection } from '../../database/writer-connection';
import { GENESIS, type Head } from '../../engine/define/event';
import { stateHeadTable, type StateDatabase } from '../../engine/define/state-table';
import { readStateHead, type StateHead } from '../../engine/write/heads';
import { REBUILD_TIMEOUTS } from './rebuild';

/**
 * The live state as it is at one moment, however long it is looked at and whatever is written
 * meanwhile. Holds the weakest lock on the state's head, as every reader does.
 */
export class LiveSnapshot {
  private constructor(
    private readonly state: WriterConnection,
    /** What the state says of itself. */
    readonly is: StateHead,
  ) {}

  /** The live schema of a state database; `close` ends it. */
  static async open(url: string): Promise<LiveSnapshot> {
    const config = clientConfig(url, ROLES.stateReader, REBUILD_TIMEOUTS);
    const state = new WriterConnection(config);
    try {
      await state.connect();
      await state.send('begin isolation level repeatable read read only');
      await state.send(`lock table ${stateHeadTable.name} in access share mode`);
      return new LiveSnapshot(state, await readStateHead(state));
    } catch (error) {
      state.destroy();
      throw error;
    }
  }

  get db(): Kysely<StateDatabase> {
    return kyselyOn(() => this.state.current);
  }

  get schema(): string {
    return STATE_SCHEMA;
  }

  get head(): Head {
    return this.is.head;
  }

  close(): void {
    this.state.destroy();
  }
}

/** The head that the live state has now, outside of any snapshot. */
export async function liveHead(db: Kysely<StateDatabase>): Promise<Head> {
  const row = await db
    .withSchema(STATE_SCHEMA)
    .selectFrom('event_log_state')
    .select(['position', 'hash'])
    .executeTakeFirst();
  return row ? { position: row.position, hash: row.hash.toString('hex') } : GENESIS;
}
