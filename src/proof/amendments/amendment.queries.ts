import type { Kysely } from 'kysely';
import type { BackupRow, LogDatabase } from '../../engine/write/event-log';

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
