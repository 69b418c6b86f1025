import { sql, type Kysely } from 'kysely';

/**
 * A key that is withdrawn stays, so that a process that still has it is told so instead of bringing
 * it back. Each name has one key that counts.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table api_keys
      add column withdrawn_at timestamptz,
      drop constraint api_keys_pkey,
      drop constraint api_keys_key_hash_key,
      add primary key (key_hash)`.execute(db);
  await sql`
    create unique index api_keys_name on api_keys (name) where withdrawn_at is null`.execute(db);
}
