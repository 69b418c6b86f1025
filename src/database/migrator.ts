import { runMigrations } from 'bullmq';
import { Kysely, PostgresDialect, sql, type PostgresPool } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import type { Client, Pool } from 'pg';
import { logMigrations } from '../../migrations/log/index';
import { stateMigrations } from '../../migrations/state/index';
import {
  forInstallation,
  inTransaction,
  installationOf,
  openClients,
  openPool,
  roleOf,
  ROLES,
  STATE_SCHEMA,
  withSession,
  type DatabaseUrls,
  type Role,
} from './connections';
import { isError } from './errors';
import { SQLSTATE, sqlstateOf } from './sqlstates';
import { makeLogin, makeRoles, withInstallation, withInstallations } from './logins';
import { checkLogins, type Side } from './owner-check';

/** The schema of the state database that BullMQ keeps its queues in. */
export const QUEUE_SCHEMA = 'bullmq';

/** A migration that failed; `message` names it and says why. */
export class MigrationError extends Error {}

/** Held by whoever migrates a database, for everything that it does there. */
const MIGRATING_LOCK = 7_255_003;

const MIGRATIONS = 'kysely_migration';
const BY_OWNER =
  'run "npm run migrate" with LOG_DATABASE_URL and STATE_DATABASE_URL set to the owners';
/** invalid_parameter_value, insufficient_privilege: a role that is not there, or not to be had. */
const NO_RIGHTS = ['22023', SQLSTATE.insufficientPrivilege] as readonly string[];

// Migrations may build indexes on large tables, and wait for the batch that is under way.
const TIMEOUTS = { lockTimeoutMs: 60_000, statementTimeoutMs: 3_600_000 };

/** What migrating came to. */
export interface Migrated {
  /** The migrations that ran. */
  readonly ran: readonly string[];
  /** The databases as their owners, and whose roles work on them. */
  readonly urls: DatabaseUrls;
}

/**
 * Brings both databases to the latest schema, as their owners, and makes the roles that work on
 * them. Several processes may do so at once: one of them does it, the others wait.
 */
export async function migrate(urls: DatabaseUrls): Promise<Migrated> {
  try {
    return await migrateBoth(urls);
  } catch (error) {
    // Roles are a cluster's: another owner's databases may have taken the same free names at the
    // same moment. They are not free any longer.
    if (sqlstateOf(error) !== SQLSTATE.insufficientPrivilege) throw error;
    return migrateBoth(urls);
  }
}

async function migrateBoth(urls: DatabaseUrls): Promise<Migrated> {
  const installed = await withInstallations(urls);
  const log = await migrateLog(installed.log);
  const state = await migrateState(installed.state);
  const queue = await behindLock(state.url, () => migrateQueue(state.url));
  return { ran: [...log.ran, ...state.ran, ...queue], urls: { log: log.url, state: state.url } };
}

/**
 * Makes what the service logs in with, on databases that are migrated.
 * @param named the logins where they are chosen; else they are made
 * @throws LoginError
 */
export async function makeLogins(
  owners: DatabaseUrls,
  named?: DatabaseUrls,
): Promise<DatabaseUrls> {
  const make = (side: Side) =>
    behindLock(owners[side], () => makeLogin(owners[side], side, named?.[side]));
  const made = { log: await make('log'), state: await make('state') };
  // A pooler may log in as somebody else than its URL names.
  await checkLogins(made);
  return made;
}

/**
 * Databases that somebody else migrates, for a service that knows no owner.
 * @returns the URLs, which say whose roles work on them
 * @throws MigrationError where a migration of this program is missing
 * @throws LoginError where a login could become an owner
 */
export async function migratedByOthers(services: DatabaseUrls): Promise<DatabaseUrls> {
  const urls = await withInstallations(services);
  await checkLogins(urls);
  await expectMigrated(urls.log, ROLES.logReader, 'public', logMigrations);
  await expectMigrated(urls.state, ROLES.stateReader, STATE_SCHEMA, stateMigrations);
  return urls;
}

/** SQL as text: it is about the migrator's own tables. */
async function expectMigrated(
  url: string,
  role: Role,
  schema: string,
  migrations: Record<string, Migration>,
): Promise<void> {
  const db: Kysely<unknown> = openPool(url, role, TIMEOUTS, 1, () => undefined);
  try {
    const { rows } = await sql<{ name: string }>`
      select name from ${sql.id(schema, MIGRATIONS)}`.execute(db);
    const known = new Set(rows.map(({ name }) => name));
    const missing = Object.keys(migrations).filter((name) => !known.has(name));
    if (missing.length === 0) return;
    throw new MigrationError(`Migration ${missing[0]!} is missing: ${BY_OWNER}`);
  } catch (error) {
    if (error instanceof MigrationError) throw error;
    const state = sqlstateOf(error);
    // Without the roles, or the tables, nothing was migrated for this login.
    if (state !== SQLSTATE.undefinedTable && !NO_RIGHTS.includes(state ?? '')) throw error;
    throw new MigrationError(`There is no ledger for this login: ${BY_OWNER}`, { cause: error });
  } finally {
    await db.destroy();
  }
}

