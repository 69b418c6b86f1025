import type { PendingCommand } from './command-keys';
import type { Head, LedgerEvent } from '../define/event';
import type { BufferedSession } from '../session/buffered-session';
import { EncodedRows, encodeRows, type Statement } from '../session/flush';
import { commandLogTable, eventLogTable, eventRow, type AppendedEvent } from './event-log';
import { taskLogTable, type RecordedTasks } from './task-log';

/** All that an execution has to write. Nothing can be run in it any more. */
export interface Sealed {
  readonly log: Statement[];
  readonly state: Statement[];
  /** The head that it brings both databases to. */
  readonly head: Head;
  readonly events: readonly LedgerEvent[];
}

/** Of a batch of more the rows are encoded in slices. */
export const LARGE_BATCH_BYTES = 1024 * 1024;
/** Rows of a table, large ones too, that are encoded in one go. */
const ROWS_PER_SLICE = 256;

/** What is encoded of a large batch before it is sealed. */
export interface EncodedAhead {
  readonly log: EncodedRows;
  readonly state: EncodedRows;
}

/** Encodes events, and what a session has appended to tables, and lets others in between. */
export async function encodeInSlices(
  events: readonly AppendedEvent[],
  session: BufferedSession,
): Promise<EncodedAhead> {
  const [log, state] = [new EncodedRows(), new EncodedRows()];
  for (let from = 0; from < events.length; from += ROWS_PER_SLICE) {
    const rows = events.slice(from, from + ROWS_PER_SLICE).map(eventRow);
    log.add({ table: eventLogTable, rows });
    await new Promise(setImmediate);
  }
  for (const { table, rows } of session.takeAppended()) {
    for (let from = 0; from < rows.length; from += ROWS_PER_SLICE) {
      state.add({ table, rows: rows.slice(from, from + ROWS_PER_SLICE) });
      await new Promise(setImmediate);
    }
  }
  return { log, state };
}

/** What a batch writes into the log, besides what was encoded ahead. */
export function encodeLog(
  events: readonly AppendedEvent[],
  commands: readonly PendingCommand[],
  tasks: RecordedTasks['rows'],
): Statement[] {
  const statements: Statement[] = [];
  if (commands.length > 0) {
    statements.push(
      encodeRows(
        commandLogTable,
        commands.map((c) => c.row),
      ),
    );
  }
  if (events.length > 0) statements.push(encodeRows(eventLogTable, events.map(eventRow)));
  if (tasks.length > 0) statements.push(encodeRows(taskLogTable, tasks));
  return statements;
}
