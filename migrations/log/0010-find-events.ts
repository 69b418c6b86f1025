import { sql, type Kysely } from 'kysely';

/**
 * Events are found by what they are, by who did it and by the request that it belongs to, in the
 * order of the log. Partitions that are attached later have these indexes too.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  // Postings are most events of most logs, and found by their transactions.
  await sql`
    create index event_log_type on event_log (type, position)
    where type <> 'TransactionPosted'`.execute(db);
  await sql`create index event_log_actor on event_log (actor, position)`.execute(db);
  await sql`
    create index event_log_correlation_id on event_log (correlation_id, position)
    where correlation_id is not null`.execute(db);
}