interface MigratedOne {
  readonly ran: readonly string[];
  readonly url: string;
}

function migrateLog(url: string): Promise<MigratedOne> {
  return behindLock(url, async () => {
    const owner = await withInstallation(url, 'log');
    await makeRoles(owner, 'log');
    const names = await migrateOne(owner, undefined, 'public', logMigrations);
    await showMigrations(owner, ROLES.logReader, 'public');
    return { ran: names.map((name) => `log/${name}`), url: owner };
  });
}

/** Brings a state database alone to the latest schema: one that nobody serves. */
export function migrateState(url: string): Promise<MigratedOne> {
  return behindLock(url, async () => {
    const owner = await withInstallation(url, 'state');
    await makeRoles(owner, 'state');
    const names = await migrateOne(owner, ROLES.stateReplayer, STATE_SCHEMA, stateMigrations);
    await showMigrations(owner, ROLES.stateReader, STATE_SCHEMA);
    return { ran: names.map((name) => `state/${name}`), url: owner };
  });
}

/**
 * Does everything that a migration does behind one lock of the database: making a schema, granting
 * rights and other libraries' migrations fail where two processes do them at once. The lock is a
 * session's, so it goes with its process.
 * SQL as text: the builder has no word for locks.
 */
function behindLock<T>(url: string, work: () => Promise<T>): Promise<T> {
  const locked = async (client: Client) => {
    await client.query('select pg_advisory_lock($1)', [MIGRATING_LOCK]);
    return work();
  };
  // However long the process takes that is migrating.
  return withSession(url, locked, { ...TIMEOUTS, lockTimeoutMs: 0 });
}

async function migrateOne(
  url: string,
  role: Role | undefined,
  schema: string,
  migrations: Record<string, Migration>,
): Promise<string[]> {
  const pool = openClients({ url, role, timeouts: TIMEOUTS, max: 2, onError: () => undefined });
  const db = new Kysely<unknown>({
    dialect: new PostgresDialect({ pool: forRolesOf(url, pool) }),
  });
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
 * A service that knows no owner has to see whether everything was migrated.
 * SQL as text: the builder has no word for grants.
 */
async function showMigrations(url: string, role: Role, schema: string): Promise<void> {
  const db: Kysely<unknown> = openPool(url, undefined, TIMEOUTS, 1, () => undefined);
  const [table, reader] = [sql.id(schema, MIGRATIONS), roleOf(url, role)];
  try {
    const name = `${schema}.${MIGRATIONS}`;
    const { rows } = await sql<{ sees: boolean }>`
      select has_table_privilege(${reader}, ${name}, 'select') as sees`.execute(db);
    if (!rows[0]!.sees) await sql`grant select on ${table} to ${sql.id(reader)}`.execute(db);
  } finally {
    await db.destroy();
  }
}

/** A pool whose statements name the roles of the installation that a database belongs to. */
function forRolesOf(url: string, pool: Pool): PostgresPool {
  const installation = installationOf(url);
  const connect = async () => {
    const client = await pool.connect();
    const query = (text: string, values: unknown[]) =>
      client.query(forInstallation(text, installation), values);
    return { query, release: () => client.release() };
  };
  return { connect, end: () => pool.end() } as unknown as PostgresPool;
}

/**
 * BullMQ's own migrations, and the rights of the role that uses its queues. They are in the state
 * database, since they can be lost: the truth about tasks is in the log.
 */
function migrateQueue(url: string): Promise<string[]> {
  const migrated = async (client: Client) => {
    try {
      await grantQueue(client, url);
      const before = await queueVersion(client);
      const after = await runMigrations(client, QUEUE_SCHEMA);
      return before === after ? [] : [`queue/${after}`];
    } catch (error) {
      const reason = isError(error) ? error.message : 'unknown';
      throw new MigrationError(`The migrations of BullMQ failed: ${reason}`, { cause: error });
    }
  };
  return withSession(url, migrated, TIMEOUTS);
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
async function grantQueue(client: Client, url: string): Promise<void> {
  const role = roleOf(url, ROLES.stateWriter);
  const defaults = `alter default privileges in schema ${QUEUE_SCHEMA} grant`;
  await inTransaction(client, async () => {
    await client.query(`create schema if not exists ${QUEUE_SCHEMA}`);
    await client.query(`grant usage, create on schema ${QUEUE_SCHEMA} to ${role}`);
    await client.query(`${defaults} select, insert, update, delete on tables to ${role}`);
    await client.query(`${defaults} usage, select, update on sequences to ${role}`);
    await client.query(`${defaults} execute on functions to ${role}`);
  });
}
