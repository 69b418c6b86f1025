import { sql, type Kysely } from 'kysely';

const ROLES = ['truebook_state_writer', 'truebook_state_reader'];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const role of ROLES) await makeRole(db, role);
  await sql`
    grant usage on schema state to truebook_state_writer, truebook_state_reader`.execute(db);
  // Every table that a later migration makes is readable and writable without a word of its own.
  await sql`
    alter default privileges in schema state
    grant select, insert, update, delete on tables to truebook_state_writer`.execute(db);
  await sql`
    alter default privileges in schema state
    grant select on tables to truebook_state_reader`.execute(db);
  await sql`
    create table state.event_log_state (
      singleton boolean primary key default true check (singleton),
      position bigint not null,
      hash bytea not null check (octet_length(hash) = 32),
      materializers_version text,
      rebuilds bigint not null default 0
    )`.execute(db);
  await sql`
    insert into state.event_log_state (position, hash)
    values (0, decode(repeat('00', 32), 'hex'))`.execute(db);
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
