import { sql, type Kysely } from 'kysely';

/**
 * `subscription_no` is the position of the event that subscribed. `webhook_routes` says for each
 * event type who wants it, so that an event that nobody wants costs a look into memory.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table state.webhook_subscriptions (
      subscription_no bigint primary key,
      subscription_id uuid not null unique,
      created_at timestamptz not null,
      client_id text,
      url text not null,
      event_types jsonb not null,
      status text not null check (status in ('active', 'disabled')),
      secret_version bigint not null check (secret_version > 0),
      sealed_secret text,
      previous_sealed_secret text,
      rotated_at timestamptz,
      last_position bigint not null
    )`.execute(db);
  // Most rows have none, and an index of NULLs costs as much as any other.
  await sql`
    create unique index webhook_subscriptions_client_id on state.webhook_subscriptions (client_id)
    where client_id is not null`.execute(db);
  await sql`
    create table state.webhook_routes (
      event_type text primary key,
      subscription_ids jsonb not null
    )`.execute(db);
}
