import { sql, type Kysely } from 'kysely';

/**
 * Accounts change: their names, limits and metadata, and that they are frozen, closed or open. What
 * they were before each change is kept beside them, so that an account that never changed has no
 * more rows, and whoever posts looks at one row still. Rows of before get theirs by the replay that
 * the new materializers ask for.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table state.accounts
      add column frozen text check (frozen in ('debits', 'credits', 'all')),
      add column changed_position bigint,
      add column changed_version bigint`.execute(db);
  await sql`drop index state.accounts_closed_position`.execute(db);
  await sql`
    create table state.account_versions (
      account_no bigint not null,
      position bigint not null,
      closed_position bigint,
      frozen text,
      min_balance numeric,
      max_balance numeric,
      name text not null,
      metadata jsonb not null,
      changed_position bigint,
      changed_version bigint,
      primary key (account_no, position)
    )`.execute(db);
  await sql`
    create index account_versions_position on state.account_versions (position)`.execute(db);
}
