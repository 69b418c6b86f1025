import { sql, type Kysely } from 'kysely';

/**
 * With these, every row tells which event wrote it last. Rows of before get theirs by the replay
 * that the new materializers ask for. A block range index costs an append next to nothing and
 * finds what was written since a position, however large the table is.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table state.transactions add column reversed_position bigint`.execute(db);
  await sql`
    alter table state.interest_postings add column position bigint not null default 0`.execute(db);
  await sql`
    alter table state.webhook_routes add column last_position bigint not null default 0`.execute(
    db,
  );
  await sql`
    create index entries_written on state.entries using brin (position)
    with (pages_per_range = 32)`.execute(db);
  await sql`
    create index transactions_written on state.transactions
    using brin (coalesce(reversed_position, position)) with (pages_per_range = 32)`.execute(db);
}
