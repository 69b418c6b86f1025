import type { BackupRow } from '../../engine/write/event-log';
import { differs } from '../replay/comparison';
import type { RunReport } from '../replay/report';
import type { AmendmentDifferencesDto, EventBackupDto } from './amendment.dto';

/** What a rebuild with the amended events found, compared with the live state. */
export function amendmentDifferences({ tables, tasks }: RunReport): AmendmentDifferencesDto {
  return { tables: tables.filter(differs), tasks };
}

export function eventBackupView(row: BackupRow): EventBackupDto {
  return {
    position: row.position,
    amendment: row.amendment,
    eventId: row.event_id,
    type: row.type,
    version: row.version,
    data: row.data,
    amendedAt: row.amended_at,
    amendedBy: row.amended_by,
    reason: row.reason,
    amendedAtPosition: row.amended_at_position,
  };
}
