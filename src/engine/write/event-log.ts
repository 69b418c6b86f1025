import type { Kysely } from 'kysely';
import type { LedgerEvent } from '../define/event';
import { defineAppendTable } from '../define/state-table';
import type { TaskRow } from './task-log';

/** A row of `event_log`. Times RFC 3339, hash lower-case hex in memory and a Buffer when read. */
export interface EventRow {
  position: number;
  event_id: string;
  command_id: string;
  occurred_at: string;
  recorded_at: string;
  version: number;
  type: string;
  actor: string;
  correlation_id: string | null;
  causation_id: string | null;
  hash: string;
  /** Canonical JSON when written. */
  data: object;
}

/** A row of `command_log`. */
export interface CommandRow {
  command_id: string;
  first_position: number | null;
  last_position: number;
  actor: string;
  creator: string;
  outcome: 'accepted' | 'refused';
  idempotency_key: string | null;
  /** Lower-case hex in memory and a Buffer when read. */
  fingerprint: string | null;
  response: object | null;
}

/** A row of `event_backup`: an event as it was before one of its amendments. */
export interface BackupRow {
  position: number;
  /** From 1; the first is what was hashed when the event was appended. */
  amendment: number;
  event_id: string;
  type: string;
  version: number;
  data: object;
  amended_at: string;
  amended_by: string;
  reason: string;
  /** Position of the `EventAmended` that says so. */
  amended_at_position: number;
}

type Stored<Row, Binary extends keyof Row> = Omit<Row, Binary> & Record<Binary, Buffer>;

/** The log database, as it is read. */
export interface LogDatabase {
  event_log: Stored<EventRow, 'hash'>;
  command_log: Stored<CommandRow, 'fingerprint'>;
  task_log: Omit<TaskRow, 'payload'> & { payload: object };
  event_types: { type: string; version: number };
  event_backup: BackupRow;
  event_log_partitions: { name: string; from_position: number; to_position: number };
  api_keys: { name: string; role: 'admin'; key_hash: Buffer; created_at: string };
}

/** An event with its data already in canonical form, on its way into the log. */
export interface AppendedEvent extends LedgerEvent {
  readonly canonicalData: string;
}

export const eventLogTable = defineAppendTable<Omit<EventRow, 'data'> & { data: string }>({
  name: 'event_log',
  lastPosition: 'position',
  columns: {
    position: 'bigint',
    event_id: 'uuid',
    command_id: 'uuid',
    occurred_at: 'timestamptz',
    recorded_at: 'timestamptz',
    version: 'int',
    type: 'text',
    actor: 'text',
    correlation_id: 'text',
    causation_id: 'text',
    hash: 'bytea',
    data: 'json',
  },
});

export const commandLogTable = defineAppendTable<CommandRow>({
  name: 'command_log',
  lastPosition: 'last_position',
  columns: {
    command_id: 'uuid',
    first_position: 'bigint',
    last_position: 'bigint',
    actor: 'text',
    creator: 'text',
    outcome: 'text',
    idempotency_key: 'text',
    fingerprint: 'bytea',
    response: 'json',
  },
});

export function eventRow(event: AppendedEvent): Omit<EventRow, 'data'> & { data: string } {
  return {
    position: event.position,
    event_id: event.eventId,
    command_id: event.commandId,
    occurred_at: event.occurredAt,
    recorded_at: event.recordedAt,
    version: event.version,
    type: event.type,
    actor: event.actor,
    correlation_id: event.correlationId,
    causation_id: event.causationId,
    hash: event.hash,
    data: event.canonicalData,
  };
}

/** A stored row as an event, in the version in which it was stored. */
export function eventOf(row: LogDatabase['event_log']): LedgerEvent {
  return {
    position: row.position,
    eventId: row.event_id,
    type: row.type,
    version: row.version,
    data: row.data,
    commandId: row.command_id,
    occurredAt: row.occurred_at,
    recordedAt: row.recorded_at,
    actor: row.actor,
    correlationId: row.correlation_id,
    causationId: row.causation_id,
    hash: row.hash.toString('hex'),
  };
}

/** The events from a position to another, in order and as they were when they were appended. */
export async function readOriginalEvents(
  db: Kysely<LogDatabase>,
  from: number,
  to: number,
): Promise<LedgerEvent[]> {
  const rows = await db
    .selectFrom('event_log as e')
    .leftJoin('event_backup as b', (join) =>
      join.onRef('b.position', '=', 'e.position').on('b.amendment', '=', 1),
    )
    .selectAll('e')
    .select(['b.version as original_version', 'b.data as original_data'])
    .where('e.position', '>=', from)
    .where('e.position', '<=', to)
    .orderBy('e.position')
    .execute();
  return rows.map((row) => ({
    ...eventOf(row),
    ...(row.original_version !== null && {
      version: row.original_version,
      data: row.original_data!,
    }),
  }));
}

/** The event types and versions that the log contains. */
export function storedEventTypes(
  db: Kysely<LogDatabase>,
): Promise<{ type: string; version: number }[]> {
  return db.selectFrom('event_types').selectAll().execute();
}
