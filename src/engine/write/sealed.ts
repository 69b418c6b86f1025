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
const ROWS_PER_SLICE = 4096;

/** Encodes the rows that a session has appended to tables, and lets others in between. */
export async function encodeAppended(session: BufferedSession): Promise<EncodedRows> {
  const encoded = new EncodedRows();
  for (const { table, rows } of session.takeAppended()) {
    for (let from = 0; from < rows.length; from += ROWS_PER_SLICE) {
      encoded.add({ table, rows: rows.slice(from, from + ROWS_PER_SLICE) });
      await new Promise(setImmediate);
    }
  }
  return encoded;
}

/** What a batch writes into the log. */
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
