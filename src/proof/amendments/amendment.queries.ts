import type { Kysely } from 'kysely';
import { readPage, type PageRows, beyond, type Order } from '../../engine/session/page-rows';
import type { BackupRow, LogDatabase } from '../../engine/write/event-log';

/** Backups of all events, by when they were amended, behind what the page before ended with. */
export function listBackups(
  db: Kysely<LogDatabase>,
  limit: number,
  place: number,
  order: Order,
): Promise<PageRows<BackupRow>> {
  const found = db
    .selectFrom('event_backup')
    .selectAll()
    .where('amended_at_position', beyond(order), place)
    .orderBy('amended_at_position', order)
    .limit(limit + 1);
  const shape = { by: ['amended_at_position'], order, large: ['data'] } as const;
  return readPage(db, found, shape, limit);
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
