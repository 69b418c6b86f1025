import { sql, type Kysely } from 'kysely';

/**
 * Balances and statements by effective date, whatever the history. Entries mostly come in the
 * order of their dates, so that the totals after one are those of its day, and marks say where days
 * begin. What comes late has a row more, in the order of a statement too, and is added up by day.
 * Entries of before get theirs by the replay that the new materializers ask for.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table state.entry_marks (
      account_no bigint not null,
      effective_date date not null,
      position bigint not null,
      account_version bigint not null,
      primary key (account_no, effective_date)
    )`.execute(db);
  await sql`
    create table state.late_entries (
      account_no bigint not null,
      position bigint not null,
      effective_date date not null,
      ordinal int not null,
      behind_date date not null,
      debit numeric not null,
      credit numeric not null,
      debits_after numeric not null,
      credits_after numeric not null,
      primary key (account_no, position, ordinal),
      check (effective_date < behind_date)
    )`.execute(db);
  await sql`
    create index late_entries_effective_date
    on state.late_entries (account_no, effective_date, position, ordinal)`.execute(db);
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
