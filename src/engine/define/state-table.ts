import type { AliasableExpression, Kysely } from 'kysely';
import {
  column,
  type Column,
  type Columns,
  type CopiedRow,
  type KyselyTable,
  type PostgresType,
  type ReadRow,
} from '../../database/column';

export type Key = string | number;

/** A table whose columns are declared: what COPY and Kysely need to know of it. */
export interface Table<Name extends string = string, Declared extends Columns = Columns> {
  readonly name: Name;
  /** The stored columns, in the order in which COPY writes them. */
  readonly columns: Declared;
}

/** The column that says which event last wrote a row; of several the first that is not null. */
type LastPosition<Column extends string = string> = Column | readonly Column[];

/** A table whose rows are only ever appended: no key in memory, no reads through the session. */
export interface AppendTable<
  Row extends object = object,
  Name extends string = string,
  Declared extends Columns = Columns,
> extends Table<Name, Declared> {
  readonly kind: 'append';
  /** The column with the position of the event that wrote the row. */
  readonly lastPosition: LastPosition;
  /** For the compiler alone: takes rows as they are appended. */
  readonly take?: (row: Row) => void;
}

/** A table whose rows the session reads and writes by key. */
export interface KeyedTable<
  Row extends object = object,
  Name extends string = string,
  Declared extends Columns = Columns,
> extends Table<Name, Declared> {
  readonly kind: 'keyed';
  /** The column with the position of the event that last wrote the row. */
  readonly lastPosition: LastPosition;
  /** The column that a row is got, updated and removed by. */
  readonly key: keyof Row & string;
  /** Further columns that a row can be found by; unique where not null. */
  readonly unique: readonly (keyof Row & string)[];
  /** The stored columns that may change; the others are written once. */
  readonly mutable: readonly (keyof Row & string)[];
  /**
   * Where rows are loaded from, when that is not the table itself: a query in the state database
   * that adds the derived columns, which are kept up to date in memory and never written.
   */
  readonly source?: AliasableExpression<object>;
  /** How the rows of a lookup are read: see {@link defineLookup}. */
  readonly read?: ReadLookup;
  /** The columns that only the source has. */
  readonly derived?: Columns;
  /** How many rows a process may keep between batches; all tables have a bound in bytes too. */
  readonly cacheRows: number;
  /** How many a rebuild from the first event on may keep; default `cacheRows`. */
  readonly rebuildRows?: number;
  /** Of large rows, how many the first query ahead of a batch loads; default: all of them. */
  readonly loadRows?: number;
  /** Whether rows may be removed; those of most tables stay for ever. */
  readonly removable?: boolean;
  /** Whether materializers only insert and patch rows, so that a catch-up need not know them. */
  readonly isOnlyWritten?: boolean;
  /** Whether keys that no row has are remembered too; for tables of few possible keys. */
  readonly keepsAbsent?: boolean;
}

/** Reads the rows of some keys, of which each has one at most. */
export type ReadLookup = (
  db: Kysely<StateDatabase>,
  keys: readonly string[],
) => Promise<readonly object[]>;

/**
 * A table of sums: what is added to a row is added up in the session, and to the row itself by the
 * database. So nothing is read to add to it, and a batch writes each row once. For sums that take
 * part in no decision; the session cannot read them.
 */
export interface SumTable<
  Row extends object = object,
  Name extends string = string,
  Declared extends Columns = Columns,
> extends Table<Name, Declared> {
  readonly kind: 'sum';
  /** The column with the position of the event that last added to the row. */
  readonly lastPosition: string;
  /** The columns that tell rows apart: the table's primary key, in its order. */
  readonly keys: readonly (keyof Row & string)[];
  /** The columns that are added up, in minor units. */
  readonly sums: readonly (keyof Row & string)[];
  /** For the compiler alone: takes rows as they are added. */
  readonly take?: (row: Row) => void;
}

/**
 * A table of rows that are put there and dropped again, and never changed: what is in a list now.
 * The session cannot read them, and one that is dropped in the batch that put it there is never
 * written. To drop a row writes no index, and to update a column that an index has writes all.
 */
export interface ListTable<
  Row extends object = object,
  Name extends string = string,
  Declared extends Columns = Columns,
> extends Table<Name, Declared> {
  readonly kind: 'list';
  /** The column with the position of the event that put the row there. */
  readonly lastPosition: string;
  /** The columns that tell rows apart: the table's primary key, in its order. */
  readonly keys: readonly (keyof Row & string)[];
  /** For the compiler alone: takes rows as they are put there. */
  readonly take?: (row: Row) => void;
}

export type StateTable =
  AppendTable<never> | KeyedTable<never> | SumTable<never> | ListTable<never>;

/** Columns of a keyed table: its rows are read and written, so both have to be the same. */
type SameColumns<Declared> = {
  readonly [K in keyof Declared]: Declared[K] extends Column<infer Read, infer Copied>
    ? Column<Read & Copied, Read & Copied>
    : never;
};

