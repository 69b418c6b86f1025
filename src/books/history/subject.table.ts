import { column } from '../../database/column';
import { defineAppendTable, type DatabaseOf } from '../../engine/define/state-table';

/**
 * Which events name what, by its id; ids of different kinds are never the same. Postings are not
 * among them, nor the accounts of holds: entries and transactions have their positions already.
 */
export const subjectPositions = defineAppendTable({
  name: 'subject_positions',
  lastPosition: 'position',
  columns: {
    subject_id: column.uuid(),
    position: column.bigint(),
  },
});

export type SubjectTables = DatabaseOf<typeof subjectPositions>;

declare module '../../engine/define/state-table' {
  interface StateDatabase extends SubjectTables {}
}
