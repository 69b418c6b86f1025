import { sql, type Kysely } from 'kysely';
import type { BackupRow, LogDatabase } from '../engine/event-log';
import { eventAmendmentView, type EventAmendmentView } from './amendment.view';

/** Backups of all events, the newest first. `before` is what the page before ended with. */
export function listBackups(
  db: Kysely<LogDatabase>,
  limit: number,
  before: number | undefined,
): Promise<BackupRow[]> {
  let query = db.selectFrom('event_backup').selectAll();
  if (before !== undefined) query = query.where('amended_at_position', '<', before);
  return query.orderBy('amended_at_position', 'desc').limit(limit).execute();
}

export function findBackup(
  db: Kysely<LogDatabase>,
  position: number,
  amendment: number,
): Promise<BackupRow | undefined> {
  return db
    .selectFrom('event_backup')
    .selectAll()
    .where('position', '=', position)
    .where('amendment', '=', amendment)
    .executeTakeFirst();
}

/** The last amendments of events, by position, for those that were amended. */
export async function lastAmendments(
  db: Kysely<LogDatabase>,
  positions: readonly number[],
): Promise<Map<number, EventAmendmentView>> {
  if (positions.length === 0) return new Map();
  const { rows } = await sql<Omit<BackupRow, 'data'>>`
    select distinct on (position) position, amendment, event_id, type, version, amended_at,
      amended_by, reason, amended_at_position
    from event_backup where position = any(${positions}::bigint[])
    order by position, amendment desc`.execute(db);
  return new Map(rows.map((row) => [row.position, eventAmendmentView(row)]));
}
