import type { Kysely } from 'kysely';
import { readPage, type PageRows } from '../../engine/session/page-rows';
import type { BackupRow, LogDatabase } from '../../engine/write/event-log';

const LISTED = { by: ['amended_at_position'], order: 'desc', large: ['data'] } as const;

/** Backups of all events, the newest first. `before` is what the page before ended with. */
export function listBackups(
  db: Kysely<LogDatabase>,
  limit: number,
  before: number | undefined,
): Promise<PageRows<BackupRow>> {
  let query = db.selectFrom('event_backup').selectAll();
  if (before !== undefined) query = query.where('amended_at_position', '<', before);
  const found = query.orderBy('amended_at_position', 'desc').limit(limit + 1);
  return readPage(db, found, LISTED, limit);
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
