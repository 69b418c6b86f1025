import assert from 'node:assert';
import { SessionTable, type SessionScope, type TableChanges } from './session-table';
import type { Key, KeyedTable } from '../define/state-table';

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
    this.inserted.push(row);
  }

  override patch(key: Key, values: Partial<Row>): void {
    const { name, key: column, mutable } = this.definition;
    for (const one of mutable) assert(one in values, `${name} is patched without ${one}`);
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

  override load(): Promise<void> {
    return Promise.reject(new Error(`${this.definition.name} is only written by materializers`));
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
