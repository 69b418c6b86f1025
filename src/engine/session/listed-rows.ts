import assert from 'node:assert';
import type { ListTable } from '../define/state-table';
import type { Undo } from './session-table';

/** What was put into a list and dropped from it, for the database to do in this order. */
export interface ListChanges<Row> {
  /** Rows with their keys at least. */
  readonly dropped: readonly Partial<Row>[];
  readonly put: readonly Row[];
}

/** What came into a list and left it, and the database does not have yet. */
export class ListedRows<Row extends object> {
  private rows = new Map<string, Row>();
  private dropped = new Map<string, Partial<Row>>();

  constructor(readonly definition: ListTable<Row>) {}

  /** @returns how to take the row away again */
  put(row: Row): Undo {
    const key = this.keyOf(row);
    const { rows } = this;
    if (rows.has(key)) assert.fail(`${this.definition.name} has ${key} already`);
    rows.set(key, row);
    // What was sent since is undone in the database.
    return { undo: () => void rows.delete(key) };
  }

  /** @returns how to have the row there again */
  drop(keys: Partial<Row>): Undo {
    const key = this.keyOf(keys);
    const { rows, dropped } = this;
    const row = rows.get(key);
    if (row) {
      rows.delete(key);
      return { undo: () => void rows.set(key, row) };
    }
    if (dropped.has(key)) assert.fail(`${this.definition.name} has no ${key} any more`);
    dropped.set(key, keys);
    return { undo: () => void dropped.delete(key) };
  }

  /** All of it, and nothing is left; undefined: there is nothing. */
  take(): ListChanges<Row> | undefined {
    const { rows, dropped } = this;
    if (rows.size + dropped.size === 0) return undefined;
    this.rows = new Map();
    this.dropped = new Map();
    return { dropped: [...dropped.values()], put: [...rows.values()] };
  }

  private keyOf(row: Partial<Row>): string {
    const { keys } = this.definition;
    let key = String(row[keys[0]!]);
    for (let i = 1; i < keys.length; i++) key += ` ${String(row[keys[i]!])}`;
    return key;
  }
}
