import { copyText } from '../database/copy-in';

/** PostgreSQL types that rows are made of, with the JavaScript type of each. */
interface ColumnValues {
  bigint: number;
  int: number;
  numeric: bigint;
  uuid: string;
  text: string;
  date: string;
  timestamptz: string;
  jsonb: object;
  json: object;
  bytea: string;
  'bigint[]': readonly number[];
}
export type ColumnType = keyof ColumnValues;

/** How each type is written in COPY's text format; NULL is written by the caller. */
const encoders: { [T in ColumnType]: (value: ColumnValues[T]) => string } = {
  bigint: String,
  int: String,
  numeric: String,
  uuid: String,
  text: copyText,
  date: String,
  timestamptz: String,
  jsonb: (value) => copyText(JSON.stringify(value)),
  json: (value) => copyText(JSON.stringify(value)),
  /** In memory lower-case hex. */
  bytea: (value) => `\\\\x${value}`,
  'bigint[]': (value) => `{${value.join(',')}}`,
};

export type Columns<Row> = { readonly [K in keyof Row & string]?: ColumnType };
export type Key = string | number;

/** A table whose rows are only ever appended: no key in memory, no reads through the session. */
export interface AppendTable<Row extends object = object> {
  readonly kind: 'append';
  readonly name: string;
  readonly columns: Columns<Row>;
}

/** A table whose rows the session reads and writes by key. */
export interface KeyedTable<Row extends object = object> {
  readonly kind: 'keyed';
  readonly name: string;
  readonly columns: Columns<Row>;
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

/** Encodes rows in COPY's text format, columns in the order that they are declared. */
export function rowEncoder<Row extends object>(
  columns: Columns<Row>,
): (rows: Iterable<Row>) => string {
  const names = Object.keys(columns) as (keyof Row)[];
  const encode = Object.values(columns as Record<string, ColumnType>).map(
    (type) => encoders[type] as (value: unknown) => string,
  );
  return (rows) => {
    let text = '';
    for (const row of rows) {
      for (let i = 0; i < names.length; i++) {
        const value = row[names[i]!];
        text += value === null || value === undefined ? '\\N' : encode[i]!(value);
        text += i === names.length - 1 ? '\n' : '\t';
      }
    }
    return text;
  };
}
