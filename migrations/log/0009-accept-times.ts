import { sql, type Kysely } from 'kysely';

/**
 * A log whose last event is later than every clock goes on only once an administrator has said why.
 * Kept for ever: all events until that time say that they were recorded then.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table accepted_times (
      recorded_at timestamptz primary key,
      position bigint not null,
      reason text not null,
      accepted_at timestamptz not null default now()
    )`.execute(db);
  await sql`
    grant select on accepted_times
    to truebook_log_reader, truebook_log_writer, truebook_log_amender`.execute(db);
}
