import { sql, type Kysely } from 'kysely';

/**
 * Events of an actor are found by their types too: where both are common and hardly ever come
 * together, one alone leads through most of the log.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index event_log_actor_type on event_log (actor, type, position)`.execute(db);
  await sql`drop index event_log_actor`.execute(db);
}
