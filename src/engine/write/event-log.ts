import type { Generated, Kysely, Selectable } from 'kysely';
import { anyOf, given, rowsOf } from '../../database/arrays';
import { column, type ReadRow } from '../../database/column';
import { sendable } from '../../database/prepared';
import type { Head, LedgerEvent } from '../define/event';
import { defineAppendTable, type DatabaseOf, type RowOf } from '../define/state-table';
import type { taskLogTable } from './task-log';

export const eventLogTable = defineAppendTable({
  name: 'event_log',
  lastPosition: 'position',
  columns: {
    position: column.bigint(),
    event_id: column.uuid(),
    command_id: column.uuid(),
    occurred_at: column.timestamptz(),
    recorded_at: column.timestamptz(),
    version: column.int(),
    type: column.text(),
    actor: column.text(),
    correlation_id: column.text().nullable(),
    causation_id: column.text().nullable(),
    hash: column.bytea(),
    /** Canonical when it is written. */
    data: column.jsonText(),
  },
});

export const commandLogTable = defineAppendTable({
  name: 'command_log',
  lastPosition: 'last_position',
  columns: {
    command_id: column.uuid(),
    first_position: column.bigint().nullable(),
    last_position: column.bigint(),
    actor: column.text(),
    creator: column.text(),
    outcome: column.text<'accepted' | 'refused'>(),
    idempotency_key: column.text().nullable(),
    fingerprint: column.bytea().nullable(),
    response: column.json<object>().nullable(),
  },
});
export type CommandRow = RowOf<typeof commandLogTable>;

/** Events as they were before each of their amendments. */
export const eventBackupTable = {
  name: 'event_backup',
  columns: {
    position: column.bigint(),
    /** From 1; the first is what was hashed when the event was appended. */
    amendment: column.int(),
    event_id: column.uuid(),
    type: column.text(),
    version: column.int(),
    data: column.json<object>(),
    amended_at: column.timestamptz(),
    amended_by: column.text(),
    reason: column.text(),
    /** Position of the `EventAmended` that says so. */
    amended_at_position: column.bigint(),
  },
} as const;
export type BackupRow = ReadRow<(typeof eventBackupTable)['columns']>;

/** The log database, as queries see it. */
export interface LogDatabase extends DatabaseOf<
  typeof eventLogTable | typeof commandLogTable | typeof taskLogTable | typeof eventBackupTable
> {
  event_types: { type: string; version: number };
  event_log_partitions: { name: string; from_position: number; to_position: number };
  api_keys: {
    name: string;
    role: 'admin';
    key_hash: Buffer;
    created_at: string;
    withdrawn_at: string | null;
  };
  /** Times later than every clock, at which an administrator let the log go on. */
  accepted_times: {
    recorded_at: string;
    position: number;
    reason: string;
    accepted_at: Generated<string>;
  };
}

/** An event with its data already in canonical form, on its way into the log. */
export interface AppendedEvent extends LedgerEvent {
  readonly canonicalData: string;
}

/** An event as it is appended. */
export function eventRow(event: AppendedEvent): RowOf<typeof eventLogTable> {
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

/** A row of the event log as it is read. */
export type StoredEvent = Selectable<LogDatabase['event_log']>;

/** A stored row as an event, in the version in which it was stored. */
export function eventOf(row: StoredEvent): LedgerEvent {
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

const ALL_EVENTS = { maxBytes: Number.MAX_SAFE_INTEGER, needed: [] };

/**
 * The events at some positions, in order and as they were when they were appended: of so many
 * bytes together as they are stored, and those at `needed` in any case.
 */
export async function readOriginalEvents(
  db: Kysely<LogDatabase>,
  positions: readonly number[],
  { maxBytes, needed }: { maxBytes: number; needed: readonly number[] } = ALL_EVENTS,
): Promise<LedgerEvent[]> {
  const sized = db
    .selectFrom('event_log')
    .selectAll()
    .select((eb) =>
      // Of a large one this looks at what is in its row, which has the length of the rest.
      eb.fn
        .sum<number>(eb.fn('pg_column_size', ['data']))
        .over((over) => over.orderBy('position'))
        .as('bytes'),
    )
    .where('position', '=', anyOf('bigint', positions));
  const rows = await db
    .selectFrom(sized.as('e'))
    .leftJoin('event_backup as b', (join) =>
      join.onRef('b.position', '=', 'e.position').on('b.amendment', '=', 1),
    )
    .selectAll('e')
    .select(['b.version as original_version', 'b.data as original_data'])
    .where((eb) =>
      eb.or([eb('e.bytes', '<=', maxBytes), eb('e.position', '=', anyOf('bigint', needed))]),
    )
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

/**
 * The last position of the log, whichever process wrote it. Read from the head that this process
 * knows on, so that only the last partition is looked at.
 */
export async function lastPosition(db: Kysely<LogDatabase>, known: Head): Promise<number> {
  const row = await db
    .selectFrom('event_log')
    .select('position')
    .where('position', '>=', Math.max(1, known.position))
    .orderBy('position', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.position ?? 0;
}

/** Adds event types and versions to those that the log contains; one that is there stays. */
export const addEventTypes = sendable<
  LogDatabase,
  { types: readonly string[]; versions: readonly number[] },
  object
>(undefined, (log, { types, versions }) =>
  log
    .insertInto('event_types')
    .columns(['type', 'version'])
    .expression((eb) =>
      eb
        .selectFrom(rowsOf('v', { type: given('text', types), version: given('int', versions) }))
        .select(['v.type', 'v.version']),
    )
    .onConflict((conflict) => conflict.doNothing()),
);
