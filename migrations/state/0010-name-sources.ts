import { sql, type Kysely } from 'kysely';

/**
 * Transactions that are part of another fact, of any kind, with one row each; most have none. What
 * interest remembered of its own is among them after the replay that the new materializers ask for.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table state.transaction_sources (
      transaction_id uuid primary key,
      position bigint not null,
      source_type text not null,
      source_id uuid not null,
      undone_by text not null
    )`.execute(db);
  await sql`
    create index transaction_sources_source_id
    on state.transaction_sources (source_id, position)`.execute(db);
  await sql`drop table state.interest_postings`.execute(db);
}
