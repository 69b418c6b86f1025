import { sql, type Kysely } from 'kysely';

/**
 * What holds reserve of an account is in `hold_entries`, a row for each event, with the account's
 * sums after it: like entries, so that placing a hold inserts rows and updates no account, and an
 * account that has none has no rows. `hold_accounts` says where the holds of an account are, by
 * their status.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table state.holds (
      hold_no bigint primary key,
      hold_id uuid not null unique,
      created_at timestamptz not null,
      client_id text,
      description text not null,
      expires_at timestamptz,
      metadata jsonb not null,
      status text not null check (status in ('held', 'captured', 'voided', 'expired')),
      postings jsonb not null,
      transaction_ids jsonb not null,
      version bigint not null,
      last_position bigint not null
    )`.execute(db);
  // Most rows have none, and an index of NULLs costs as much as any other.
  await sql`
    create unique index holds_client_id on state.holds (client_id)
    where client_id is not null`.execute(db);
  await sql`create index holds_status on state.holds (status, hold_no)`.execute(db);
  // What the service looks for every second.
  await sql`
    create index holds_due on state.holds (expires_at, hold_no)
    where status = 'held' and expires_at is not null`.execute(db);
  await sql`
    create table state.hold_accounts (
      line_no bigint primary key,
      account_no bigint not null,
      hold_no bigint not null,
      expires_at timestamptz,
      status text not null,
      last_position bigint not null
    )`.execute(db);
  await sql`
    create index hold_accounts_status
    on state.hold_accounts (account_no, status, hold_no)`.execute(db);
  await sql`
    create index hold_accounts_due on state.hold_accounts (account_no, expires_at, hold_no)
    where status = 'held' and expires_at is not null`.execute(db);
  await sql`
    create table state.hold_entries (
      account_no bigint not null,
      position bigint not null,
      account_version bigint not null,
      pending_debits_after numeric not null check (pending_debits_after >= 0),
      pending_credits_after numeric not null check (pending_credits_after >= 0),
      expiring_after int not null check (expiring_after >= 0),
      next_expiry_after timestamptz,
      primary key (account_no, position)
    )`.execute(db);
  await sql`
    create index hold_entries_written on state.hold_entries using brin (position)
    with (pages_per_range = 32)`.execute(db);
  await sql`alter table state.transactions add column hold_id uuid`.execute(db);
}
