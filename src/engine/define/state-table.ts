import type { BinaryCopyWriter } from '../../database/binary-copy';

/** PostgreSQL types that rows are made of, with the JavaScript type of each. */
interface ColumnValues {
  bigint: number;
  int: number;
  numeric: bigint;
  uuid: string;
  text: string;
  date: string;
  timestamptz: string;
  jsonb: object | string;
  json: object | string;
  /** Lower-case hex. */
  bytea: string;
  'bigint[]': readonly number[];
}
export type ColumnType = keyof ColumnValues;

const JSONB_VERSION = 1;

/** How each type is written; NULL is written by the caller. */
const encoders: { [T in ColumnType]: (to: BinaryCopyWriter, value: ColumnValues[T]) => void } = {
  bigint: (to, value) => to.bigint(value),
  int: (to, value) => to.int(value),
  numeric: (to, value) => to.numeric(value),
  uuid: (to, value) => to.uuid(value),
  text: (to, value) => to.text(value),
  date: (to, value) => to.date(value),
  timestamptz: (to, value) => to.timestamp(value),
  jsonb: (to, value) => to.text(jsonText(value), JSONB_VERSION),
  json: (to, value) => to.text(jsonText(value)),
  bytea: (to, value) => to.bytes(value),
  'bigint[]': (to, value) => to.bigints(value),
};

/** Text is JSON already, so that what was canonicalised for the hash is not serialised again. */
function jsonText(value: object | string): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export type Columns<Row> = { readonly [K in keyof Row & string]?: ColumnType };
export type Key = string | number;

/** A table whose rows are only ever appended: no key in memory, no reads through the session. */
export interface AppendTable<Row extends object = object> {
  readonly kind: 'append';
  readonly name: string;
  readonly columns: Columns<Row>;
  /** SQL over the columns: position of the event that wrote the row. */
  readonly lastPosition: string;
}

/** A table whose rows the session reads and writes by key. */
export interface KeyedTable<Row extends object = object> {
  readonly kind: 'keyed';
  readonly name: string;
  readonly columns: Columns<Row>;
  /** SQL over the stored columns: position of the event that last wrote the row. */
  readonly lastPosition: string;
  /** The column that a row is got, updated and removed by. */
  readonly key: keyof Row & string;
  /** Further columns that a row can be found by; unique where not null. */
  readonly unique: readonly (keyof Row & string)[];
  /** The stored columns that may change; the others are written once. */
  readonly mutable: readonly (keyof Row & string)[];
  /**
   * Where rows are loaded from, when that is not the table itself: a query in the state database
   * that may add derived columns, which are kept up to date in memory and never written.
   */
  readonly source?: string;
  /** How many rows a process may keep between batches. */
  readonly cacheRows: number;
  /** How many a rebuild from the first event on may keep; default `cacheRows`. */
  readonly rebuildRows?: number;
  /** Whether rows may be removed; those of most tables stay for ever. */
  readonly removable?: boolean;
  /** Whether materializers only insert and patch rows, so that a catch-up need not know them. */
  readonly isOnlyWritten?: boolean;
  /** Whether keys that no row has are remembered too; for tables of few possible keys. */
  readonly keepsAbsent?: boolean;
}

export type StateTable = AppendTable<never> | KeyedTable<never>;

export function defineKeyedTable<Row extends object>(
  table: Omit<KeyedTable<Row>, 'kind'>,
): KeyedTable<Row> {
  return { kind: 'keyed', ...table };
}

export function defineAppendTable<Row extends object>(
  table: Omit<AppendTable<Row>, 'kind'>,
): AppendTable<Row> {
  return { kind: 'append', ...table };
}

/** A table's name and columns, as COPY and INSERT take them. */
export function copyTarget(table: { name: string; columns: object }): string {
  return `${table.name} (${Object.keys(table.columns).join(', ')})`;
}

/** Encodes rows for a binary COPY that was begun, columns in the order that they are declared. */
export function rowEncoder<Row extends object>(
  columns: Columns<Row>,
): (writer: BinaryCopyWriter, rows: Iterable<Row>) => void {
  const names = Object.keys(columns) as (keyof Row)[];
  const encode = Object.values(columns as Record<string, ColumnType>).map(
    (type) => encoders[type] as (to: BinaryCopyWriter, value: unknown) => void,
  );
  return (writer, rows) => {
    for (const row of rows) {
      writer.row(names.length);
      for (let i = 0; i < names.length; i++) {
        const value = row[names[i]!];
        if (value === null || value === undefined) writer.nothing();
        else encode[i]!(writer, value);
      }
    }
  };
}
