import assert from 'node:assert';
import type { Head } from '../define/event';
import type { Found, StateRows } from '../define/state-session';
import type { Key, KeyedTable } from '../define/state-table';
import { frozenInSpecs } from './frozen-rows';
import { RowWeights } from './row-weights';

/** Loads rows by the values of one column. */
export type LoadRows = (
  table: KeyedTable,
  column: string,
  values: readonly Key[],
) => Promise<object[]>;

/** How a row differs from what the database has; `replace`: removed and inserted again. */
type Pending = 'insert' | 'update' | 'remove' | 'replace' | undefined;

/** A key that the session knows; changed in place, because there are millions in a rebuild. */
class Slot<Row> {
  pending: Pending = undefined;
  /** Whether the table's list of changes has it. */
  isListed = false;
  /** What the row takes of memory, about. */
  bytes = 0;

  constructor(
    readonly key: Key,
    /** undefined: the database was asked and has no such row. */
    public row: Row | undefined,
    /** Number of the batch that touched the row last; evicted once that is committed at most. */
    public batch: number,
  ) {}
}

/** The changes of a table that the database does not have yet: removed first, updated last. */
export interface TableChanges<Row> {
  readonly removed: readonly Key[];
  readonly inserted: readonly Row[];
  readonly updated: readonly Row[];
}

/** What a change replaced, so that it can be undone in memory. */
export interface Undo {
  undo(): void;
}

class Replaced<Row extends object> implements Undo {
  private readonly row: Row | undefined;
  private readonly pending: Pending;

  constructor(
    private readonly table: SessionTable<Row>,
    private readonly slot: Slot<Row>,
    private readonly wasKnown: boolean,
  ) {
    this.row = slot.row;
    this.pending = slot.pending;
  }

  undo(): void {
    this.table.restore(this.slot, this.row, this.pending);
    if (!this.wasKnown) this.table.forget(this.slot.key);
  }
}

/** What tables need of the session that they belong to. */
export interface SessionScope {
  readonly head: Head;
  readonly batch: number;
  load: LoadRows;
  /** Is told what rows that were loaded take of memory, about. */
  loaded(bytes: number): void;
  readonly journal: Undo[];
  /** Whether changes are entered in the journal. */
  readonly isUndoable: boolean;
  /** Whether an event is being materialized, and not a creator's own code under way. */
  readonly isMaterializing: boolean;
  /** Whether the database had no rows when the session began: what is not known is not there. */
  readonly beganEmpty: boolean;
}

/** A table is copied to evict from it: not for less than this share of what it may keep. */
const EVICTED_SHARE = 1 / 8;

/**
 * The session's view of one keyed table: rows are loaded once and remembered, changes are
 * buffered. Rows are immutable objects; a change replaces the object.
 */
export class SessionTable<Row extends object> implements StateRows<Row> {
  private slots = new Map<Key, Slot<Row>>();
  /** The slot that was asked for last: a row that is looked up is most often changed next. */
  private latest: Slot<Row> | undefined;
  private readonly indexes: readonly { column: string; keys: Map<Key, Key | undefined> }[];
  private readonly mutable: ReadonlySet<string>;
  private readonly weights: RowWeights<Row>;
  private sumOfBytes = 0;
  private changed: Slot<Row>[] = [];
  /** Keys and values that were looked for and not found; forgotten when a batch commits. */
  private absent: { readonly column: string; readonly value: Key; readonly batch: number }[] = [];
  /** Whether every row of the table is in memory. */
  private holdsAll: boolean;

  constructor(
    readonly definition: KeyedTable<Row>,
    protected readonly scope: SessionScope,
    holdsAll = scope.beganEmpty,
  ) {
    this.mutable = new Set(definition.mutable);
    this.indexes = definition.unique.map((column) => ({ column, keys: new Map() }));
    this.weights = new RowWeights(definition);
    this.holdsAll = holdsAll;
  }

  /** What its rows take of memory, about. */
  get bytes(): number {
    return this.sumOfBytes;
  }

  get(key: Key): Found<Row> {
    const slot = this.slots.get(key);
    if (slot) return slot.row;
    return this.holdsAll ? undefined : this.loadRow(key);
  }

  loaded(key: Key): Row | undefined {
    const slot = this.slotOf(key);
    if (slot) return slot.row;
    if (this.holdsAll) return undefined;
    assert.fail(`${this.definition.name} ${key} was not named among the needs`);
  }

  /** The row with this key if it is in memory; loads nothing. */
  peek(key: Key): Row | undefined {
    return this.slots.get(key)?.row;
  }

  /** The row whose key, or other unique column, has this value, if it is in memory. */
  known(column: keyof Row & string, value: Key): Row | undefined {
    const key = column === this.definition.key ? value : this.indexOf(column).get(value);
    return key === undefined ? undefined : this.peek(key);
  }