/** What a feature says of a keyed table. `Derived` are the columns that only its source has. */
type KeyedDeclaration<Name extends string, Declared extends Columns, Derived extends Columns> = {
  readonly name: Name;
  readonly columns: Declared & SameColumns<Declared>;
  readonly key: keyof Declared & string;
  readonly unique: readonly (keyof Declared & string)[];
  readonly mutable: readonly (keyof Declared & string)[];
  readonly lastPosition: LastPosition<keyof Declared & string>;
  readonly derived?: Derived;
  readonly source?: AliasableExpression<NoInfer<ReadRow<Declared> & ReadRow<Derived>>>;
} & Pick<KeyedTable, 'cacheRows' | 'rebuildRows' | 'loadRows'> &
  Pick<KeyedTable, 'removable' | 'isOnlyWritten' | 'keepsAbsent'>;

/** Declares a keyed table, its row for the session and its columns for Kysely at once. */
export function defineKeyedTable<
  Name extends string,
  Declared extends Columns,
  Derived extends Columns = Record<never, never>,
>(
  table: KeyedDeclaration<Name, Declared, Derived>,
): KeyedTable<ReadRow<Declared & Derived>, Name, Declared> {
  return { kind: 'keyed', ...table };
}

/**
 * Declares what creators may look up in the state besides its tables, by a key that says all about
 * it: no event may change what is found by the same key. So it is loaded as rows are, for a batch
 * at once and ahead of the locks, and remembered until others need its room; nothing writes it.
 */
export function defineLookup<Name extends string, Declared extends Columns>(lookup: {
  readonly name: Name;
  readonly key: keyof Declared & string;
  readonly columns: Declared & SameColumns<Declared>;
  readonly cacheRows: number;
  readonly read: (
    db: Kysely<StateDatabase>,
    keys: readonly string[],
  ) => Promise<readonly ReadRow<Declared>[]>;
}): KeyedTable<ReadRow<Declared>, Name, Declared> {
  return { kind: 'keyed', lastPosition: lookup.key, unique: [], mutable: [], ...lookup };
}

/** Declares a table that is only appended to, its row and its columns for Kysely at once. */
export function defineAppendTable<Name extends string, Declared extends Columns>(
  table: Table<Name, Declared> & { readonly lastPosition: LastPosition<keyof Declared & string> },
): AppendTable<CopiedRow<Declared>, Name, Declared> {
  return { kind: 'append', ...table };
}

/** Declares a table of sums, its row and its columns for Kysely at once. */
export function defineSumTable<Name extends string, Declared extends Columns>(
  table: Table<Name, Declared> & {
    readonly keys: readonly (keyof Declared & string)[];
    readonly sums: readonly {
      [K in keyof Declared]: Declared[K] extends Column<bigint> ? K : never;
    }[keyof Declared][];
    readonly lastPosition: keyof Declared & string;
  },
): SumTable<CopiedRow<Declared>, Name, Declared> {
  return { kind: 'sum', ...table } as unknown as SumTable<CopiedRow<Declared>, Name, Declared>;
}

/** Declares a table of rows that come and go, its row and its columns for Kysely at once. */
export function defineListTable<Name extends string, Declared extends Columns>(
  table: Table<Name, Declared> & {
    readonly keys: readonly (keyof Declared & string)[];
    readonly lastPosition: keyof Declared & string;
  },
): ListTable<CopiedRow<Declared>, Name, Declared> {
  return { kind: 'list', ...table } as unknown as ListTable<CopiedRow<Declared>, Name, Declared>;
}

/** A row of a table as the session has it, with its derived columns, or as it is appended. */
export type RowOf<Of> = Of extends
  AppendTable<infer Row> | KeyedTable<infer Row> | SumTable<infer Row> | ListTable<infer Row>
  ? Row
  : never;

/** The part of a database that tables make, as Kysely knows it. */
export type DatabaseOf<Tables extends Table> = {
  [One in Tables as One['name']]: KyselyTable<One['columns']>;
};

/** One row: what the state contains. */
export const stateHeadTable = {
  name: 'event_log_state',
  columns: {
    position: column.bigint(),
    hash: column.bytea(),
    materializers_version: column.text().nullable(),
    rebuilds: column.int(),
  },
} as const;

/**
 * The whole state database, as queries see it. Every feature adds its tables, beside their
 * definitions: nothing below a feature has to know it, and the compiler checks that a query gets
 * the tables that it asks for.
 */
export interface StateDatabase extends DatabaseOf<typeof stateHeadTable> {}

/** The type of a stored column. @throws TypeError where the table has no such column */
export function typeOf({ columns }: Table, name: string): PostgresType {
  return columns[name]!.type;
}

/** SQL over the columns of a table: position of the event that last wrote the row. */
export function writtenAt({ lastPosition }: StateTable): string {
  return typeof lastPosition === 'string' ? lastPosition : `coalesce(${lastPosition.join(', ')})`;
}

/** A table's name and columns, as COPY and INSERT take them. */
export function copyTarget(table: Table): string {
  return `${table.name} (${Object.keys(table.columns).join(', ')})`;
}
