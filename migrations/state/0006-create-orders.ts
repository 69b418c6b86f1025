import { sql, type Kysely } from 'kysely';

/**
 * `order_no` is the position of the event that placed the order. Money in minor units of
 * `currency`; the quantity is text, because it has more decimals than any currency.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table state.orders (
      order_no bigint primary key,
      order_id uuid not null unique,
      created_at timestamptz not null,
      company_id uuid not null,
      cash_account_id uuid not null,
      settlement_account_id uuid not null,
      limit_amount numeric,
      client_id text,
      side text not null check (side in ('buy', 'sell')),
      symbol text not null,
      quantity text not null,
      currency text not null,
      status text not null check (status in ('placed', 'settled', 'cancelled')),
      settled_at timestamptz,
      transaction_id uuid,
      fee_account_id uuid,
      executed_amount numeric,
      fee numeric,
      cash_amount numeric,
      version bigint not null,
      last_position bigint not null,
      check ((status = 'settled') = (transaction_id is not null))
    )`.execute(db);
  // Most rows have none, and an index of NULLs costs as much as any other.
  await sql`
    create unique index orders_client_id on state.orders (client_id)
    where client_id is not null`.execute(db);
  await sql`create index orders_company_id on state.orders (company_id, order_no)`.execute(db);
  // The open orders are few among all, and what is asked for most.
  await sql`
    create index orders_placed on state.orders (order_no) where status = 'placed'`.execute(db);
}
