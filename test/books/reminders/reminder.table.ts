import { column } from '../../../src/database/column';
import {
  defineKeyedTable,
  type DatabaseOf,
  type RowOf,
} from '../../../src/engine/define/state-table';

export const reminders = defineKeyedTable({
  name: 'reminders',
  lastPosition: 'last_position',
  key: 'reminder_id',
  unique: [],
  mutable: ['status', 'last_position'],
  cacheRows: 10,
  columns: {
    reminder_id: column.uuid(),
    text: column.text(),
    due_at: column.timestamptz(),
    status: column.text<'set' | 'rung'>(),
    last_position: column.bigint(),
  },
});

export type ReminderRow = RowOf<typeof reminders>;
export type ReminderTables = DatabaseOf<typeof reminders>;

declare module '../../../src/engine/define/state-table' {
  interface StateDatabase extends ReminderTables {}
}

/** What a migration of the state database would say. */
export const REMINDER_TABLES = [
  `create table state.reminders (reminder_id uuid primary key, text text not null,
    due_at timestamptz not null, status text not null, last_position bigint not null)`,
];
