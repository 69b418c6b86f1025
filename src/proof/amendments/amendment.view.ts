import type { BackupRow } from '../../engine/write/event-log';
import type { TaskReport } from '../../engine/catch-up/task-comparison';
import { differs } from '../replay/comparison';
import type { RunReport, TableReport } from '../replay/report';

/** An event with its data as it is after an amendment. */
export interface AmendedEventView {
  readonly position: number;
  readonly eventId: string;
  readonly type: string;
  readonly version: number;
  readonly data: object;
  /** Which amendment of the event this is, from 1. */
  readonly amendment: number;
  readonly fromVersion: number;
  /** Digests of type, version and data as they were, and as they are. */
  readonly originalDigest: string;
  readonly dataDigest: string;
  /** Position of the `EventAmended` that says so; null in a dry run. */
  readonly amendedAtPosition: number | null;
}

/** What an amendment changes in the state, and in what events ask for. */
export interface AmendmentDifferences {
  /** The tables in which the state differs from the one of before; only those. */
  readonly tables: readonly TableReport[];
  readonly tasks: TaskReport;
}

/** What a rebuild with the amended events found, compared with the live state. */
export function amendmentDifferences({ tables, tasks }: RunReport): AmendmentDifferences {
  return { tables: tables.filter(differs), tasks };
}

/** What came of an amendment. */
export interface AmendmentView extends AmendedEventView {
  readonly reason: string;
  readonly amendedBy: string;
  /** RFC 3339 UTC; null in a dry run. */
  readonly amendedAt: string | null;
  /** The others that were amended in the same step. */
  readonly also: readonly AmendedEventView[];
  readonly differences: AmendmentDifferences;
}

/** An event as it was before one of its amendments. */
export interface EventBackupView {
  readonly position: number;
  readonly amendment: number;
  readonly eventId: string;
  readonly type: string;
  readonly version: number;
  readonly data: object;
  readonly amendedAt: string;
  readonly amendedBy: string;
  readonly reason: string;
  readonly amendedAtPosition: number;
}

export function eventBackupView(row: BackupRow): EventBackupView {
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
