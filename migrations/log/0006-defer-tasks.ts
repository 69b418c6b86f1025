import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  // What an event asks for may say from when on it may be done; like the rest of it, for ever.
  await sql`alter table task_log add column not_before timestamptz`.execute(db);
  await deferDeliveries(db);
  await keepLanesInOrder(db);
}

/**
 * A task that the dispatcher comes to before its time is `deferred`, and `not_before` says until
 * when; all others have none. It is found by that, and nobody who looks for the tasks under way
 * meets it.
 */
async function deferDeliveries(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table task_delivery
      add column not_before timestamptz,
      drop constraint task_delivery_status_check,
      add constraint task_delivery_status_check
        check (status in ('deferred', 'queued', 'running', 'done', 'failed'))`.execute(db);
  await sql`
    create index task_delivery_deferred on task_delivery (name, not_before, position, ordinal)
    where status = 'deferred'`.execute(db);
}

/**
 * The place in its lane of a task that was deferred: right behind the place in the log up to which
 * the tasks of its name had been handed over when it became due, in the order of the instants. All
 * others have their own place. So none ever comes before one that may have begun.
 */
async function keepLanesInOrder(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table task_delivery add column behind_position bigint, add column behind_ordinal int,
      add check ((behind_position is null) = (behind_ordinal is null))`.execute(db);
  await sql`drop index task_delivery_lane`.execute(db);
  await sql`
    create index task_delivery_lane on task_delivery (
      name, lane, coalesce(behind_position, position), coalesce(behind_ordinal, ordinal),
      coalesce(not_before, '-infinity'), position, ordinal)
    where lane is not null and status in ('queued', 'running')`.execute(db);
}
