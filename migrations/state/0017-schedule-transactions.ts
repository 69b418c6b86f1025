import { sql, type Kysely } from 'kysely';

/**
 * Transactions that are posted on days to come, where their accounts find them, and what became of
 * each day. What is due next is found by one look into an index.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table state.scheduled_transactions (
      schedule_no bigint primary key,
      schedule_id uuid not null unique,
      created_at timestamptz not null,
      client_id text,
      description text not null,
      metadata jsonb not null,
      postings jsonb not null,
      post_on date not null,
      repeat text,
      until_date date,
      status text not null
        check (status in ('scheduled', 'posted', 'refused', 'cancelled', 'ended')),
      next_on date,
      due_at timestamptz,
      version bigint not null,
      last_position bigint not null
    )`.execute(db);
  await sql`
    create unique index scheduled_transactions_client_id
    on state.scheduled_transactions (client_id) where client_id is not null`.execute(db);
  await sql`
    create index scheduled_transactions_due on state.scheduled_transactions (due_at, schedule_no)
    where due_at is not null`.execute(db);
  await sql`
    create index scheduled_transactions_status
    on state.scheduled_transactions (status, schedule_no)`.execute(db);
  await sql`
    create table state.scheduled_accounts (
      account_no bigint not null,
      schedule_no bigint not null,
      primary key (account_no, schedule_no)
    )`.execute(db);
  await sql`
    create index scheduled_accounts_schedule_no
    on state.scheduled_accounts (schedule_no)`.execute(db);
  await sql`
    create table state.scheduled_runs (
      schedule_no bigint not null,
      position bigint not null,
      run_on date not null,
      transaction_id uuid,
      code text,
      detail text,
      primary key (schedule_no, position)
    )`.execute(db);
  await sql`create index scheduled_runs_position on state.scheduled_runs (position)`.execute(db);
}
