import { sql, type Kysely } from 'kysely';
import {
  clientConfig,
  kyselyOn,
  ROLES,
  STATE_SCHEMA,
  type DatabaseUrls,
} from '../../database/connections';
import { SQLSTATE, sqlstateOf } from '../../database/sqlstates';
import { WriterConnection } from '../../database/writer-connection';
import { GENESIS, sameHead, type Head } from '../../engine/define/event';
import { stateHeadTable, type StateDatabase } from '../../engine/define/state-table';
import { lockLog } from '../../engine/write/heads';
import { excludeOthers, REBUILD_TIMEOUTS } from './rebuild';
import { NEXT_SCHEMA, PREVIOUS_SCHEMA, tablesOf } from './shadow-schema';

const LIVE_HEAD = `${STATE_SCHEMA}.${stateHeadTable.name}`;
/** Nobody reads or writes the live state from then on, until the transaction ends. */
export const LOCK_OUT_READERS = `lock table ${LIVE_HEAD} in access exclusive mode`;

/** Swapping back waits so long for the readers under way. */
const SWAP_BACK_TIMEOUTS = { ...REBUILD_TIMEOUTS, lockTimeoutMs: 5_000 };

/**
 * Puts the rebuilt schema in the live one's place, which is kept beside it. Under both locks; the
 * caller commits. @throws Error where the live schema was migrated since the other was made
 */
export async function swapSchemas(db: Kysely<StateDatabase>): Promise<void> {
  await checkSameMigrations(db, STATE_SCHEMA, NEXT_SCHEMA);
  await rename(db, STATE_SCHEMA, PREVIOUS_SCHEMA);
  await rename(db, NEXT_SCHEMA, STATE_SCHEMA);
}

/**
 * Puts the state of before the last replay in its place again, where nothing was written since, and
 * drops the one that the replay had built.
 * @throws NoWayBack where there is none, or it is not what the log says any longer; RunInProgress
 */
export async function swapBack(
  urls: DatabaseUrls,
  { isDryRun = false }: { readonly isDryRun?: boolean } = {},
): Promise<Head> {
  return asReplayer(urls.state, async (db, state) => {
    await excludeOthers(db);
    const log = new WriterConnection(clientConfig(urls.log, ROLES.logReplayer, SWAP_BACK_TIMEOUTS));
    try {
      await log.connect();
      // The log's lock before the state's: always in this order, everywhere.
      const { head } = await lockLog(log, GENESIS);
      await state.send('begin');
      await state.send(LOCK_OUT_READERS);
      await swapPrevious(db, head);
      await (isDryRun ? state.rollback() : state.commit());
      return head;
    } finally {
      log.destroy();
    }
  });
}

/** There is no state to swap back to. */
export class NoWayBack extends Error {
  override readonly name = 'NoWayBack';
}

async function swapPrevious(db: Kysely<StateDatabase>, head: Head): Promise<void> {
  if ((await tablesOf(db, PREVIOUS_SCHEMA)).length === 0) {
    throw new NoWayBack('There is no state of before a replay');
  }
  const { position, hash } = await db
    .withSchema(PREVIOUS_SCHEMA)
    .selectFrom('event_log_state')
    .select(['position', 'hash'])
    .executeTakeFirstOrThrow();
  if (!sameHead(head, { position, hash: hash.toString('hex') })) {
    throw new NoWayBack(
      `The state of before ends at position ${position} and the log at ${head.position}: ` +
        'something was written since the replay',
    );
  }
  await checkSameMigrations(db, STATE_SCHEMA, PREVIOUS_SCHEMA);
  // Whoever has read rows of the state that goes must forget them.
  const { rebuilds } = await db
    .withSchema(STATE_SCHEMA)
    .selectFrom('event_log_state')
    .select('rebuilds')
    .executeTakeFirstOrThrow();
  await db
    .withSchema(PREVIOUS_SCHEMA)
    .updateTable('event_log_state')
    .set({ rebuilds: rebuilds + 1 })
    .execute();
  // What is swapped out goes: a request that is repeated must not swap it in again.
  await sql`drop schema ${sql.id(STATE_SCHEMA)} cascade`.execute(db);
  await rename(db, PREVIOUS_SCHEMA, STATE_SCHEMA);
}

async function rename(db: Kysely<StateDatabase>, from: string, to: string): Promise<void> {
  await sql`alter schema ${sql.id(from)} rename to ${sql.id(to)}`.execute(db);
}

/** Gives the place of the state of before the last replay free. */
export function dropPrevious(url: string): Promise<void> {
  return asReplayer(url, async (db) => {
    await sql`drop schema if exists ${sql.id(PREVIOUS_SCHEMA)} cascade`.execute(db);
  });
}

/** What was written since the last vacuum is then found by its position without a full scan. */
export function summarizeRanges(url: string): Promise<void> {
  return asReplayer(url, async (db) => {
    // SQL as text: it is about PostgreSQL's own tables.
    await sql`
      select brin_summarize_new_values(c.oid) from pg_class c join pg_am a on a.oid = c.relam
      where a.amname = 'brin' and c.relkind = 'i'
        and c.relnamespace = to_regnamespace(${STATE_SCHEMA})`.execute(db);
  }).catch((error: unknown) => {
    // A vacuum that somebody runs keeps it out for long, and it only saves time.
    if (sqlstateOf(error) !== SQLSTATE.lockNotAvailable) throw error;
  });
}

async function asReplayer<T>(
  url: string,
  work: (db: Kysely<StateDatabase>, state: WriterConnection) => Promise<T>,
): Promise<T> {
  const state = new WriterConnection(clientConfig(url, ROLES.stateReplayer, SWAP_BACK_TIMEOUTS));
  try {
    await state.connect();
    return await work(
      kyselyOn(() => state.current),
      state,
    );
  } finally {
    state.destroy();
  }
}

/**
 * SQL as text: it is about the migrator's own tables.
 * @throws Error where a migration ran on the live schema that the other one does not have
 */
async function checkSameMigrations(db: Kysely<StateDatabase>, live: string, other: string) {
  const { rows } = await sql<{ name: string }>`
    (select name from ${sql.id(live, 'kysely_migration')}
     except select name from ${sql.id(other, 'kysely_migration')})
    union all
    (select name from ${sql.id(other, 'kysely_migration')}
     except select name from ${sql.id(live, 'kysely_migration')})`.execute(db);
  if (rows.length === 0) return;
  throw new Error(`The state was migrated meanwhile (${rows[0]!.name}); run the replay again`);
}
