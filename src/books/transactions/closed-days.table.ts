import { column } from '../../database/column';
import {
  defineAppendTable,
  defineKeyedTable,
  type DatabaseOf,
  type RowOf,
} from '../../engine/define/state-table';

/** The days that nothing is posted on any more: one row, and none before the first close. */
export const closedDays = defineKeyedTable({
  name: 'closed_days',
  lastPosition: 'position',
  key: 'id',
  unique: [],
  mutable: ['position', 'close_id', 'through_date', 'ever_closed_date'],
  // Every posting asks for it, and before the first close there is none.
  cacheRows: 1,
  keepsAbsent: true,
  columns: {
    /** Always 1. */
    id: column.int(),
    /** Position of the last event that closed days or opened them. */
    position: column.bigint(),
    /** The last period that is closed; null where none is. */
    close_id: column.uuid().nullable(),
    /** Its last day. */
    through_date: column.date().nullable(),
    /** The last day of all that were ever closed. */
    ever_closed_date: column.date(),
  },
});

/** What was posted with a date that had been closed before, in periods that were opened again. */
export const lateTransactions = defineAppendTable({
  name: 'late_transactions',
  lastPosition: 'position',
  columns: {
    position: column.bigint(),
    effective_date: column.date(),
  },
});

export type ClosedDaysRow = RowOf<typeof closedDays>;
export type ClosedDaysTables = DatabaseOf<typeof closedDays | typeof lateTransactions>;

declare module '../../engine/define/state-table' {
  interface StateDatabase extends ClosedDaysTables {}
}
