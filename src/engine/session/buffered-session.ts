import assert from 'node:assert';
import { getHeapStatistics } from 'node:v8';
import type { Kysely } from 'kysely';
import type { Head } from '../define/event';
import type { StateSession } from '../define/state-session';
import type {
  AppendTable,
  Key,
  KeyedTable,
  ListTable,
  StateDatabase,
  StateTable,
  SumTable,
} from '../define/state-table';
import type { StateChanges } from './flush';
import { ListedRows } from './listed-rows';
import { NEXT_MODES, type SessionMode } from './session-mode';
import { SessionTable, type SessionScope, type Undo } from './session-table';
import { AddedSums } from './added-sums';
import { ReadableTable, WrittenTable } from './written-table';

/** A creator asked for SQL before the locks were held; the command waits for them. */
export class NeedsLock extends Error {}

/** A command asked for SQL after it had buffered changes; it is undone and run again. */
export class NeedsSavepoint extends Error {}

/**
 * What the rows of a session may take of memory once they are committed, all tables together: a
 * share of what the process may have. A table has a bound in rows besides (`cacheRows`).
 */
const CACHE_BYTES = Math.round(getHeapStatistics().heap_size_limit / 8);
/** Rows are evicted by their bytes when so much more is there, and not at every commit. */
const SURPLUS_SHARE = 1 / 8;

/**
 * The buffered view of the state: see {@link StateSession}. It stands at `head`: everything up to
 * there is in it or, where it is not loaded yet, in the database. What it may do depends on its
 * {@link SessionMode}. On any failure the whole session is thrown away.
 */
export class BufferedSession implements StateSession, SessionScope {
  readonly beganEmpty: boolean;
  readonly isUndoable: boolean;
  isMaterializing = false;
  readonly journal: Undo[] = [];
  private at: Head;
  private number = 0;
  private sumOfLoaded = 0;
  /** Position of the last change that may no longer be in memory. */
  private leastPosition: number;
  private readonly tables = new Map<object, SessionTable<object>>();
  private readonly written: WrittenTable<object>[] = [];
  private readonly appends = new Map<object, object[]>();
  private readonly sums = new Map<object, AddedSums<object>>();
  private readonly lists = new Map<object, ListedRows<object>>();

  /**
   * @param head everything up to there is in the database
   * @param cacheBytes what its rows may take of memory between batches
   */
  constructor(
    definitions: readonly StateTable[],
    head: Head,
    private current: SessionMode,
    private readonly cacheBytes = CACHE_BYTES,
  ) {
    const catchesUp = current.name === 'catching up';
    this.at = head;
    this.leastPosition = head.position;
    this.isUndoable = !catchesUp;
    this.beganEmpty = catchesUp && head.position === 0;
    for (const definition of definitions) {
      if (definition.kind === 'append') this.appends.set(definition, []);
      else if (definition.kind === 'sum') {
        this.sums.set(definition, new AddedSums(definition as never));
      } else if (definition.kind === 'list') {
        this.lists.set(definition, new ListedRows(definition as never));
      } else this.tables.set(definition, this.viewOf(definition as never, catchesUp));
    }
  }

  private viewOf(definition: KeyedTable, catchesUp: boolean): SessionTable<object> {
    if (!definition.isOnlyWritten) return new SessionTable(definition, this);
    if (!catchesUp) return new ReadableTable(definition, this);
    const table = new WrittenTable(definition, this);
    this.written.push(table);
    return table;
  }

  get mode(): SessionMode['name'] {
    return this.current.name;
  }

  /** Goes on with rows from elsewhere. @throws AssertionError where that mode cannot follow */
  enter(mode: SessionMode): void {
    const { name } = this.current;
    assert(NEXT_MODES[name].includes(mode.name), `A session goes from ${name} to ${mode.name}`);
    this.current = mode;
  }

  /** The last event that is in the session, or is being materialized. */
  get head(): Head {
    return this.at;
  }

  moveTo(head: Head): void {
    this.at = head;
  }

  /** Number of the batch that is being run. */
  get batch(): number {
    return this.number;
  }

  /** Rows that are touched from here on stay in memory until that batch is committed. */
  beginBatch(number: number): void {
    assert(number > this.number, `Batch ${number} comes after batch ${this.number}`);
    this.number = number;
    this.sumOfLoaded = 0;
  }

  loaded(bytes: number): void {
    this.sumOfLoaded += bytes;
  }

  /** What the rows take of memory that were loaded in the batch under way, about. */
  get loadedBytes(): number {
    return this.sumOfLoaded;
  }

  load(table: KeyedTable, column: string, values: readonly Key[]): Promise<object[]> {
    return this.current.load(table, column, values, () => this.leastPosition);
  }

  /** The session's view of a keyed table. */
  table<Row extends object>(definition: KeyedTable<Row>): SessionTable<Row> {
    const table = this.tables.get(definition) ?? this.lookupOf(definition);
    return table as unknown as SessionTable<Row>;
  }

  /** A lookup is known once somebody asks for it: it is no table of the database. */
  private lookupOf(definition: KeyedTable<never>): SessionTable<object> {
    assert(definition.read, `${definition.name} belongs to no feature`);
    const lookup = new SessionTable(definition as unknown as KeyedTable, this, false);
    this.tables.set(definition, lookup);
    return lookup;
  }

