import { sql, type Kysely } from 'kysely';

/**
 * Periods that are closed, what is posted into one that was opened again, and groups of accounts.
 * Whether a day is closed is asked of one small row. What was posted with a date after a day is
 * found by ranges of blocks: nothing takes effect after the day on which it is recorded, so that
 * only blocks written since then have such dates, and an append costs next to nothing. A group is a
 * path whose parts colons divide, so that all below one stand together in the order of bytes.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table state.period_closes (
      close_no bigint primary key,
      close_id uuid not null unique,
      recorded_at timestamptz not null,
      through_date date not null,
      sealed_position bigint not null,
      sealed_hash text not null,
      digest text not null,
      totals jsonb not null,
      transaction_ids jsonb not null,
      previous_id uuid,
      previous_date date,
      reopened_position bigint,
      reopened_at timestamptz,
      reopening_reason text,
      reversal_ids jsonb,
      check ((reopened_position is null) = (reopened_at is null)),
      check ((reopened_position is null) = (reopening_reason is null)),
      check ((reopened_position is null) = (reversal_ids is null))
    )`.execute(db);
  await sql`
    create table state.closed_days (
      id int primary key check (id = 1),
      position bigint not null,
      close_id uuid,
      through_date date,
      ever_closed_date date not null,
      check ((close_id is null) = (through_date is null))
    )`.execute(db);
  await sql`
    create table state.late_transactions (
      position bigint primary key,
      effective_date date not null
    )`.execute(db);
  await sql`
    create index entries_effective_date on state.entries using brin (effective_date)
    with (pages_per_range = 32, autosummarize = on)`.execute(db);
  await sql`alter table state.accounts add column account_group text`.execute(db);
  await sql`alter table state.account_versions add column account_group text`.execute(db);
  for (const table of [sql`accounts`, sql`account_versions`]) {
    await sql`
      create index on state.${table} (account_group collate "C")
      where account_group is not null`.execute(db);
  }
}
