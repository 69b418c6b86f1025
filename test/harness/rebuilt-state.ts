import type { Kysely } from 'kysely';
import { openPool, ROLES, writerConnection } from '../../src/database/connections';
import { catchUp } from '../../src/engine/catch-up/catch-up';
import { hashAt, lockState } from '../../src/engine/write/heads';
import { Registry } from '../../src/engine/define/registry';
import type { StateDatabase } from '../../src/engine/define/state-table';
import type { TestDatabases } from './databases';

const TIMEOUTS = { lockTimeoutMs: 5_000, statementTimeoutMs: 60_000 };

/** A second state, which the program's materializers build from the log as far as a test asks. */
export interface RebuiltState {
  readonly db: Kysely<StateDatabase>;
  /** Materializes the events up to a position, which is above the one before. */
  advanceTo(position: number): Promise<void>;
}

/** An empty state beside that of a pair of databases; closed and dropped with them. */
export async function openRebuiltState(databases: TestDatabases): Promise<RebuiltState> {
  const url = await databases.emptyState();
  const registry = new Registry(databases.features);
  const log = writerConnection(databases.urls.log, ROLES.logReplayer, TIMEOUTS);
  const state = writerConnection(url, ROLES.stateWriter, TIMEOUTS);
  const db = openPool<unknown>(url, ROLES.stateReader, TIMEOUTS, 1, () => undefined);
  databases.onEnd(async () => {
    await Promise.all([log.close(), state.close(), db.destroy()]);
  });
  const advanceTo = async (position: number) => {
    await Promise.all([log.connect(), state.connect()]);
    const { head } = await lockState(state);
    const hash = await hashAt(log, position);
    if (hash === undefined) throw new Error(`The log has no event ${position}`);
    await catchUp(registry, log, state, head, { position, hash });
    await state.commit();
  };
  return { db, advanceTo };
}
