import { sql, type Kysely } from 'kysely';

/**
 * Which events name what, but for postings, which the entries and the transactions have already,
 * and which events were amended.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table state.subject_positions (
      subject_id uuid not null,
      position bigint not null,
      primary key (subject_id, position)
    )`.execute(db);
  await sql`
    create index subject_positions_written on state.subject_positions using brin (position)
    with (pages_per_range = 32)`.execute(db);
  await sql`
    create table state.event_amendments (
      amended_position bigint not null,
      position bigint not null,
      amended_by text not null,
      amended_at timestamptz not null,
      reason text not null,
      primary key (amended_position, position)
    )`.execute(db);
  await sql`
    create index event_amendments_written
    on state.event_amendments (position)`.execute(db);
}
