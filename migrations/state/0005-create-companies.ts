import { sql, type Kysely } from 'kysely';

/** `company_no` is the position of the event that created the company. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table state.companies (
      company_no bigint primary key,
      company_id uuid not null unique,
      created_at timestamptz not null,
      client_id text,
      name text not null,
      contact_email text not null,
      address jsonb not null,
      version bigint not null,
      last_position bigint not null
    )`.execute(db);
  // Most rows have none, and an index of NULLs costs as much as any other.
  await sql`
    create unique index companies_client_id on state.companies (client_id)
    where client_id is not null`.execute(db);
}
