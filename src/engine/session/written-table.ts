import assert from 'node:assert';
import { SessionTable, type SessionScope, type TableChanges } from './session-table';
import type { Found } from '../define/state-session';
import type { Key, KeyedTable } from '../define/state-table';
import { frozenInSpecs } from './frozen-rows';

/**
 * The live view of a table whose rows materializers write and never read. Creators may read them;
 * to a materializer it is what {@link WrittenTable} is, so that nothing happens live that a replay
 * could not do again.
 */
export class ReadableTable<Row extends object> extends SessionTable<Row> {
  override get(key: Key): Found<Row> {
    this.refuseMaterializer();
    return super.get(key);
  }

  override loaded(key: Key): Row | undefined {
    this.refuseMaterializer();
    return super.loaded(key);
  }

  override find(column: keyof Row & string, value: Key): Found<Row> {
    this.refuseMaterializer();
    return super.find(column, value);
  }

  override load(column: string, values: Iterable<Key>): Promise<void> {
    this.refuseMaterializer();
    return super.load(column, values);
  }

  override update(row: Row): void {
    this.refuseMaterializer();
    super.update(row);
  }

  override patch(key: Key, values: Partial<Row>): void {
    assertComplete(this.definition, values);
    super.patch(key, values);
  }

  override remove(key: Key): void {
    this.refuseMaterializer();
    super.remove(key);
  }

  private refuseMaterializer(): void {
    if (this.scope.isMaterializing) throw onlyWritten(this.definition);
  }
}

function onlyWritten({ name }: { readonly name: string }): Error {
  return new Error(`${name} is only written by materializers`);
}

/** A row that nobody has read can only be changed by what is known of all its mutable columns. */
function assertComplete<Row extends object>(
  { name, mutable }: KeyedTable<Row>,
  values: Partial<Row>,
): void {
  for (const one of mutable) assert(one in values, `${name} is patched without ${one}`);
}

/**
 * A catch-up's view of a table whose rows materializers write and never read. Nothing is loaded,
 * and no row is kept after it is taken to be sent: there are millions in a rebuild.
 */
export class WrittenTable<Row extends object> extends SessionTable<Row> {
  private inserted: Row[] = [];
  /** Columns of rows that the database has, by key. */
  private readonly patched = new Map<Key, Row>();
  /** The last event that inserted rows, and the place of its first one. */
  private newest = { position: 0, from: 0 };

  constructor(definition: KeyedTable<Row>, scope: SessionScope) {
    super(definition, scope, false);
  }

  override insert(row: Row): void {
    const { position } = this.scope.head;
    const key = this.keyOf(row);
    // Sent together, in this order, the change would find the row that comes behind it.
    if (this.patched.has(key)) assert.fail(`${this.definition.name} ${key} was patched before`);
    if (position !== this.newest.position) this.newest = { position, from: this.inserted.length };
    this.inserted.push(frozenInSpecs(row));
  }

  override patch(key: Key, values: Partial<Row>): void {
    const { key: column } = this.definition;
    assertComplete(this.definition, values);
    this.patched.set(key, { [column]: key, ...values } as Row);
  }

  /** What the event under way has written of a row. */
  override peek(key: Key): Row | undefined {
    const column = this.definition.key;
    const { position, from } = this.newest;
    const isNew = position === this.scope.head.position;
    const rows = isNew ? this.inserted.slice(from) : [];
    return this.patched.get(key) ?? rows.find((row) => row[column] === key);
  }

  override get(): never {
    throw onlyWritten(this.definition);
  }

  override loaded(): never {
    throw onlyWritten(this.definition);
  }

  override find(): never {
    throw onlyWritten(this.definition);
  }

  override load(): never {
    throw onlyWritten(this.definition);
  }

  override update(): never {
    throw onlyWritten(this.definition);
  }

  override remove(): never {
    throw onlyWritten(this.definition);
  }

  /** The rows that were inserted since they were taken before. */
  takeInserted(): Row[] {
    this.newest = { position: 0, from: 0 };
    return this.inserted.splice(0);
  }

  override takeChanges(): TableChanges<Row> | undefined {
    const inserted = this.takeInserted();
    const updated = [...this.patched.values()];
    this.patched.clear();
    const isEmpty = inserted.length + updated.length === 0;
    return isEmpty ? undefined : { removed: [], inserted, updated };
  }

  override evict(): void {
    // Nothing is kept.
  }
}
