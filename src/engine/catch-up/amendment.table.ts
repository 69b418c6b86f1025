import { column } from '../../database/column';
import { defineAppendTable, type DatabaseOf } from '../define/state-table';

/** Which events were amended, as the events say that did it. */
export const eventAmendments = defineAppendTable({
  name: 'event_amendments',
  lastPosition: 'position',
  columns: {
    amended_position: column.bigint(),
    /** Of the event that says so. */
    position: column.bigint(),
    amended_by: column.text(),
    amended_at: column.timestamptz(),
    reason: column.text(),
  },
});

export type AmendmentTables = DatabaseOf<typeof eventAmendments>;

declare module '../define/state-table' {
  interface StateDatabase extends AmendmentTables {}
}
