import { sql, type Kysely } from 'kysely';

/** Keys outlive a replay, so they are kept with the log; only their SHA-256 is stored. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table api_keys (
      name text primary key,
      role text not null check (role in ('admin')),
      key_hash bytea not null unique check (octet_length(key_hash) = 32),
      created_at timestamptz not null default now()
    )`.execute(db);
  await sql`grant select on api_keys to truebook_log_reader`.execute(db);
}
