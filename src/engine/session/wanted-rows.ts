import type { RowNeeds } from '../define/state-session';
import type { Key, KeyedTable } from '../define/state-table';
import type { BufferedSession } from './buffered-session';

/** What rows of a table of large ones may take of memory while more are loaded ahead of a batch. */
const LOADED_BYTES = 4 * 1024 * 1024;

/** So many times as many are loaded next: most are small, or not there at all. */
const MORE = 4;

/** Collects the rows that a session is going to be asked for, and loads those that it lacks. */
export class WantedRows implements Pick<RowNeeds, 'row'> {
  private missing: Map<KeyedTable, Map<string, Set<Key>>> | undefined;
  private sum = 0;

  constructor(private readonly session: BufferedSession) {}

  row<Row extends object>(table: KeyedTable<Row>, column: keyof Row & string, value: Key): boolean {
    if (this.session.table(table).touch(column, value)) return true;
    this.missing ??= new Map();
    const columns = getOrSet(
      this.missing,
      table as unknown as KeyedTable,
      () => new Map<string, Set<Key>>(),
    );
    const values = getOrSet(columns, column, () => new Set<Key>());
    this.sum -= values.size;
    this.sum += values.add(value).size;
    return false;
  }

  /** How many rows the session lacks. */
  get count(): number {
    return this.sum;
  }

  /** Whether the session has everything. */
  get isEmpty(): boolean {
    return this.missing === undefined;
  }

  /**
   * One query a table and column, sent together; of a table of large rows as many, one after the
   * other, as their bytes allow, and then its rows come one by one, if their turn comes at all.
   * Fails once all of them have been answered.
   */
  async load(): Promise<void> {
    const loads: Promise<void>[] = [];
    for (const [table, columns] of this.missing ?? []) {
      for (const [column, values] of columns) {
        loads.push(this.loadColumn(table, column, [...values]));
      }
    }
    // All are waited for, also where one fails: a late row must not come into a later batch.
    const failed = (await Promise.allSettled(loads)).find((l) => l.status === 'rejected');
    if (failed) throw failed.reason;
  }

  private async loadColumn(table: KeyedTable, column: string, values: Key[]): Promise<void> {
    const view = this.session.table(table);
    if (table.loadRows === undefined) return view.load(column, values);
    let count = table.loadRows;
    let from = 0;
    while (from < values.length && view.bytes <= LOADED_BYTES) {
      await view.load(column, values.slice(from, from + count));
      from += count;
      count *= MORE;
    }
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
