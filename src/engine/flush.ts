import type { WriterConnection } from '../database/writer-connection';
import type { Change } from './session-table';
import type { StateChanges } from './state-session';
import { copyTarget, rowEncoder, type Columns, type KeyedTable } from './state-table';

interface Target {
  readonly text: string;
  readonly encode: (rows: Iterable<object>) => string;
}
const targets = new WeakMap<object, Target>();

/** Appends rows to a table in one COPY; sent without waiting. */
export function sendRows<Row extends object>(
  connection: WriterConnection,
  table: { name: string; columns: Columns<Row> },
  rows: Iterable<Row>,
): Promise<void> {
  let target = targets.get(table);
  if (!target) {
    target = { text: copyTarget(table), encode: rowEncoder(table.columns) as Target['encode'] };
    targets.set(table, target);
  }
  return connection.copyIn(target.text, target.encode(rows));
}

/**
 * Sends buffered changes, a few set-based statements a table, without waiting for the answers.
 * @returns the answers to come; all must be awaited before the transaction may commit
 */
export function sendChanges(
  connection: WriterConnection,
  { inserts, changes }: StateChanges,
): Promise<unknown>[] {
  const sent: Promise<unknown>[] = [];
  for (const { table, changes: rows } of changes) {
    const of = (...kinds: Change<object>['kind'][]) =>
      [...rows.values()].filter((c) => kinds.includes(c.kind)).map((c) => c.row);
    const removed = of('remove', 'replace');
    const inserted = of('insert', 'replace');
    const updated = table.mutable.length > 0 ? of('update') : [];
    if (removed.length > 0) sent.push(sendRemoves(connection, table, removed));
    if (inserted.length > 0) sent.push(sendRows(connection, table, inserted as never));
    if (updated.length > 0) sent.push(sendUpdates(connection, table, updated));
  }
  for (const { table, rows } of inserts) sent.push(sendRows(connection, table, rows as never));
  return sent;
}

function sendUpdates(
  connection: WriterConnection,
  table: KeyedTable<never>,
  rows: readonly object[],
): Promise<unknown> {
  const key = table.key as string;
  const columns = table.mutable as readonly string[];
  const types = table.columns as Record<string, string>;
  const parameters = [key, ...columns].map((c, i) => `$${i + 1}::${types[c]}[]`).join(', ');
  const set = columns.map((c) => `${c} = v.${c}`).join(', ');
  return connection.send({
    name: `update ${table.name}`,
    text:
      `update ${table.name} t set ${set} ` +
      `from unnest(${parameters}) v(${[key, ...columns].join(', ')}) where t.${key} = v.${key}`,
    values: [key, ...columns].map((c) => rows.map((row) => parameter(row[c as never]))),
  });
}

function sendRemoves(
  connection: WriterConnection,
  table: KeyedTable<never>,
  rows: readonly object[],
): Promise<unknown> {
  const key = table.key as string;
  const type = (table.columns as Record<string, string>)[key];
  return connection.send({
    name: `remove ${table.name}`,
    text: `delete from ${table.name} where ${key} = any($1::${type}[])`,
    values: [rows.map((row) => parameter(row[key as never]))],
  });
}

/** A value as an array element of a parameter; JSON is written out, bigint is text. */
function parameter(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  return value !== null && typeof value === 'object' ? JSON.stringify(value) : value;
}
