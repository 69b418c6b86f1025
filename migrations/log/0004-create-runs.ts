import { sql, type Kysely } from 'kysely';

const RECORDER = 'truebook_run_recorder';

export async function up(db: Kysely<unknown>): Promise<void> {
  await makeRole(db);
  await createRuns(db);
  await grantRights(db);
}

/** Roles belong to the cluster, so another installation may have made it already. */
async function makeRole(db: Kysely<unknown>): Promise<void> {
  await sql`do ${sql.lit(`
    begin
      if not exists (select from pg_roles where rolname = '${RECORDER}') then
        create role ${RECORDER} nologin;
      end if;
      if not pg_has_role(current_user, '${RECORDER}', 'set') then
        execute format('grant ${RECORDER} to %I with set true, inherit false', current_user);
      end if;
    end`)}`.execute(db);
}

/**
 * Verifications and replays with what came of them. In the log database, because they outlive every
 * state that they were about. `answer` is what the request for a replay was answered, once it was.
 * json, not jsonb, so that a report is read as it was written.
 */
async function createRuns(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table runs (
      run_no bigint generated always as identity unique,
      run_id uuid primary key,
      kind text not null check (kind in ('verification', 'replay')),
      status text not null check (
        status in ('queued', 'running', 'failed', 'aborted')
        or kind = 'verification' and status = 'passed'
        or kind = 'replay' and status in ('swapped', 'differs')),
      trigger text not null check (trigger in ('api', 'schedule', 'script')),
      requested_by text not null,
      requested_at timestamptz not null default clock_timestamp(),
      scheduled_for timestamptz,
      to_position bigint,
      accept_reason text,
      started_at timestamptz,
      finished_at timestamptz,
      heartbeat_at timestamptz,
      processed bigint not null default 0,
      head bigint,
      events_per_second bigint not null default 0,
      abort_requested boolean not null default false,
      ran_on json,
      report json,
      error text,
      answer json,
      unique (kind, scheduled_for)
    )`.execute(db);
  await sql`
    create index runs_open on runs (run_no) where status in ('queued', 'running')`.execute(db);
  await sql`create index runs_kind on runs (kind, run_no)`.execute(db);
}

async function grantRights(db: Kysely<unknown>): Promise<void> {
  await sql`grant select, insert, update on runs to ${sql.ref(RECORDER)}`.execute(db);
  // What administrators ask for is remembered under their keys like every command.
  await sql`grant select, insert on command_log to ${sql.ref(RECORDER)}`.execute(db);
  await sql`grant select on runs to truebook_log_reader`.execute(db);
}
