import { sql, type Kysely } from 'kysely';

/**
 * Accruals with an id, whose days are known with posted interest apart. Rows of before get what
 * they lack by the replay that the new materializers ask for.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table state.interest_accruals (
      accrual_no bigint primary key,
      accrual_id uuid not null unique,
      recorded_at timestamptz not null,
      through_date date,
      annual_rate text,
      day_count text,
      compounding text,
      expense_account_id uuid,
      income_account_id uuid,
      lines int not null,
      reversed_position bigint,
      reversed_at timestamptz,
      reversal_reason text,
      last_position bigint not null,
      check ((reversed_position is null) = (reversed_at is null)),
      check ((reversed_position is null) = (reversal_reason is null))
    )`.execute(db);
  await sql`
    alter table state.interest_periods
      drop constraint interest_periods_day_count_check,
      add column accrual_no bigint not null default 0,
      add column compounding text not null default 'none',
      add column counted_from date,
      add column opening_balance numeric,
      add column opening_interest numeric,
      add column interest numeric,
      add column principal numeric,
      add column amount numeric`.execute(db);
  // What an accrual came to, and the accruals of an account.
  await sql`
    create index interest_periods_accrual_no
    on state.interest_periods (accrual_no)`.execute(db);
  await sql`
    create index interest_periods_account_id
    on state.interest_periods (account_id, accrual_no)`.execute(db);
  await sql`
    create table state.interest_adjustments (
      position bigint primary key,
      accrual_no bigint not null,
      account_id uuid not null,
      from_date date not null,
      through_date date not null,
      amount numeric not null
    )`.execute(db);
  await sql`
    create index interest_adjustments_accrual_no
    on state.interest_adjustments (accrual_no)`.execute(db);
  await sql`
    create table state.interest_skips (
      position bigint primary key,
      accrual_no bigint not null,
      account_id text not null,
      code text not null,
      detail text not null
    )`.execute(db);
  await sql`
    create index interest_skips_accrual_no on state.interest_skips (accrual_no)`.execute(db);
  await sql`
    create index interest_skips_account_id
    on state.interest_skips (account_id, accrual_no)`.execute(db);
}
