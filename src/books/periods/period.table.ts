import { column } from '../../database/column';
import { defineKeyedTable, type DatabaseOf, type RowOf } from '../../engine/define/state-table';
import type { SealedCurrency } from './period.events';

/** Every close of a period, also where it was opened again since. */
export const periodCloses = defineKeyedTable({
  name: 'period_closes',
  lastPosition: ['reopened_position', 'close_no'],
  key: 'close_id',
  unique: [],
  mutable: ['reopened_position', 'reopened_at', 'reopening_reason', 'reversal_ids'],
  cacheRows: 100,
  columns: {
    /** Position of its event. */
    close_no: column.bigint(),
    close_id: column.uuid(),
    recorded_at: column.timestamptz(),
    through_date: column.date(),
    /** Of the event before its own. */
    sealed_position: column.bigint(),
    sealed_hash: column.text(),
    digest: column.text(),
    totals: column.jsonb<readonly SealedCurrency[]>(),
    transaction_ids: column.jsonb<readonly string[]>(),
    /** The close before it that was in force, and its last day. */
    previous_id: column.uuid().nullable(),
    previous_date: column.date().nullable(),
    /** Position of the event that opened the period again. */
    reopened_position: column.bigint().nullable(),
    reopened_at: column.timestamptz().nullable(),
    reopening_reason: column.text().nullable(),
    /** What took its closing transactions back. */
    reversal_ids: column.jsonb<readonly string[]>().nullable(),
  },
});

export type PeriodCloseRow = RowOf<typeof periodCloses>;
export type PeriodTables = DatabaseOf<typeof periodCloses>;

declare module '../../engine/define/state-table' {
  interface StateDatabase extends PeriodTables {}
}
