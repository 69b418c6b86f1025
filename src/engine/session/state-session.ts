import assert from 'node:assert';
import type { Kysely } from 'kysely';
import type { Head } from '../define/event';
import { SessionTable } from './session-table';
import type { LoadRows, SessionScope, TableChanges, Undo } from './session-table';
import type { AppendTable, Key, KeyedTable, StateTable } from '../define/state-table';
import { WrittenTable } from './written-table';

/** Names what a creator is going to read, so that a batch loads it in one query a table. */
export interface RowNeeds {
  row<Row extends object>(table: KeyedTable<Row>, column: keyof Row & string, value: Key): void;
  idempotencyKey(key: string): void;
}

/** A creator asked for SQL before the locks were held; the command waits for them. */
export class NeedsLock extends Error {}

/** A command asked for SQL after it had buffered changes; it is undone and run again. */
export class NeedsSavepoint extends Error {}

/** SQL inside the locked transaction, where the session may use it. */
export interface LockedQueries {
  /** Sends all buffered changes, so that SQL sees them. */
  flush(): Promise<void>;
  /** Flushes, and separates that from what the next command sends. */
  savepoint(): Promise<void>;
  /** Ends the last savepoint; `keep` false undoes what was sent since. */
  release(keep: boolean): Promise<void>;
  readonly db: Kysely<unknown>;
}

/**
 * The buffered view of the state that creators and materializers read and write; the same for live
 * writes, catch-up and replay. It stands at `head`: everything up to there is in it or, where it is
 * not loaded yet, in the database. On any failure the whole session is thrown away.
 */
export class StateSession implements SessionScope {
  /** Number of the batch that is being run. */
  batch = 0;
  readonly beganEmpty: boolean;
  journal: Undo[] = [];
  isUndoable = true;
  /** Set while the locks are held: SQL is allowed. */
  locked: LockedQueries | undefined;
  /** Whether the command under way can be undone in the database too. */
  hasSavepoint = false;
  private readonly tables = new Map<object, SessionTable<object>>();
  private readonly written: WrittenTable<object>[] = [];
  private readonly appends = new Map<object, object[]>();

  constructor(
    definitions: readonly StateTable[],
    public head: Head,
    public load: LoadRows,
    readonly catchesUp = false,
  ) {
    this.beganEmpty = catchesUp && head.position === 0;
    for (const definition of definitions) {
      if (definition.kind === 'append') this.appends.set(definition, []);
      else this.tables.set(definition, this.viewOf(definition as never));
    }
  }

  private viewOf(definition: KeyedTable): SessionTable<object> {
    if (!this.catchesUp || !definition.isOnlyWritten) return new SessionTable(definition, this);
    const table = new WrittenTable(definition, this);
    this.written.push(table);
    return table;
  }

  /** The session's view of a keyed table. */
  table<Row extends object>(definition: KeyedTable<Row>): SessionTable<Row> {
    const table = this.tables.get(definition);
    if (!table) assert.fail(`${definition.name} belongs to no feature`);
    return table as unknown as SessionTable<Row>;
  }

  /** Appends a row to a table that has no key in memory. */
  append<Row extends object>(definition: AppendTable<Row>, row: Row): void {
    const rows = this.appends.get(definition);
    if (!rows) assert.fail(`${definition.name} belongs to no feature`);
    rows.push(row);
    if (this.isUndoable) this.journal.push({ undo: () => void rows.pop() });
  }

  /**
   * Plain SQL on the state, for what the typed tables cannot say. Flushes first, so that it sees
   * every buffered write. Slower than the tables: it ends the batch's single flush.
   */
  async query<T>(run: (db: Kysely<unknown>) => Promise<T>): Promise<T> {
    if (!this.locked) throw new NeedsLock();
    if (!this.hasSavepoint) throw new NeedsSavepoint();
    await this.locked.flush();
    return run(this.locked.db);
  }

  /** A point to which changes can be undone in memory. */
  mark(): number {
    return this.journal.length;
  }

  undoTo(mark: number): void {
    while (this.journal.length > mark) this.journal.pop()!.undo();
  }

  /** Every buffered change by table, for the caller to send; the buffers are empty afterwards. */
  takeChanges(): StateChanges {
    const inserts = [...this.takeAppended()];
    const changes: StateChanges['changes'] = [];
    for (const table of this.tables.values()) {
      const taken = table.takeChanges();
      if (taken) changes.push({ table: table.definition, changes: taken });
    }
    return { inserts, changes };
  }

  /** The buffered rows that no materializer reads again; their buffers are empty then. */
  *takeAppended(): Generator<StateChanges['inserts'][number]> {
    for (const [definition, rows] of this.appends) {
      if (rows.length === 0) continue;
      yield { table: definition as AppendTable<never>, rows: rows.splice(0) };
    }
    for (const table of this.written) {
      const rows = table.takeInserted();
      if (rows.length > 0) yield { table: table.definition, rows };
    }
  }

  /** Forgets what the tables' bounds no longer allow, once a batch has been committed. */
  committed(batch: number): void {
    for (const table of this.tables.values()) table.evict(batch);
  }
}

/** Buffered rows on their way to the database. */
export interface StateChanges {
  readonly inserts: { readonly table: StateTable; readonly rows: object[] }[];
  readonly changes: {
    readonly table: KeyedTable<never>;
    readonly changes: TableChanges<object>;
  }[];
}