  append<Row extends object>(definition: AppendTable<Row>, row: NoInfer<Row>): void {
    const rows = this.appends.get(definition);
    if (!rows) assert.fail(`${definition.name} belongs to no feature`);
    rows.push(row);
    if (this.isUndoable) this.journal.push({ undo: () => void rows.pop() });
  }

  add<Row extends object>(definition: SumTable<Row>, row: NoInfer<Row>): void {
    const sums = this.sums.get(definition);
    if (!sums) assert.fail(`${definition.name} belongs to no feature`);
    const added = sums.add(row);
    if (this.isUndoable) this.journal.push(added);
  }

  put<Row extends object>(definition: ListTable<Row>, row: NoInfer<Row>): void {
    const undo = this.listOf(definition).put(row);
    if (this.isUndoable) this.journal.push(undo);
  }

  drop<Row extends object>(definition: ListTable<Row>, keys: NoInfer<Partial<Row>>): void {
    const undo = this.listOf(definition).drop(keys);
    if (this.isUndoable) this.journal.push(undo);
  }

  private listOf(definition: ListTable<never>): ListedRows<object> {
    const list = this.lists.get(definition);
    if (!list) assert.fail(`${definition.name} belongs to no feature`);
    return list;
  }

  async query<T>(run: (db: Kysely<StateDatabase>) => Promise<T>): Promise<T> {
    const mode = this.current;
    if (mode.name === 'ahead of the locks') throw new NeedsLock();
    if (mode.name === 'under the locks') throw new NeedsSavepoint();
    await mode.queries.flush(this);
    return run(mode.queries.db);
  }

  /**
   * Runs a command that wants SQL. What came before it is sent first, and a savepoint separates
   * the two, so that it can be undone alone in the database too.
   */
  async behindSavepoint<T>(run: () => Promise<T>): Promise<T> {
    const mode = this.current;
    assert(mode.name === 'under the locks', `SQL has no savepoint ${mode.name}`);
    this.enter({ ...mode, name: 'behind a savepoint' });
    try {
      return await run();
    } finally {
      this.enter(mode);
    }
  }

  /** Sends what was buffered before a command that wants SQL. @throws what refuses those rows */
  async sendBuffered(): Promise<void> {
    const mode = this.current;
    assert(mode.name === 'under the locks', `Nothing is sent ${mode.name}`);
    await mode.queries.flush(this);
  }

  /** Forgets how to undo what came before: the next command can be undone, and nothing else. */
  beginCommand(): void {
    this.journal.length = 0;
  }

  /** A point to which changes can be undone in memory. */
  mark(): number {
    return this.journal.length;
  }

  undoTo(mark: number): void {
    while (this.journal.length > mark) this.journal.pop()!.undo();
  }

  /** Separates a command, or one inside it, in the database where SQL is allowed. */
  beginInDatabase(): Promise<void> | undefined {
    const mode = this.current;
    return mode.name === 'behind a savepoint' ? mode.queries.savepoint(this) : undefined;
  }

  /** Ends what {@link beginInDatabase} began; `keep` false undoes it there. */
  endInDatabase(keep: boolean): Promise<void> | undefined {
    const mode = this.current;
    return mode.name === 'behind a savepoint' ? mode.queries.release(keep) : undefined;
  }

  /** Every buffered change by table, for the caller to send; the buffers are empty afterwards. */
  takeChanges(): StateChanges {
    const inserts = [...this.takeAppended()];
    const changes: StateChanges['changes'] = [];
    for (const table of this.tables.values()) {
      const taken = table.takeChanges();
      if (taken) changes.push({ table: table.definition, changes: taken });
    }
    const sums: StateChanges['sums'] = [];
    for (const added of this.sums.values()) {
      const rows = added.take();
      if (rows.length > 0) sums.push({ table: added.definition, rows });
    }
    const lists: StateChanges['lists'] = [];
    for (const list of this.lists.values()) {
      const taken = list.take();
      if (taken) lists.push({ table: list.definition, ...taken });
    }
    return { inserts, changes, sums, lists };
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

  /**
   * Forgets what the bounds no longer allow, once a batch has been committed. From here on rows
   * are loaded only from a state that contains it: see {@link LoadFitting}.
   * @param head up to which the batch has brought the state
   */
  committed(batch: number, head: Head): void {
    this.leastPosition = head.position;
    let bytes = 0;
    for (const table of this.tables.values()) {
      table.evict(batch);
      bytes += table.bytes;
    }
    if (bytes > this.cacheBytes * (1 + SURPLUS_SHARE)) this.shed(batch, bytes - this.cacheBytes);
  }

  /** Forgets rows of so many bytes, of the table that has most of them first. */
  private shed(batch: number, bytes: number): void {
    let surplus = bytes;
    for (const table of [...this.tables.values()].sort((a, b) => b.bytes - a.bytes)) {
      const before = table.bytes;
      table.shed(batch, surplus);
      surplus -= before - table.bytes;
      if (surplus <= 0) return;
    }
  }
}
