import { sql, type Kysely } from 'kysely';

/**
 * Balances and statements by effective date, whatever the history. Entries mostly come in the
 * order of their dates, so that the totals after one are those of its day, and marks say where days
 * begin.
 * What comes late has an index of its own and is added up by day. Entries of before get theirs by
 * the replay that the new materializers ask for.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table state.entries
      add column latest_date date not null default '1900-01-01',
      add column late_debits_after numeric not null default 0,
      add column late_credits_after numeric not null default 0`.execute(db);
  // In the order of a statement.
  await sql`
    create index entries_late_by_date
    on state.entries (account_no, effective_date, position, ordinal)
    where effective_date < latest_date`.execute(db);
  // For what was known at a position; it has all that a sum asks for.
  await sql`
    create index entries_late
    on state.entries (account_no, position) include (effective_date, direction, amount)
    where effective_date < latest_date`.execute(db);
  await sql`
    create table state.entry_marks (
      account_no bigint not null,
      effective_date date not null,
      position bigint not null,
      account_version bigint not null,
      primary key (account_no, effective_date)
    )`.execute(db);
  await sql`
    create table state.late_sums (
      account_no bigint not null,
      effective_date date not null,
      debits numeric not null,
      credits numeric not null,
      last_position bigint not null,
      primary key (account_no, effective_date)
    )`.execute(db);
}
