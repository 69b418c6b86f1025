import { sql, type Kysely } from 'kysely';

/**
 * The digits of an amount are in the state, where the log says what they are. Rows of before have
 * -1, by which nothing can be written, until the replay that the new materializers ask for.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table state.currencies (
      code text primary key,
      digits integer not null,
      name text,
      position bigint not null
    )`.execute(db);
  await sql`
    create unique index currencies_own on state.currencies (position)
    where name is not null`.execute(db);
  for (const table of ['accounts', 'orders']) {
    const changed = sql.id('state', table);
    await sql`alter table ${changed} add column digits integer not null default -1`.execute(db);
    await sql`alter table ${changed} alter column digits drop default`.execute(db);
  }
}
