import { sql, type Kysely } from 'kysely';

/**
 * A transaction's postings are found by its accounts and position, so that entries need one index
 * only: a second one by position cost 6 µs a transfer, an eighth of all that the database does.
 * Every entry carries its account's totals and version after it, which makes reading a balance as
 * of any position one look into that index, and posting an insert without an update.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table state.transactions (
      position bigint primary key,
      transaction_id uuid not null unique,
      recorded_at timestamptz not null,
      effective_date date not null,
      reverses uuid,
      reversed_by uuid,
      client_id text,
      description text not null,
      account_nos bigint[] not null,
      metadata jsonb not null
    )`.execute(db);
  // Most rows have none, and an index of NULLs costs as much as any other.
  await sql`
    create unique index transactions_client_id on state.transactions (client_id)
    where client_id is not null`.execute(db);
  await sql`
    create table state.entries (
      account_no bigint not null,
      position bigint not null,
      account_version bigint not null,
      ordinal int not null,
      effective_date date not null,
      direction text not null check (direction in ('debit', 'credit')),
      amount numeric not null check (amount > 0),
      debits_after numeric not null,
      credits_after numeric not null,
      primary key (account_no, position, ordinal)
    )`.execute(db);
}