  find(column: keyof Row & string, value: Key): Found<Row> {
    const index = this.indexOf(column);
    if (!this.holdsAll && !index.has(value)) {
      return this.load(column, [value]).then(() => this.find(column, value));
    }
    const key = index.get(value);
    return key === undefined ? undefined : this.get(key);
  }

  insert(row: Row): void {
    const key = this.keyOf(row);
    const slot = this.slots.get(key);
    // Not as messages that are made and mostly thrown away: this runs for every row of a rebuild.
    if (slot?.row) assert.fail(`${this.definition.name} has a row ${key} already`);
    this.write(slot, key, row, slot?.pending === 'remove' ? 'replace' : 'insert');
  }

  /** Only a changed mutable column reaches the database; derived columns are kept here. */
  update(row: Row): void {
    const key = this.keyOf(row);
    const slot = this.slots.get(key);
    if (!slot?.row) assert.fail(`${this.definition.name} has no row ${key} to update`);
    const pending = slot.pending ?? (this.isChanged(slot.row, row) ? 'update' : undefined);
    this.write(slot, key, row, pending);
  }

  patch(key: Key, values: Partial<Row>): void {
    const slot = this.slotOf(key);
    const row = slot?.row;
    if (!row) assert.fail(`${this.definition.name} has no row ${key} to patch`);
    const pending = slot.pending ?? (this.isChanged(row, values) ? 'update' : undefined);
    // Never in place: whoever has got the row keeps what it was, live and on a replay.
    const changed = Object.assign({ ...row }, values);
    const isWeighed = this.weights.changeWith(values);
    if (this.scope.isUndoable) return this.write(slot, key, changed, pending, isWeighed);
    slot.row = frozenInSpecs(changed);
    if (isWeighed) this.weigh(slot);
    slot.batch = this.scope.batch;
    this.list(slot, pending);
  }

  remove(key: Key): void {
    const slot = this.slots.get(key);
    assert(this.definition.removable, `${this.definition.name} keeps its rows`);
    assert(slot?.row, `${this.definition.name} has no row ${key} to remove`);
    this.write(slot, key, undefined, slot.pending === 'insert' ? undefined : 'remove');
  }

  /** What it loads, and what was in memory of it, is kept until the batch is committed. */
  async load(column: string, values: Iterable<Key>): Promise<void> {
    const missing = [...values].filter((value) => !this.touch(column, value));
    if (missing.length === 0) return;
    const rows = await this.scope.load(this.definition as never, column, missing);
    for (const row of rows as Row[]) {
      const key = this.keyOf(row);
      // A row that was changed since it was asked for is newer than what the database has.
      if (!this.slots.has(key)) this.place(new Slot(key, row, this.scope.batch));
    }
    for (const value of missing) {
      if (!this.touch(column, value)) this.rememberAbsent(column, value);
    }
  }

  /**
   * Has a row that is in memory stay there until the batch under way is committed.
   * @returns false where it would have to be loaded
   */
  touch(column: string, value: Key): boolean {
    if (this.holdsAll) return true;
    let key: Key | undefined = value;
    if (column !== this.definition.key) {
      const index = this.indexOf(column);
      if (!index.has(value)) return false;
      key = index.get(value);
      if (key === undefined) return true;
    }
    const slot = this.slots.get(key);
    if (slot) slot.batch = this.scope.batch;
    return slot !== undefined;
  }

  /** The buffered changes, which the caller now sends to the database; undefined: none. */
  takeChanges(): TableChanges<Row> | undefined {
    if (this.changed.length === 0) return undefined;
    const removed: Key[] = [];
    const inserted: Row[] = [];
    const updated: Row[] = [];
    for (const slot of this.changed) {
      const { pending } = slot;
      slot.pending = undefined;
      slot.isListed = false;
      if (pending === 'remove' || pending === 'replace') removed.push(slot.key);
      if (pending === 'insert' || pending === 'replace') inserted.push(slot.row!);
      if (pending === 'update') updated.push(slot.row!);
    }
    this.changed = [];
    const isEmpty = removed.length + inserted.length + updated.length === 0;
    return isEmpty ? undefined : { removed, inserted, updated };
  }

  /** Forgets rows beyond the table's bound that no uncommitted batch touched. */
  evict(committedBatch: number): void {
    this.forgetAbsent(committedBatch);
    const { definition, scope } = this;
    const cacheRows =
      (scope.beganEmpty ? definition.rebuildRows : undefined) ?? definition.cacheRows;
    const surplus = this.slots.size - cacheRows;
    if (surplus > cacheRows * EVICTED_SHARE) this.drop(committedBatch, surplus, 0);
  }

  /** Forgets rows of so many bytes, as far as no uncommitted batch touched them. */
  shed(committedBatch: number, bytes: number): void {
    this.drop(committedBatch, 0, bytes);
  }

