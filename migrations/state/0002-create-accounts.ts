import { sql, type Kysely } from 'kysely';

/**
 * `account_no` is the position of the event that opened the account: a small key that is the same
 * after every replay. Balances are not here: an account's balance is that of its last entry.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table state.accounts (
      account_no bigint primary key,
      account_id uuid not null unique,
      closed_position bigint,
      created_at timestamptz not null,
      type text not null check (type in ('asset', 'liability', 'equity', 'income', 'expense')),
      currency text not null,
      min_balance numeric,
      max_balance numeric,
      client_id text,
      name text not null,
      metadata jsonb not null
    )`.execute(db);
  // Most rows have none, and an index of NULLs costs as much as any other.
  await sql`
    create unique index accounts_client_id on state.accounts (client_id)
    where client_id is not null`.execute(db);
}
