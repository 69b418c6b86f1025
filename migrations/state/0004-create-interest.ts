import { sql, type Kysely } from 'kysely';

/**
 * An account's periods stand together in the order of their days, the version that holds last: its
 * last row says how far its interest is, and a range of rows is what a backdated entry changes.
 * Rows are only ever added, so that accruing for many accounts is one COPY.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table state.interest_periods (
      account_id uuid not null,
      through_date date not null,
      position bigint not null,
      from_date date not null check (from_date <= through_date),
      annual_rate text not null,
      day_count text not null check (day_count in ('actual/365', 'actual/360', '30/360')),
      stretches json not null,
      balance numeric not null,
      accrued numeric not null,
      carried numeric not null,
      scan_after bigint not null,
      primary key (account_id, through_date, position)
    )`.execute(db);
  await sql`
    create table state.interest_postings (transaction_id uuid primary key)`.execute(db);
}
