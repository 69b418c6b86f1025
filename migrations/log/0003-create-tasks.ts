import { sql, type Kysely } from 'kysely';

const WORKER = 'truebook_task_worker';

export async function up(db: Kysely<unknown>): Promise<void> {
  await makeRole(db);
  await createTaskLog(db);
  await createTaskDelivery(db);
  await grantRights(db);
}

/** Roles belong to the cluster, so another installation may have made it already. */
async function makeRole(db: Kysely<unknown>): Promise<void> {
  await sql`do ${sql.lit(`
    begin
      if not exists (select from pg_roles where rolname = '${WORKER}') then
        create role ${WORKER} nologin;
      end if;
      if not pg_has_role(current_user, '${WORKER}', 'set') then
        execute format('grant ${WORKER} to %I with set true, inherit false', current_user);
      end if;
    end`)}`.execute(db);
}

/**
 * What each event asked for, written in the transaction that appends the event. The payload is
 * json, not jsonb: it is compared with what a replay asks for as the text that was written.
 */
async function createTaskLog(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table task_log (
      position bigint not null,
      ordinal int not null,
      task_id uuid not null unique,
      name text not null,
      subject text,
      payload json not null,
      primary key (position, ordinal)
    )`.execute(db);
  // The dispatcher goes on, name by name, where it was.
  await sql`create index task_log_name on task_log (name, position, ordinal)`.execute(db);
  await sql`
    create index task_log_subject on task_log (subject, position, ordinal)
    where subject is not null`.execute(db);
  await sql`
    create function refuse_task_log_change() returns trigger language plpgsql as $$
    begin
      raise exception 'the task log is append-only: % refused', tg_op
        using errcode = 'insufficient_privilege';
    end $$`.execute(db);
  await sql`
    create trigger task_log_append_only before update or delete or truncate on task_log
    for each statement execute function refuse_task_log_change()`.execute(db);
  await sql`alter table task_log enable always trigger task_log_append_only`.execute(db);
}

/**
 * The mutable side of a task; a task without a row here was recorded and not handed over yet.
 * `lane` is the subject of tasks that are done in order, and null for all others.
 */
async function createTaskDelivery(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table task_delivery (
      task_id uuid primary key,
      position bigint not null,
      ordinal int not null,
      name text not null,
      lane text,
      status text not null check (status in ('queued', 'running', 'done', 'failed')),
      attempts int not null default 0,
      handed_over_at timestamptz not null default now(),
      next_attempt_at timestamptz,
      started_at timestamptz,
      done_at timestamptz,
      last_error text,
      result json
    )`.execute(db);
  // Of millions of tasks only those that are under way and those that failed are ever looked for.
  await sql`
    create index task_delivery_open on task_delivery (name, position, ordinal)
    where status in ('queued', 'running')`.execute(db);
  await sql`
    create index task_delivery_lane on task_delivery (name, lane, position, ordinal)
    where lane is not null and status in ('queued', 'running')`.execute(db);
  await sql`
    create index task_delivery_failed on task_delivery (position, ordinal)
    where status = 'failed'`.execute(db);
  await sql`
    create table task_dispatch (
      name text primary key,
      position bigint not null,
      ordinal int not null
    )`.execute(db);
}

async function grantRights(db: Kysely<unknown>): Promise<void> {
  await sql`grant select, insert on task_log to truebook_log_writer`.execute(db);
  // A replay can compare tasks and has no way to ask for one.
  await sql`grant select on task_log to truebook_log_replayer`.execute(db);
  await sql`
    grant select on task_log, task_delivery, task_dispatch to truebook_log_reader`.execute(db);
  await sql`
    grant select on event_log, event_types, command_log, task_log to ${sql.ref(WORKER)}`.execute(
    db,
  );
  await sql`grant insert on command_log to ${sql.ref(WORKER)}`.execute(db);
  await sql`
    grant select, insert, update on task_delivery, task_dispatch to ${sql.ref(WORKER)}`.execute(db);
}
