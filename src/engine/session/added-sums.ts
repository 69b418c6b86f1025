import type { SumTable } from '../define/state-table';
import type { Undo } from './session-table';

/** What was added to a table of sums and the database does not have yet. */
export class AddedSums<Row extends object> {
  private rows = new Map<string, Row>();

  constructor(readonly definition: SumTable<Row>) {}

  /** Adds to the row with the same keys. @returns how to take it away again */
  add(row: Row): Undo {
    const { keys, sums } = this.definition;
    const key = keys.map((column) => String(row[column])).join(' ');
    const before = this.rows.get(key);
    const after = { ...row };
    for (const column of before ? sums : []) {
      const sum = (before![column] as bigint) + (row[column] as bigint);
      after[column] = sum as Row[typeof column];
    }
    const { rows } = this;
    rows.set(key, after);
    const undo = () => {
      // What was sent since is undone in the database.
      if (rows !== this.rows) return;
      if (before) rows.set(key, before);
      else rows.delete(key);
    };
    return { undo };
  }

  /** Every row with what was added to it; nothing is left. */
  take(): Row[] {
    const taken = [...this.rows.values()];
    if (taken.length > 0) this.rows = new Map();
    return taken;
  }
}
