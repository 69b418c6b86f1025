import { runMigrations } from 'bullmq';
import { sql, type Kysely } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import { Client } from 'pg';
import { logMigrations } from '../../migrations/log/index';
import { stateMigrations } from '../../migrations/state/index';
import { openPool, ROLES, sessionConfig, STATE_SCHEMA, type DatabaseUrls } from './connections';
import { isError } from './errors';

/** The schema of the state database that BullMQ keeps its queues in. */
export const QUEUE_SCHEMA = 'bullmq';

/** A migration that failed; `message` names it and says why. */
export class MigrationError extends Error {}

/** Held by whoever migrates a database, for everything that it does there. */
const MIGRATING_LOCK = 7_255_003;

// Migrations may build indexes on large tables, and wait for the batch that is under way.
const TIMEOUTS = { lockTimeoutMs: 60_000, statementTimeoutMs: 3_600_000 };

/**
 * Brings both databases to the latest schema, as their owners. Several processes may do so at once:
 * one of them does it, the others wait. @returns the names of the migrations that ran.
 */
export async function migrate(urls: DatabaseUrls): Promise<string[]> {
  const log = await behindLock(urls.log, () => migrateOne(urls.log, 'public', logMigrations));
  const state = await behindLock(urls.state, async () => {
    const names = await migrateOne(urls.state, STATE_SCHEMA, stateMigrations);
    return [...names.map((name) => `state/${name}`), ...(await migrateQueue(urls.state))];
  });
  return [...log.map((name) => `log/${name}`), ...state];
}

/** Brings a state database alone to the latest schema: one that nobody serves. */
export function migrateState(url: string): Promise<string[]> {
  return behindLock(url, () => migrateOne(url, STATE_SCHEMA, stateMigrations));
}

/**
 * Does everything that a migration does behind one lock of the database: making a schema, granting
 * rights and other libraries' migrations fail where two processes do them at once. The lock is a
 * session's, so it goes with its process.
 * SQL as text: the builder has no word for locks.
 */
async function behindLock<T>(url: string, work: () => Promise<T>): Promise<T> {
  // However long the process takes that is migrating.
  const client = new Client(sessionConfig(url, undefined, { ...TIMEOUTS, lockTimeoutMs: 0 }));
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATING_LOCK]);
    return await work();
  } finally {
    await client.end();
  }
}

async function migrateOne(
  url: string,
  schema: string,
  migrations: Record<string, Migration>,
): Promise<string[]> {
  const db: Kysely<unknown> = openPool(url, undefined, TIMEOUTS, 2, () => undefined);
  try {
    await sql`create schema if not exists ${sql.id(schema)}`.execute(db);
    const migrator = new Migrator({
      db,
      provider: { getMigrations: () => Promise.resolve(migrations) },
      migrationTableSchema: schema,
    });
    const { error, results = [] } = await migrator.migrateToLatest();
    const failed = results.find((r) => r.status === 'Error');
    if (error !== undefined) {
      const reason = isError(error) ? error.message : 'unknown';
      throw new MigrationError(`Migration ${failed?.migrationName ?? ''} failed: ${reason}`, {
        cause: error,
      });
    }
    return results.map((r) => r.migrationName);
  } finally {
    await db.destroy();
  }
}

/**
 * BullMQ's own migrations, and the rights of the role that uses its queues. They are in the state
 * database, since they can be lost: the truth about tasks is in the log.
 */
async function migrateQueue(url: string): Promise<string[]> {
  const config = sessionConfig(url, undefined, TIMEOUTS);
  const client = new Client(config);
  client.on('error', () => undefined);
  await client.connect();
  try {
    await grantQueue(client);
    const before = await queueVersion(client);
    const after = await runMigrations(client, QUEUE_SCHEMA);
    return before === after ? [] : [`queue/${after}`];
  } catch (error) {
    const reason = isError(error) ? error.message : 'unknown';
    throw new MigrationError(`The migrations of BullMQ failed: ${reason}`, { cause: error });
  } finally {
    await client.end();
  }
}

/** 0 before BullMQ's first migration. SQL as text: it is about BullMQ's own tables. */
async function queueVersion(client: Client): Promise<number> {
  const ledger = `${QUEUE_SCHEMA}.migration`;
  const exists = await client.query(`select where to_regclass('${ledger}') is not null`);
  if (exists.rowCount === 0) return 0;
  const { rows } = await client.query<{ version: number }>(
    `select coalesce(max(version), 0)::int as version from ${ledger}`,
  );
  return rows[0]!.version;
}

/**
 * Whatever the migrations make is usable without a word of its own. BullMQ makes a sequence for
 * each queue when it is first used, hence the right to create.
 * SQL as text: the builder has no word for grants.
 */
async function grantQueue(client: Client): Promise<void> {
  const role = ROLES.stateWriter;
  const defaults = `alter default privileges in schema ${QUEUE_SCHEMA} grant`;
  await client.query('begin');
  await client.query(`create schema if not exists ${QUEUE_SCHEMA}`);
  await client.query(`grant usage, create on schema ${QUEUE_SCHEMA} to ${role}`);
  await client.query(`${defaults} select, insert, update, delete on tables to ${role}`);
  await client.query(`${defaults} usage, select, update on sequences to ${role}`);
  await client.query(`${defaults} execute on functions to ${role}`);
  await client.query('commit');
}