  private forgetAbsent(committedBatch: number): void {
    for (const { column, value, batch } of this.absent) {
      if (batch > committedBatch) continue;
      if (column !== this.definition.key) {
        const index = this.indexOf(column);
        if (index.get(value) === undefined) index.delete(value);
      } else if (this.slots.get(value)?.row === undefined) this.forget(value);
    }
    this.absent = this.absent.filter(({ batch }) => batch > committedBatch);
  }

  /** Forgets the oldest rows, so many at least, and of so many bytes. */
  private drop(committedBatch: number, rows: number, bytes: number): void {
    // A fresh Map, not deletions: a Map that is deleted from is copied ever again, and the dead
    // copies keep one another alive until a full collection.
    const kept = new Map<Key, Slot<Row>>();
    const leastBytes = this.sumOfBytes - bytes;
    let evicted = 0;
    for (const [key, slot] of this.slots) {
      const isSurplus = evicted < rows || this.sumOfBytes > leastBytes;
      if (isSurplus && slot.batch <= committedBatch && slot.pending === undefined) {
        this.reindex(key, slot.row, undefined);
        this.sumOfBytes -= slot.bytes;
        evicted++;
      } else kept.set(key, slot);
    }
    this.slots = kept;
    this.latest = undefined;
    if (evicted > 0) this.holdsAll = false;
  }

  private slotOf(key: Key): Slot<Row> | undefined {
    if (this.latest?.key !== key) this.latest = this.slots.get(key);
    return this.latest;
  }

  private isChanged(before: Row, after: Partial<Row>): boolean {
    // Of what is given, which a posting sets little of: half the time of asking for each column.
    for (const column in after) {
      if (this.mutable.has(column) && before[column] !== after[column]) return true;
    }
    return false;
  }

  private write(
    known: Slot<Row> | undefined,
    key: Key,
    row: Row | undefined,
    pending: Pending,
    isWeighed = true,
  ): void {
    const slot = known ?? new Slot<Row>(key, undefined, this.scope.batch);
    if (this.scope.isUndoable) {
      this.scope.journal.push(new Replaced(this, slot, known !== undefined));
    }
    if (!known) this.slots.set(key, slot);
    slot.batch = this.scope.batch;
    this.restore(slot, row, pending, isWeighed);
  }

  /**
   * Puts a row and how it differs in place of what is there; for undoing too.
   * @param mayWeigh false where only columns differ that weigh the same whatever their value is
   */
  restore(slot: Slot<Row>, row: Row | undefined, pending: Pending, mayWeigh = true): void {
    this.reindex(slot.key, slot.row, row);
    const isOther = slot.row === undefined || row === undefined;
    const isWeighed = isOther || (mayWeigh && this.weights.change);
    slot.row = row && frozenInSpecs(row);
    if (isWeighed) this.weigh(slot);
    this.list(slot, pending);
  }

  private list(slot: Slot<Row>, pending: Pending): void {
    slot.pending = pending;
    if (pending === undefined || slot.isListed) return;
    slot.isListed = true;
    this.changed.push(slot);
  }

  /** Undoes that a key became known. */
  forget(key: Key): void {
    this.sumOfBytes -= this.slots.get(key)?.bytes ?? 0;
    this.slots.delete(key);
    this.latest = undefined;
  }

  private place(slot: Slot<Row>): void {
    this.reindex(slot.key, undefined, slot.row);
    if (slot.row) frozenInSpecs(slot.row);
    this.slots.set(slot.key, slot);
    this.weigh(slot);
    this.scope.loaded(slot.bytes);
  }

  private weigh(slot: Slot<Row>): void {
    const bytes = slot.row ? this.weights.of(slot.row) : 0;
    this.sumOfBytes += bytes - slot.bytes;
    slot.bytes = bytes;
  }

  private reindex(key: Key, before: Row | undefined, after: Row | undefined): void {
    for (const { column, keys } of this.indexes) {
      const left = (before?.[column as keyof Row] ?? null) as Key | null;
      const entered = (after?.[column as keyof Row] ?? null) as Key | null;
      if (left === entered) continue;
      if (left !== null) keys.delete(left);
      if (entered !== null) keys.set(entered, key);
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
      this.slots.set(value, new Slot<Row>(value, undefined, this.scope.batch));
    } else this.indexOf(column).set(value, undefined);
    if (this.definition.keepsAbsent) return;
    this.absent.push({ column, value, batch: this.scope.batch });
  }

  private indexOf(column: string): Map<Key, Key | undefined> {
    const index = this.indexes.find((one) => one.column === column);
    assert(index, `${this.definition.name} cannot be found by ${column}`);
    return index.keys;
  }

  protected keyOf(row: Row): Key {
    return row[this.definition.key] as Key;
  }
}
