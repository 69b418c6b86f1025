import assert from 'node:assert';
import type { QueryConfig, QueryResult } from 'pg';
import { BinaryCopyWriter } from '../../database/binary-copy';
import {
  checkTime,
  jsonText,
  rowEncoder,
  ValueRefused,
  type PostgresType,
} from '../../database/column';
import type { SendableQuery } from '../../database/prepared';
import type { WriterConnection } from '../../database/writer-connection';
import type { ListChanges } from './listed-rows';
import type { TableChanges } from './session-table';
import {
  copyTarget,
  typeOf,
  type AppendTable,
  type Key,
  type KeyedTable,
  type ListTable,
  type StateTable,
  type SumTable,
  type Table,
} from '../define/state-table';

/** Buffered rows on their way to the database. */
export interface StateChanges {
  readonly inserts: { readonly table: StateTable; readonly rows: object[] }[];
  readonly changes: {
    readonly table: KeyedTable<never>;
    readonly changes: TableChanges<object>;
  }[];
  readonly sums: { readonly table: SumTable<never>; readonly rows: readonly object[] }[];
  readonly lists: ({ readonly table: ListTable<never> } & ListChanges<object>)[];
}

/** A statement with its rows, encoded and ready to be sent. */
export type Statement =
  | { readonly copyInto: string; readonly rows: Buffer }
  | {
      readonly query: QueryConfig | SendableQuery<object>;
      /** How many rows of which table it is to change or remove. */
      readonly finds?: { readonly table: string; readonly rows: number };
    };

/** A row that is to be changed or removed is not there. */
export class RowMissing extends Error {
  override readonly name = 'RowMissing';
}

/** A row has no form in which the database could take it: a mistake of the feature's. */
export class NotEncoded extends Error {
  override readonly name = 'NotEncoded';

  constructor(table: string, cause: unknown) {
    super(`A row of ${table} cannot be encoded`, { cause });
  }
}

interface Target {
  readonly text: string;
  readonly encode: ReturnType<typeof rowEncoder>;
}
const targets = new WeakMap<object, Target>();

/** Sends statements in order, without waiting. @returns the answers to come */
export function send(connection: WriterConnection, statements: Statement[]): Promise<unknown>[] {
  return connection.together(() =>
    statements.map((statement) =>
      'query' in statement
        ? connection.send(statement.query)
        : connection.copyIn(statement.copyInto, statement.rows),
    ),
  );
}

/**
 * Sends statements as {@link send} does, for who has not read every row that they change.
 * @returns the answers to come, which reject with {@link RowMissing} too
 */
export function sendChecked(
  connection: WriterConnection,
  statements: Statement[],
): Promise<unknown>[] {
  return send(connection, statements).map((sent, i) => {
    const statement = statements[i]!;
    const finds = 'query' in statement ? statement.finds : undefined;
    if (!finds) return sent;
    const checked = sent.then((answer) => {
      const { rowCount } = answer as QueryResult;
      if (rowCount === finds.rows) return;
      throw new RowMissing(`Of ${finds.rows} rows of ${finds.table} there are ${rowCount}`);
    });
    checked.catch(() => undefined);
    return checked;
  });
}

/** Appends rows to a table in one COPY. */
export function encodeRows<Row extends object>(
  table: Table & Pick<AppendTable<Row>, 'take'>,
  rows: Iterable<NoInfer<Row>>,
): Statement {
  const { text, encode } = targetOf(table);
  writer.begin();
  encode(writer, rows);
  return { copyInto: text, rows: writer.finish() };
}

const writer = new BinaryCopyWriter();

function targetOf(table: Table): Target {
  let target = targets.get(table);
  if (!target) {
    const write = rowEncoder(table.columns);
    const encode: Target['encode'] = (to, rows) => {
      try {
        write(to, rows);
      } catch (cause) {
        throw new NotEncoded(table.name, cause);
      }
    };
    target = { text: copyTarget(table), encode };
    targets.set(table, target);
  }
  return target;
}

/**
 * Appended rows that are encoded as they come and sent together much later. As objects they would
 * outlive their youth, which costs the collector more than encoding them costs.
 */
export class EncodedRows {
  private readonly writers = new Map<StateTable, BinaryCopyWriter>();

  add({ table, rows }: StateChanges['inserts'][number]): void {
    let to = this.writers.get(table);
    if (!to) {
      to = new BinaryCopyWriter();
      to.begin();
      this.writers.set(table, to);
    }
    targetOf(table).encode(to, rows);
  }

  /** What was added, ready to be sent; nothing is left. */
  take(): Statement[] {
    const statements: Statement[] = [];
    for (const [table, to] of this.writers) {
      if (to.isEmpty) continue;
      statements.push({ copyInto: targetOf(table).text, rows: to.finish() });
      to.begin();
    }
    return statements;
  }
}

