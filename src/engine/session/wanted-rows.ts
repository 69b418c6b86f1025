import type { RowNeeds } from '../define/state-session';
import type { Key, KeyedTable } from '../define/state-table';
import type { BufferedSession } from './buffered-session';

/** Collects the rows that a session is going to be asked for, and loads those that it lacks. */
export class WantedRows implements Pick<RowNeeds, 'row'> {
  private missing: Map<KeyedTable, Map<string, Set<Key>>> | undefined;

  constructor(private readonly session: BufferedSession) {}

  row<Row extends object>(table: KeyedTable<Row>, column: keyof Row & string, value: Key): void {
    if (this.session.table(table).touch(column, value)) return;
    this.missing ??= new Map();
    const columns = getOrSet(
      this.missing,
      table as unknown as KeyedTable,
      () => new Map<string, Set<Key>>(),
    );
    getOrSet(columns, column, () => new Set<Key>()).add(value);
  }

  /** Whether the session has everything. */
  get isEmpty(): boolean {
    return this.missing === undefined;
  }

  /** One query a table and column, sent together. Fails once all of them have been answered. */
  async load(): Promise<void> {
    const loads: Promise<void>[] = [];
    for (const [table, columns] of this.missing ?? []) {
      for (const [column, values] of columns) {
        loads.push(this.session.table(table).load(column, values));
      }
    }
    // All are waited for, also where one fails: a late row must not come into a later batch.
    const failed = (await Promise.allSettled(loads)).find((l) => l.status === 'rejected');
    if (failed) throw failed.reason;
  }
}

/** The value of a key, made where there is none. */
export function getOrSet<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
