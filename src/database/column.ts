import type { ColumnType } from 'kysely';
import { BinaryCopyWriter } from './binary-copy';
import { errorMessage } from './errors';

/** PostgreSQL's types that rows are made of, with the JavaScript type that COPY takes of each. */
export interface CopiedValues {
  bigint: number;
  int: number;
  numeric: bigint;
  uuid: string;
  text: string;
  date: string;
  timestamptz: string;
  /** Text is JSON already, so that what was canonicalised is not serialised again. */
  jsonb: object | string;
  json: object | string;
  /** Lower-case hex. */
  bytea: string;
  'bigint[]': readonly number[];
}
export type PostgresType = keyof CopiedValues;

/**
 * The declaration of a column, the only one: it says how the session, COPY and the digest treat
 * the column, and what Kysely knows of it.
 */
export class Column<Read = unknown, Copied = unknown, Sent = unknown> {
  /**
   * For the compiler alone: what arrives when the column is read (see values.ts), what COPY takes,
   * and what a statement takes as a parameter.
   */
  declare readonly values: readonly [Read, Copied, Sent];

  constructor(
    readonly type: PostgresType,
    readonly isNullable = false,
  ) {}

  /** The same column where it may be null. */
  nullable(): Column<Read | null, Copied | null, Sent | null> {
    return new Column<Read | null, Copied | null, Sent | null>(this.type, true);
  }
}

export type Columns = Readonly<Record<string, Column>>;

/** A row as it is read. */
export type ReadRow<Declared> = {
  -readonly [K in keyof Declared]: Declared[K] extends Column<infer Read> ? Read : never;
};

/** A row as COPY takes it. */
export type CopiedRow<Declared> = {
  -readonly [K in keyof Declared]: Declared[K] extends Column<unknown, infer Copied>
    ? Copied
    : never;
};

/** A table as Kysely knows it. */
export type KyselyTable<Declared> = {
  -readonly [K in keyof Declared]: Declared[K] extends Column<infer Read, unknown, infer Sent>
    ? [Read, Sent] extends [Sent, Read]
      ? Read
      : ColumnType<Read, Sent, Sent>
    : never;
};

function same<Value>(type: PostgresType): Column<Value, Value, Value> {
  return new Column(type);
}

/** The columns that a table can have. JSON is sent as text, because pg makes arrays of arrays. */
export const column = {
  bigint: () => same<number>('bigint'),
  int: () => same<number>('int'),
  /** Money in minor units. */
  numeric: () => same<bigint>('numeric'),
  uuid: () => same<string>('uuid'),
  text: <Text extends string = string>() => same<Text>('text'),
  /** `YYYY-MM-DD` */
  date: () => same<string>('date'),
  /** RFC 3339, UTC, milliseconds. */
  timestamptz: () => same<string>('timestamptz'),
  jsonb: <Value extends object>() => new Column<Value, Value, string>('jsonb'),
  json: <Value extends object>() => new Column<Value, Value, string>('json'),
  /** JSON that COPY takes as text, because it is in its canonical form already. */
  jsonText: () => new Column<object, string, string>('json'),
  /** COPY takes lower-case hex. */
  bytea: () => new Column<Buffer, string, Buffer>('bytea'),
  bigints: () => same<readonly number[]>('bigint[]'),
};

const JSONB_VERSION = 1;

/** How each type is written; NULL is written by the caller. */
const encoders: {
  [T in PostgresType]: (to: BinaryCopyWriter, value: CopiedValues[T]) => void;
} = {
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

/** @throws RangeError where JSON would have null instead of a value, or leave it out */
export function jsonText(value: object | string): string {
  if (typeof value === 'string') return value;
  refuseUnwritten(value);
  return JSON.stringify(value);
}

function refuseUnwritten(value: unknown): void {
  if (typeof value === 'string') return;
  // Not by their keys, which are made for it: that takes longer than to write them.
  if (Array.isArray(value)) {
    for (const element of value) refuseUnwritten(element);
    return;
  }
  if (typeof value === 'object') {
    for (const key in value) refuseUnwritten((value as Record<string, unknown>)[key]);
    return;
  }
  const isWritten = typeof value === 'boolean' || Number.isFinite(value);
  if (!isWritten) throw new RangeError(`a value of type ${typeof value} is not in JSON`);
}

const scratch = new BinaryCopyWriter();

/**
 * That a day or a time is one which COPY takes: of a parameter the server would read `today` too.
 * @throws RangeError
 */
export function checkTime(type: PostgresType, value: unknown): void {
  if (value === null || (type !== 'date' && type !== 'timestamptz')) return;
  scratch.begin();
  encoders[type](scratch, value as string);
}

/** A value is none of its column's type; nothing of it may reach the server. */
export class ValueRefused extends RangeError {
  override readonly name = 'ValueRefused';

  constructor(column: string, cause: unknown) {
    super(`${column}: ${errorMessage(cause)}`, { cause });
  }
}

/**
 * Encodes rows for a binary COPY that was begun, columns in the order that they are declared.
 * @returns what throws ValueRefused, naming the column
 */
export function rowEncoder(
  columns: Columns,
): (writer: BinaryCopyWriter, rows: Iterable<object>) => void {
  const names = Object.keys(columns);
  const encode = Object.values(columns).map(
    ({ type }) => encoders[type] as (to: BinaryCopyWriter, value: unknown) => void,
  );
  return (writer, rows) => {
    let i = 0;
    try {
      for (const row of rows as Iterable<Record<string, unknown>>) {
        writer.row(names.length);
        for (i = 0; i < names.length; i++) {
          const value = row[names[i]!];
          if (value === null) writer.nothing();
          else encode[i]!(writer, value);
        }
      }
    } catch (cause) {
      throw new ValueRefused(names[i]!, cause);
    }
  };
}