/** Buffered changes as a few set-based statements a table. */
export function encodeChanges({ inserts, changes, sums, lists }: StateChanges): Statement[] {
  // First, because rows may have been inserted that are changed by now.
  const statements = inserts.map(({ table, rows }) => encodeRows(table, rows as never));
  for (const { table, changes: rows } of changes) {
    const { removed, inserted, updated } = rows;
    if (removed.length > 0) statements.push(encodeRemoves(table, removed));
    if (inserted.length > 0) statements.push(encodeRows(table, inserted as never));
    if (updated.length > 0) statements.push(encodeUpdates(table, updated));
  }
  for (const { table, rows } of sums) statements.push(encodeSums(table, rows));
  for (const { table, dropped, put } of lists) {
    // First, because a row with the same keys may have been put there since.
    if (dropped.length > 0) statements.push(encodeDrops(table, dropped));
    if (put.length > 0) statements.push(encodeRows(table, put as never));
  }
  return statements;
}

/**
 * SQL as text: which table and columns it is about is known to the table's definition alone.
 * Not named, so that it is planned every time: a plan that was made while the table was small reads
 * all of it for every batch, until new statistics come, and in a rebuild's transaction none do.
 */
function encodeUpdates(table: KeyedTable<never>, rows: readonly object[]): Statement {
  const key = table.key;
  const columns = table.mutable;
  const parameters = parametersOf(table, [key, ...columns]);
  const set = columns.map((c) => `${c} = v.${c}`).join(', ');
  const query = {
    text:
      `update ${table.name} t set ${set} ` +
      `from unnest(${parameters}) v(${[key, ...columns].join(', ')}) where t.${key} = v.${key}`,
    values: valuesOf(table, [key, ...columns], rows),
  };
  return { query, finds: { table: table.name, rows: rows.length } };
}

/** Adds rows up in the table, those that are new and those that are not. SQL as text: as above. */
function encodeSums(table: SumTable<never>, rows: readonly object[]): Statement {
  const { name, keys, sums, lastPosition } = table;
  const columns = Object.keys(table.columns);
  const added = sums.map((sum: string) => `${sum} = t.${sum} + excluded.${sum}`);
  const query = {
    text:
      `insert into ${name} as t (${columns.join(', ')}) ` +
      `select * from unnest(${parametersOf(table, columns)}) on conflict (${keys.join(', ')}) ` +
      `do update set ${[...added, `${lastPosition} = excluded.${lastPosition}`].join(', ')}`,
    values: valuesOf(table, columns, rows),
  };
  return { query, finds: { table: name, rows: rows.length } };
}

/**
 * Drops the rows with these keys. Row by row by the key's index, and then by their places: in one
 * join the planner would read the whole list for every batch, with all that was dropped from it.
 * Not named either. SQL as text: as above.
 */
function encodeDrops(table: ListTable<never>, rows: readonly object[]): Statement {
  const { name, keys }: { name: string; keys: readonly string[] } = table;
  const isRow = keys.map((key) => `t.${key} = v.${key}`).join(' and ');
  const query = {
    text:
      `delete from ${name} where ctid = any(array(select f.ctid ` +
      `from unnest(${parametersOf(table, keys)}) v(${keys.join(', ')}) cross join lateral ` +
      `(select t.ctid from ${name} t where ${isRow} offset 0) f))`,
    values: valuesOf(table, keys, rows),
  };
  return { query, finds: { table: name, rows: rows.length } };
}

/** A parameter for each column, as `unnest` takes them. */
function parametersOf(table: Table, columns: readonly string[]): string {
  return columns.map((column, i) => `$${i + 1}::${typeOf(table, column)}[]`).join(', ');
}

/** The values of rows by column. @throws NotEncoded */
function valuesOf(table: Table, columns: readonly string[], rows: readonly object[]): unknown[][] {
  return columns.map((column) => {
    const { type } = table.columns[column]!;
    try {
      return rows.map((row) => parameter(type, row[column as never]));
    } catch (cause) {
      throw new NotEncoded(table.name, new ValueRefused(column, cause));
    }
  });
}

/** Not named either. SQL as text: as above. */
function encodeRemoves(table: KeyedTable<never>, keys: readonly Key[]): Statement {
  const key = table.key;
  const query = {
    text: `delete from ${table.name} where ${key} = any($1::${typeOf(table, key)}[])`,
    values: [keys],
  };
  return { query, finds: { table: table.name, rows: keys.length } };
}

/**
 * A value as an array element of a parameter; JSON is written out, bigint is text. The server reads
 * and checks what it is given, but none of what is checked here would it see.
 */
function parameter(type: PostgresType, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  assert(value !== undefined, 'A column of a row is undefined');
  assert(typeof value !== 'string' || value.isWellFormed(), 'Half of a surrogate pair is no text');
  checkTime(type, value);
  if (type === 'json' || type === 'jsonb') return value === null ? null : jsonText(value);
  return value !== null && typeof value === 'object' ? JSON.stringify(value) : value;
}
