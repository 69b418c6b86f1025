import { sql, type Kysely } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import { logMigrations } from '../../migrations/log/index';
import { stateMigrations } from '../../migrations/state/index';
import { openPool, STATE_SCHEMA, type DatabaseUrls } from './connections';

/** A migration that failed; `message` names it and says why. */
export class MigrationError extends Error {}

// Migrations may build indexes on large tables, and wait for the batch that is under way.
const TIMEOUTS = { lockTimeoutMs: 60_000, statementTimeoutMs: 3_600_000 };

/**
 * Brings both databases to the latest schema, as their owners. Two processes may do so at once:
 * Kysely's migrator takes a lock. @returns the names of the migrations that ran.
 */
export async function migrate(urls: DatabaseUrls): Promise<string[]> {
  const log = await migrateOne(urls.log, 'public', logMigrations);
  const state = await migrateOne(urls.state, STATE_SCHEMA, stateMigrations);
  return [...log.map((name) => `log/${name}`), ...state.map((name) => `state/${name}`)];
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
      const reason = error instanceof Error ? error.message : 'unknown';
      throw new MigrationError(`Migration ${failed?.migrationName ?? ''} failed: ${reason}`, {
        cause: error,
      });
    }
    return results.map((r) => r.migrationName);
  } finally {
    await db.destroy();
  }
}
