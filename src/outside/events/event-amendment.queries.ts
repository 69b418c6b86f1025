import type { Kysely } from 'kysely';
import { anyOf } from '../../database/arrays';
import type { BackupRow, LogDatabase } from '../../engine/write/event-log';
import type { EventAmendmentDto } from './event.dto';

type Amendment = Pick<
  BackupRow,
  'amendment' | 'amended_at' | 'amended_by' | 'reason' | 'amended_at_position'
>;

/** The last amendments of events, by position, for those that were amended. */
export async function lastAmendments(
  db: Kysely<LogDatabase>,
  positions: readonly number[],
): Promise<Map<number, EventAmendmentDto>> {
  if (positions.length === 0) return new Map();
  const rows = await db
    .selectFrom('event_backup')
    .distinctOn('position')
    .select(['position', 'amendment', 'amended_at', 'amended_by', 'reason', 'amended_at_position'])
    .where('position', '=', anyOf('bigint', positions))
    .orderBy('position')
    .orderBy('amendment', 'desc')
    .execute();
  return new Map(rows.map((row) => [row.position, eventAmendmentView(row)]));
}

/** @param row the backup that the amendment made */
function eventAmendmentView(row: Amendment): EventAmendmentDto {
  return {
    amendment: row.amendment,
    at: row.amended_at,
    by: row.amended_by,
    reason: row.reason,
    position: row.amended_at_position,
  };
}
