import { sql, type Kysely } from 'kysely';

const AMENDER = 'truebook_log_amender';

export async function up(db: Kysely<unknown>): Promise<void> {
  await makeRole(db);
  await createEventBackup(db);
  await allowAmendments(db);
  await grantRights(db);
}

/** Roles belong to the cluster, so another installation may have made it already. */
async function makeRole(db: Kysely<unknown>): Promise<void> {
  await sql`do ${sql.lit(`
    begin
      if not exists (select from pg_roles where rolname = '${AMENDER}') then
        create role ${AMENDER} nologin;
      end if;
      if not pg_has_role(current_user, '${AMENDER}', 'set') then
        execute format('grant ${AMENDER} to %I with set true, inherit false', current_user);
      end if;
    end`)}`.execute(db);
}

/**
 * Every event that was ever amended, as it was before; `amendment` counts those of one event, and
 * the first is what was hashed when it was appended. `amended_at_position` is the event that says
 * so in the log.
 */
async function createEventBackup(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table event_backup (
      position bigint not null,
      amendment int not null check (amendment > 0),
      event_id uuid not null,
      type text not null,
      version int not null,
      data json not null,
      amended_at timestamptz not null,
      amended_by text not null,
      reason text not null check (reason <> ''),
      amended_at_position bigint not null unique,
      primary key (position, amendment)
    )`.execute(db);
  await sql`
    create function refuse_event_backup_change() returns trigger language plpgsql as $$
    begin
      raise exception 'backups of events are append-only: % refused', tg_op
        using errcode = 'insufficient_privilege';
    end $$`.execute(db);
  await sql`
    create trigger event_backup_append_only before update or delete or truncate on event_backup
    for each statement execute function refuse_event_backup_change()`.execute(db);
  await sql`
    alter table event_backup enable always trigger event_backup_append_only`.execute(db);
}

/**
 * Data and version of an event may change in the one transaction that has laid the event, as it
 * was, into the backup. Nothing else of it ever changes; its hash stays that of the original.
 */
async function allowAmendments(db: Kysely<unknown>): Promise<void> {
  await sql`
    create or replace function refuse_event_log_change() returns trigger language plpgsql as $$
    begin
      if tg_op = 'UPDATE' and tg_level = 'ROW' then
        if (new.position, new.event_id, new.command_id, new.occurred_at, new.recorded_at, new.type,
            new.actor, new.correlation_id, new.causation_id, new.hash)
          is not distinct from
           (old.position, old.event_id, old.command_id, old.occurred_at, old.recorded_at, old.type,
            old.actor, old.correlation_id, old.causation_id, old.hash)
          and exists (
            select from public.event_backup b
            where b.position = old.position and b.event_id = old.event_id
              and b.version = old.version and b.data::text = old.data::text
              and b.xmin = pg_current_xact_id()::xid)
        then
          return new;
        end if;
      end if;
      raise exception 'the event log is append-only: % refused', tg_op
        using errcode = 'insufficient_privilege';
    end $$`.execute(db);
}

async function grantRights(db: Kysely<unknown>): Promise<void> {
  const amender = sql.id(AMENDER);
  await sql`
    grant select on event_backup
    to truebook_log_reader, truebook_log_writer, truebook_log_replayer`.execute(db);
  // What the newest commands name tells whether the end of the log is gone.
  await sql`grant select on command_log to truebook_log_replayer`.execute(db);
  await sql`grant select, insert on event_backup to ${amender}`.execute(db);
  await sql`grant select, insert, maintain on event_log to ${amender}`.execute(db);
  await sql`grant update (version, data) on event_log to ${amender}`.execute(db);
  await sql`grant select, insert on command_log, event_types to ${amender}`.execute(db);
  // Whoever receives events hears of the amendment too, and that is a task.
  await sql`grant select, insert on task_log to ${amender}`.execute(db);
}
