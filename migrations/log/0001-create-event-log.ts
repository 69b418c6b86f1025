import { sql, type Kysely } from 'kysely';

const ROLES = ['truebook_log_writer', 'truebook_log_reader', 'truebook_log_replayer'];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const role of ROLES) await makeRole(db, role);
  await createEventLog(db);
  await createEventTypes(db);
  await refuseChanges(db);
  await createPartitioning(db);
  await createCommandLog(db);
  await grantRights(db);
}

/** Roles belong to the cluster, so another installation may have made them already. */
async function makeRole(db: Kysely<unknown>, role: string): Promise<void> {
  await sql`do ${sql.lit(`
    begin
      if not exists (select from pg_roles where rolname = '${role}') then
        create role ${role} nologin;
      end if;
      if not pg_has_role(current_user, '${role}', 'set') then
        execute format('grant ${role} to %I with set true, inherit false', current_user);
      end if;
    end`)}`.execute(db);
}

/**
 * The hash is SHA-256 over the previous hash and the event's canonical JSON. The data is json and
 * not jsonb: it keeps the very text that was hashed, and appending costs 40 % less. No unique key
 * but the position: a unique key of a partitioned table cannot span its partitions.
 */
async function createEventLog(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table event_log (
      position bigint not null check (position > 0),
      event_id uuid not null,
      command_id uuid not null,
      occurred_at timestamptz not null,
      recorded_at timestamptz not null,
      version int not null check (version > 0),
      type text not null,
      actor text not null,
      correlation_id text,
      causation_id text,
      hash bytea not null check (octet_length(hash) = 32),
      data json not null,
      primary key (position)
    ) partition by range (position)`.execute(db);
}

/**
 * Which types and versions the log contains: the start-up check reads this and not the whole log.
 */
async function createEventTypes(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table event_types (
      type text not null,
      version int not null,
      primary key (type, version)
    )`.execute(db);
}

/** Events are facts: not even the owner changes one by accident, replication role or not. */
async function refuseChanges(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function refuse_event_log_change() returns trigger language plpgsql as $$
    begin
      raise exception 'the event log is append-only: % refused', tg_op
        using errcode = 'insufficient_privilege';
    end $$`.execute(db);
  await sql`
    create trigger event_log_append_only before update or delete on event_log
    for each row execute function refuse_event_log_change()`.execute(db);
  await sql`
    create trigger event_log_never_truncated before truncate on event_log
    for each statement execute function refuse_event_log_change()`.execute(db);
  await sql`alter table event_log enable always trigger event_log_append_only`.execute(db);
  await sql`alter table event_log enable always trigger event_log_never_truncated`.execute(db);
}

/**
 * The service may add partitions although it has no rights on them: the function runs as the
 * owner. A partition is attached, which takes a weaker lock than creating it in place.
 */
async function createPartitioning(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table event_log_partitions (
      name text primary key,
      from_position bigint not null unique,
      to_position bigint not null unique check (to_position > from_position)
    )`.execute(db);
  await sql`
    create function add_event_log_partition(size bigint) returns bigint
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
    declare
      first bigint;
      name text;
    begin
      perform pg_advisory_xact_lock(hashtext('truebook event_log partitions'));
      select coalesce(max(to_position), 1) into first from public.event_log_partitions;
      name := 'event_log_p' || lpad(first::text, 13, '0');
      execute format('create table public.%I (like public.event_log including all, '
        'check (position >= %s and position < %s))', name, first, first + size);
      execute format('alter table public.event_log attach partition public.%I '
        'for values from (%s) to (%s)', name, first, first + size);
      execute format('create trigger event_log_never_truncated before truncate on public.%I '
        'for each statement execute function public.refuse_event_log_change()', name);
      execute format('alter table public.%I enable always trigger event_log_never_truncated', name);
      execute format('alter table public.%I enable always trigger event_log_append_only', name);
      insert into public.event_log_partitions values (name, first, first + size);
      return first + size;
    end $$`.execute(db);
  await sql`select add_event_log_partition(10000000)`.execute(db);
}

/**
 * Keys never expire. The time of a command is in its id, a UUID of version 7. `response` is json,
 * not jsonb, so that an answer is repeated as it was.
 */
async function createCommandLog(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table command_log (
      command_id uuid primary key,
      first_position bigint,
      last_position bigint not null,
      actor text not null,
      creator text not null,
      outcome text not null check (outcome in ('accepted', 'refused')),
      idempotency_key text,
      fingerprint bytea,
      response json,
      check ((idempotency_key is null) = (fingerprint is null))
    )`.execute(db);
  await sql`
    create unique index command_log_idempotency_key on command_log (actor, idempotency_key)
    where idempotency_key is not null`.execute(db);
}

async function grantRights(db: Kysely<unknown>): Promise<void> {
  // MAINTAIN is what allows LOCK TABLE … IN EXCLUSIVE MODE without UPDATE or DELETE.
  await sql`grant select, insert, maintain on event_log to truebook_log_writer`.execute(db);
  await sql`grant select, maintain on event_log to truebook_log_replayer`.execute(db);
  await sql`
    grant select, insert on command_log, event_types to truebook_log_writer`.execute(db);
  await sql`
    grant select on event_log, command_log, event_types to truebook_log_reader`.execute(db);
  await sql`grant select on event_log_partitions to truebook_log_writer`.execute(db);
  await sql`revoke execute on function add_event_log_partition(bigint) from public`.execute(db);
  await sql`
    grant execute on function add_event_log_partition(bigint) to truebook_log_writer`.execute(db);
}
