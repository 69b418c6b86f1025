import { sql, type Kysely } from 'kysely';

/**
 * What may go through an account in a day, a week, a month or 24 hours. An account without limits
 * has no row here: what those in force say stands together in one row for each account or group.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table state.velocity_limits (
      limit_no bigint primary key,
      limit_id uuid not null unique,
      client_id text,
      created_at timestamptz not null,
      account_id uuid,
      account_group text,
      direction text not null check (direction in ('debit', 'credit')),
      currency text not null,
      digits integer not null,
      per text not null,
      amount numeric,
      count bigint,
      removed_at timestamptz,
      version bigint not null,
      last_position bigint not null,
      check ((account_id is null) <> (account_group is null))
    )`.execute(db);
  await sql`
    create unique index velocity_limits_client_id on state.velocity_limits (client_id)
    where client_id is not null`.execute(db);
  await sql`
    create index velocity_limits_account on state.velocity_limits (account_id, limit_no)
    where account_id is not null`.execute(db);
  await sql`
    create index velocity_limits_group on state.velocity_limits (account_group, limit_no)
    where account_group is not null`.execute(db);
  await sql`
    create table state.limit_targets (
      target text primary key,
      terms jsonb not null,
      last_position bigint not null
    )`.execute(db);
  await sql`
    create table state.limit_uses (
      account_no bigint not null,
      position bigint not null,
      uses jsonb not null,
      primary key (account_no, position)
    )`.execute(db);
}
