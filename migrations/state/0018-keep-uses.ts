import { sql, type Kysely } from 'kysely';

/**
 * What is used of an account's limits is one row that is updated, and no row for each posting: a
 * batch writes it once. The state is rebuilt for that, since other materializers write it.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`drop table state.limit_uses`.execute(db);
  // Room for a few versions of a row in its page, so that an update writes no index.
  await sql`
    create table state.limit_uses (
      account_id uuid primary key,
      debit jsonb not null,
      credit jsonb not null,
      last_position bigint not null
    ) with (fillfactor = 50)`.execute(db);
}
