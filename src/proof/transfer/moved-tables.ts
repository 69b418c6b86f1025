import type { Columns } from '../../database/column';
import { ROLES, type Role } from '../../database/connections';
import type { Table } from '../../engine/define/state-table';
import { commandLogTable, eventBackupTable, eventLogTable } from '../../engine/write/event-log';
import { taskLogTable } from '../../engine/write/task-log';
import { taskDeliveryTable } from '../../outside/tasks/task-database';

/** A row as PostgreSQL writes it: one text a column, null for NULL. */
export type Fields = readonly (string | null)[];

/** How the rows of a table move, in the names of its columns. */
interface Moving<Column extends string> {
  /** Those of the columns, the last ones, that came with a later version of the file than 1. */
  readonly since?: Partial<Readonly<Record<Column, number>>>;
  /** The column that says with which event a row moves. */
  readonly position: Column;
  /** SQL: the order of the rows of one position. */
  readonly order: readonly (Column | `${Column} is null`)[];
  /** The columns that rows which are there already are found by. */
  readonly key: readonly Column[];
  /** The role that may write the table. */
  readonly role: Role;
  /** Whether a row may be committed after the events of its position; else it goes with them. */
  readonly mayFollow?: (row: Fields) => boolean;
  /** What becomes of a row on its way in. */
  readonly onImport?: (row: Fields) => Fields;
  /**
   * SQL over the row that is there (`there`): whether the file's row takes its place. Without it
   * the row that is there stays.
   */
  readonly replacedWhere?: `there.${Column} <> '${string}'`;
}

/** A table of the log database that moves to another installation: columns as in the file. */
export interface MovedTable<Declared extends Columns = Columns>
  extends Table<string, Declared>, Moving<keyof Declared & string> {}

function moved<Declared extends Columns>(
  { name, columns }: Table<string, Declared>,
  moving: Moving<keyof Declared & string>,
): MovedTable<Declared> {
  return { name, columns, ...moving };
}

/** The events themselves; everything else moves with them. */
export const EVENTS = moved(eventLogTable, {
  position: 'position',
  order: [],
  key: ['position'],
  role: ROLES.logWriter,
});

/**
 * What was hashed of the events that were amended since: a page brings it together with them, so
 * that the chain can be followed.
 */
export const BACKUPS = moved(eventBackupTable, {
  position: 'position',
  order: ['amendment'],
  key: ['position', 'amendment'],
  role: ROLES.logAmender,
});

const firstPositionOf = fieldOf(commandLogTable, 'first_position');

/**
 * Commands without events follow their position in any number: a page need not hold them all. One
 * with events must never be missing beside them, or its key would be free to be used again.
 */
const COMMANDS = moved(commandLogTable, {
  position: 'last_position',
  order: ['first_position is null', 'command_id'],
  key: ['command_id'],
  role: ROLES.logWriter,
  mayFollow: (row) => firstPositionOf(row) === null,
});

const TASKS = moved(taskLogTable, {
  since: { not_before: 2 },
  position: 'position',
  order: ['ordinal'],
  key: ['task_id'],
  role: ROLES.logWriter,
});

const STATUS = placeOf(taskDeliveryTable, 'status');

/**
 * What was under way may or may not have happened: it waits in the queue's table without a job, and
 * the first sweep of the new installation hands it over again, under the same id.
 */
const DELIVERIES = moved(taskDeliveryTable, {
  since: { not_before: 2, behind_position: 2, behind_ordinal: 2 },
  position: 'position',
  order: ['ordinal'],
  key: ['task_id'],
  role: ROLES.taskWorker,
  onImport: (row) => (row[STATUS] === 'running' ? row.with(STATUS, 'queued') : row),
  // A later file knows more of a task than an earlier one, but what was done here stays done.
  replacedWhere: "there.status <> 'done'",
});

/** What moves together with the events, in the order in which it is written. */
export const FOLLOWING: readonly MovedTable[] = [BACKUPS, COMMANDS, TASKS, DELIVERIES];

/** Every table of the file. */
export const MOVED_TABLES: readonly MovedTable[] = [EVENTS, ...FOLLOWING];

/** Reads a column of a table's rows. */
export function fieldOf<Declared extends Columns>(
  table: Pick<Table<string, Declared>, 'columns'>,
  column: keyof Declared & string,
): (row: Fields) => string | null {
  const at = placeOf(table, column);
  return (row) => row[at]!;
}

/** Where a column stands in a table's rows. */
function placeOf<Declared extends Columns>(
  { columns }: Pick<Table<string, Declared>, 'columns'>,
  column: keyof Declared & string,
): number {
  return Object.keys(columns).indexOf(column);
}
