import type { Kysely } from 'kysely';
import type {
  AppendTable,
  Key,
  KeyedTable,
  ListTable,
  StateDatabase,
  SumTable,
} from './state-table';

/** A row that may have to be loaded first. */
export type Found<Row> = Row | undefined | Promise<Row | undefined>;

/**
 * The rows of one keyed table, as creators and materializers read and write them. Rows are
 * immutable objects; a change replaces the object.
 */
export interface StateRows<Row extends object> {
  /**
   * The row with this key; loads it the first time. A row that is known is returned at once, not
   * as a promise: a batch reads thousands.
   */
  get(key: Key): Found<Row>;
  /** The row with this key, which a materializer has named among its needs. */
  loaded(key: Key): Row | undefined;
  /** The row whose `column`, one of the table's unique columns, has this value. */
  find(column: keyof Row & string, value: Key): Found<Row>;
  /** Loads those of the rows that are not known yet, in one query. */
  load(column: keyof Row & string, values: Iterable<Key>): Promise<void>;
  /** @throws AssertionError where a row with this key is known. */
  insert(row: Row): void;
  /** Replaces the row with the same key, which must have been read before. */
  update(row: Row): void;
  /**
   * Sets columns of the row with this key, other than those that it can be found by. The row must
   * have been read before: where the table is only written by the creator, if at all, and then all
   * mutable columns are set. Who has got the row keeps what it was.
   */
  patch(key: Key, values: Partial<Row>): void;
  /** Removes the row with this key, which must have been read before. */
  remove(key: Key): void;
}

/**
 * The state session, as far as it is there for creators and materializers: the buffered view of
 * the state. The same for live writes, catch-up, replay and verification.
 */
export interface StateSession {
  table<Row extends object>(definition: KeyedTable<Row>): StateRows<Row>;
  /** Appends a row to a table that has no key in memory. */
  append<Row extends object>(definition: AppendTable<Row>, row: NoInfer<Row>): void;
  /** Adds the sums of a row to those of the row with the same keys, which need not be there yet. */
  add<Row extends object>(definition: SumTable<Row>, row: NoInfer<Row>): void;
  /** Puts a row into a list, which has none with the same keys. */
  put<Row extends object>(definition: ListTable<Row>, row: NoInfer<Row>): void;
  /** Drops the row with these keys, which is there. */
  drop<Row extends object>(definition: ListTable<Row>, keys: NoInfer<Partial<Row>>): void;
  /**
   * Plain SQL on the state, for what the typed tables cannot say. Flushes first, so that it sees
   * every buffered write. Slower than the tables: it ends the batch's single flush.
   */
  query<T>(run: (db: Kysely<StateDatabase>) => Promise<T>): Promise<T>;
}

/** Names what a creator is going to read, so that a batch loads it in one query a table. */
export interface RowNeeds {
  /** @returns whether it is known already, be it that there is none */
  row<Row extends object>(table: KeyedTable<Row>, column: keyof Row & string, value: Key): boolean;
  idempotencyKey(key: string): void;
}

/** The time that a command may count with. */
export interface BookTime {
  /** The time of the command, RFC 3339 UTC; before it is run, one that it is not before. */
  readonly now: string;
  /** The day of `now` in the book's time zone, `YYYY-MM-DD`. */
  readonly today: string;
  /** The day of an instant (RFC 3339) in the book's time zone, `YYYY-MM-DD`. */
  dayOf(instant: string): string;
  /** The instant (RFC 3339 UTC) in which a day of the book's time zone begins. */
  startOf(day: string): string;
}

/** The rows that were loaded because a creator named them, or that were in memory before. */
export interface LoadedRows {
  readonly time: BookTime;
  /** The row whose key, or other unique column, has this value; undefined where there is none. */
  row<Row extends object>(
    table: KeyedTable<Row>,
    column: keyof Row & string,
    value: Key,
  ): Row | undefined;
}
