import { sql, type Kysely } from 'kysely';

/** Tasks whose time has not come are listed in the order of the log, however many there are. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create index task_delivery_deferred_place on task_delivery (position, ordinal)
    where status = 'deferred'`.execute(db);
}
