import assert from 'node:assert';
import type { Key, KeyedTable } from './state-table';

/** Loads rows by the values of one column. */
export type LoadRows = (
  table: KeyedTable,
  column: string,
  values: readonly Key[],
) => Promise<object[]>;

interface Slot<Row> {
  /** undefined: the database was asked and has no such row. */
  readonly row: Row | undefined;
  /** Number of the batch that touched the row last; it may be evicted once that is committed. */
  readonly batch: number;
}

/** A change that the database does not have yet; `replace`: removed and inserted again. */
export interface Change<Row> {
  readonly kind: 'insert' | 'update' | 'remove' | 'replace';
  readonly row: Row;
}

/** A row that may have to be loaded first. */
export type Found<Row> = Row | undefined | Promise<Row | undefined>;

/** What a change replaced, so that it can be undone in memory. */
export interface Undo {
  undo(): void;
}

class Replaced<Row extends object> implements Undo {
  constructor(
    private readonly table: SessionTable<Row>,
    private readonly key: Key,
    private readonly slot: Slot<Row> | undefined,
    private readonly pending: Change<Row> | undefined,
  ) {}

  undo(): void {
    this.table.restore(this.key, this.slot, this.pending);
  }
}

/** What tables need of the session that they belong to. */
export interface SessionScope {
  readonly batch: number;
  readonly load: LoadRows;
  readonly journal: Undo[];
}

/**
 * The session's view of one keyed table: rows are loaded once and remembered, changes are
 * buffered. Rows are immutable objects; a change replaces the object.
 */
export class SessionTable<Row extends object> {
  private slots = new Map<Key, Slot<Row>>();
  private readonly indexes: ReadonlyMap<string, Map<Key, Key | undefined>>;
  private changes = new Map<Key, Change<Row>>();
  /** Keys and values that were looked for and not found; forgotten when a batch commits. */
  private absent: { readonly column: string; readonly value: Key }[] = [];

  constructor(
    readonly definition: KeyedTable<Row>,
    private readonly scope: SessionScope,
  ) {
    this.indexes = new Map(definition.unique.map((column) => [column, new Map()]));
  }

  /**
   * The row with this key; loads it the first time. A row that is known is returned at once, not
   * as a promise: a batch reads thousands.
   */
  get(key: Key): Found<Row> {
    const slot = this.slots.get(key);
    return slot ? slot.row : this.loadRow(key);
  }

  /** The row whose `column`, one of the table's unique columns, has this value. */
  find(column: keyof Row & string, value: Key): Found<Row> {
    const index = this.indexOf(column);
    if (!index.has(value)) return this.load(column, [value]).then(() => this.find(column, value));
    const key = index.get(value);
    return key === undefined ? undefined : this.get(key);
  }

  /** @throws AssertionError where a row with this key is known. */
  insert(row: Row): void {
    const key = this.keyOf(row);
    assert(!this.slots.get(key)?.row, `${this.definition.name} has a row ${key} already`);
    const wasRemoved = this.changes.get(key)?.kind === 'remove';
    this.write(key, row, { kind: wasRemoved ? 'replace' : 'insert', row });
  }

  /**
   * Replaces the row with the same key, which must have been read before. Only a changed mutable
   * column reaches the database; derived columns are kept here.
   */
  update(row: Row): void {
    const key = this.keyOf(row);
    const before = this.slots.get(key)?.row;
    assert(before, `${this.definition.name} has no row ${key} to update`);
    const pending = this.changes.get(key)?.kind;
    if (pending === undefined && this.definition.mutable.every((c) => before[c] === row[c])) {
      this.write(key, row, undefined);
    } else {
      this.write(key, row, { kind: pending ?? 'update', row });
    }
  }

  /** Removes the row with this key, which must have been read before. */
  remove(key: Key): void {
    const row = this.slots.get(key)?.row;
    assert(row, `${this.definition.name} has no row ${key} to remove`);
    const isNew = this.changes.get(key)?.kind === 'insert';
    this.write(key, undefined, isNew ? undefined : { kind: 'remove', row });
  }

  /** Loads those of the rows that are not known yet, in one query. */
  async load(column: string, values: Iterable<Key>): Promise<void> {
    const isKnown = (value: Key) =>
      column === this.definition.key ? this.slots.has(value) : this.indexOf(column).has(value);
    const missing = [...values].filter((value) => !isKnown(value));
    if (missing.length === 0) return;
    const rows = await this.scope.load(this.definition as never, column, missing);
    for (const row of rows as Row[]) {
      const key = this.keyOf(row);
      // A row that was changed since it was asked for is newer than what the database has.
      if (!this.slots.has(key)) this.place(key, { row, batch: this.scope.batch });
    }
    for (const value of missing) if (!isKnown(value)) this.rememberAbsent(column, value);
  }

  /** The buffered changes, which the caller now sends to the database. */
  takeChanges(): Map<Key, Change<Row>> {
    const taken = this.changes;
    this.changes = new Map();
    return taken;
  }

  /** Forgets rows beyond the table's bound that no uncommitted batch touched. */
  evict(committedBatch: number): void {
    for (const { column, value } of this.absent) {
      if (column !== this.definition.key) {
        const index = this.indexOf(column);
        if (index.get(value) === undefined) index.delete(value);
      } else if (this.slots.get(value)?.row === undefined) this.slots.delete(value);
    }
    this.absent = [];
    const surplus = this.slots.size - this.definition.cacheRows;
    if (surplus <= 0) return;
    // A fresh Map, not deletions: a Map that is deleted from is copied ever again, and the dead
    // copies keep one another alive until a full collection.
    const kept = new Map<Key, Slot<Row>>();
    let evicted = 0;
    for (const [key, slot] of this.slots) {
      if (evicted < surplus && slot.batch <= committedBatch) {
        this.reindex(key, slot.row, undefined);
        evicted++;
      } else kept.set(key, slot);
    }
    this.slots = kept;
  }

  private write(key: Key, row: Row | undefined, change: Change<Row> | undefined): void {
    const slot = this.slots.get(key);
    const pending = this.changes.get(key);
    this.scope.journal.push(new Replaced(this, key, slot, pending));
    this.restore(key, { row, batch: this.scope.batch }, change);
  }

  /** Puts a row and its buffered change in place of what is there; for undoing too. */
  restore(key: Key, slot: Slot<Row> | undefined, change: Change<Row> | undefined): void {
    this.place(key, slot);
    if (change) this.changes.set(key, change);
    else this.changes.delete(key);
  }

  private place(key: Key, slot: Slot<Row> | undefined): void {
    this.reindex(key, this.slots.get(key)?.row, slot?.row);
    if (slot) this.slots.set(key, slot);
    else this.slots.delete(key);
  }

  private reindex(key: Key, before: Row | undefined, after: Row | undefined): void {
    for (const [column, index] of this.indexes) {
      const left = (before?.[column as keyof Row] ?? null) as Key | null;
      const entered = (after?.[column as keyof Row] ?? null) as Key | null;
      if (left === entered) continue;
      if (left !== null) index.delete(left);
      if (entered !== null) index.set(entered, key);
    }
  }

  private async loadRow(key: Key): Promise<Row | undefined> {
    await this.load(this.definition.key, [key]);
    const slot = this.slots.get(key);
    assert(slot, `${this.definition.name} ${key} was loaded and is not there`);
    return slot.row;
  }

  private rememberAbsent(column: string, value: Key): void {
    if (column === this.definition.key) {
      this.slots.set(value, { row: undefined, batch: this.scope.batch });
    } else this.indexOf(column).set(value, undefined);
    if (!this.definition.keepsAbsent) this.absent.push({ column, value });
  }

  private indexOf(column: string): Map<Key, Key | undefined> {
    const index = this.indexes.get(column);
    assert(index, `${this.definition.name} cannot be found by ${column}`);
    return index;
  }

  private keyOf(row: Row): Key {
    return row[this.definition.key] as Key;
  }
}
