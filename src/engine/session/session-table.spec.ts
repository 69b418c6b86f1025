import fc from 'fast-check';
import { checkAsyncProperty } from '../../../test/harness/seed';
import { column } from '../../database/column';
import { GENESIS } from '../define/event';
import { SessionTable, type LoadRows, type SessionScope, type Undo } from './session-table';
import { defineKeyedTable, type RowOf } from '../define/state-table';

const shelves = defineKeyedTable({
  name: 'shelves',
  lastPosition: 'id',
  key: 'id',
  unique: ['label'],
  mutable: ['label', 'books'],
  cacheRows: 2,
  removable: true,
  columns: { id: column.bigint(), label: column.text().nullable(), books: column.int() },
});
type Shelf = RowOf<typeof shelves>;

/** A table in memory that behaves as the database does, and counts how often it is asked. */
class Shelves implements SessionScope {
  readonly rows = new Map<number, Shelf>();
  readonly journal: Undo[] = [];
  isUndoable = true;
  loaded(): void {}
  isMaterializing = false;
  batch = 1;
  head = GENESIS;
  loads: string[] = [];
  readonly session: SessionTable<Shelf>;

  constructor(...rows: Shelf[]) {
    this.session = new SessionTable(shelves, this);
    for (const row of rows) this.rows.set(row.id, row);
  }

  readonly load: LoadRows = (_, column, values) => {
    this.loads.push(`${column} ${values.join(' ')}`);
    const wanted = new Set<unknown>(values);
    const found = [...this.rows.values()].filter((r) => wanted.has(r[column as keyof Shelf]));
    return Promise.resolve(found.map((row) => ({ ...row })));
  };

  undoTo(mark: number): void {
    while (this.journal.length > mark) this.journal.pop()!.undo();
  }

  /** Without rows in the beginning there is nothing to load. */
  get beganEmpty(): boolean {
    return false;
  }

  /** What a flush does: removes, then inserts, then updates; each must find what it expects. */
  commit(): void {
    const { removed = [], inserted = [], updated = [] } = this.session.takeChanges() ?? {};
    for (const id of removed as readonly number[]) {
      if (!this.rows.delete(id)) throw new Error(`There is no shelf ${id} to remove`);
    }
    for (const row of inserted) {
      if (this.rows.has(row.id)) throw new Error(`There is a shelf ${row.id}`);
      this.rows.set(row.id, { ...row });
    }
    for (const row of updated) {
      if (!this.rows.has(row.id)) throw new Error(`There is no shelf ${row.id} to update`);
      this.rows.set(row.id, { ...row });
    }
    this.session.evict(this.batch++);
    this.journal.length = 0;
  }
}

class EmptyShelves extends Shelves {
  override get beganEmpty(): boolean {
    return true;
  }
}

const shelf = (id: number, label: string | null = null, books = 0): Shelf => ({ id, label, books });

describe('SessionTable', () => {
  it('loads a row once, and remembers that there is none', async () => {
    const table = new Shelves(shelf(1, 'poems'));
    const { session } = table;
    expect(await session.get(1)).toEqual(shelf(1, 'poems'));
    expect(session.get(1)).toEqual(shelf(1, 'poems'));
    expect(session.find('label', 'poems')).toEqual(shelf(1, 'poems'));
    expect(await session.get(2)).toBeUndefined();
    expect(await session.get(2)).toBeUndefined();
    expect(await session.find('label', 'maps')).toBeUndefined();
    expect(await session.find('label', 'maps')).toBeUndefined();
    expect(table.loads).toEqual(['id 1', 'id 2', 'label maps']);
  });

  it('forgets at a commit that there was no row, because others may have written it', async () => {
    const table = new Shelves();
    await table.session.get(1);
    await table.session.find('label', 'maps');
    table.rows.set(1, shelf(1, 'maps'));
    table.commit();
    expect(await table.session.find('label', 'maps')).toEqual(shelf(1, 'maps'));
    expect(await table.session.get(1)).toEqual(shelf(1, 'maps'));
  });

  it('keeps a changed row when an older one is loaded by another column', async () => {
    const table = new Shelves(shelf(1, 'poems', 1));
    await table.session.get(1);
    table.session.update(shelf(1, 'maps', 2));
    expect(await table.session.find('label', 'poems')).toBeUndefined();
    expect(await table.session.find('label', 'maps')).toEqual(shelf(1, 'maps', 2));
  });

  it('sends an update only for a column that is stored and may change', async () => {
    const table = new Shelves(shelf(1, 'poems', 1));
    const row = (await table.session.get(1))!;
    table.session.update({ ...row });
    expect(table.session.takeChanges()).toBeUndefined();
    table.session.update({ ...row, books: 2 });
    expect(table.session.takeChanges()).toEqual({
      removed: [],
      inserted: [],
      updated: [shelf(1, 'poems', 2)],
    });
  });

  it.each([
    ['live, where it may be undone', true],
    ['on a replay, where nothing is', false],
  ])('patches a row that others keep as it was: %s', async (_, isUndoable) => {
    const table = new Shelves(shelf(1, 'poems', 1));
    table.isUndoable = isUndoable;
    const row = (await table.session.get(1))!;
    table.session.patch(1, { books: 1 });
    expect(table.session.takeChanges()).toBeUndefined();
    table.session.patch(1, { books: 2 });
    expect(row).toEqual(shelf(1, 'poems', 1));
    expect(table.session.loaded(1)).toEqual(shelf(1, 'poems', 2));
    expect(table.session.takeChanges()?.updated).toEqual([shelf(1, 'poems', 2)]);
    expect(() => table.session.patch(2, { books: 2 })).toThrow('no row 2 to patch');
  });

  it('sends nothing for a row that came and went', async () => {
    const table = new Shelves();
    table.session.insert(shelf(1));
    table.session.update(shelf(1, 'poems'));
    table.session.remove(1);
    expect(table.session.takeChanges()).toBeUndefined();
    expect(await table.session.get(1)).toBeUndefined();
  });

  it('refuses to insert a row twice, and to change a row that nobody read', async () => {
    const table = new Shelves(shelf(1));
    await table.session.get(1);
    expect(() => table.session.insert(shelf(1))).toThrow('has a row 1 already');
    expect(() => table.session.update(shelf(2))).toThrow('no row 2 to update');
    expect(() => table.session.remove(2)).toThrow('no row 2 to remove');
    expect(() => table.session.find('books', 1)).toThrow('cannot be found by books');
  });

  it('evicts what is beyond its bound, the oldest first', async () => {
    const table = new Shelves(shelf(1), shelf(2), shelf(3), shelf(4));
    for (const id of [1, 2, 3]) await table.session.get(id);
    table.batch = 2;
    await table.session.get(4);
    table.session.evict(1);
    table.loads = [];
    for (const id of [3, 4]) await table.session.get(id);
    expect(table.loads).toEqual([]);
    for (const id of [1, 2]) await table.session.get(id);
    expect(table.loads).toEqual(['id 1', 'id 2']);
  });

  it('evicts nothing that an uncommitted batch has touched, however much there is', async () => {
    const table = new Shelves(shelf(1), shelf(2), shelf(3), shelf(4));
    await table.session.get(1);
    table.batch = 2;
    for (const id of [2, 3, 4]) await table.session.get(id);
    table.session.evict(1);
    table.loads = [];
    for (const id of [2, 3, 4, 1]) await table.session.get(id);
    expect(table.loads).toEqual(['id 1']);
  });

  it('knows about how many bytes its rows take, however they come and go', async () => {
    const long = 'x'.repeat(10_000);
    const table = new Shelves(shelf(1, long), shelf(2));
    const { session } = table;
    expect(session.bytes).toBe(0);
    const small = new Shelves(shelf(2));
    await small.session.get(2);
    const least = small.session.bytes;
    await session.load('id', [1, 2, 3]);
    expect(session.bytes - 2 * least).toBeGreaterThanOrEqual(10_000);
    expect(session.bytes - 2 * least).toBeLessThan(30_000);
    const loaded = session.bytes;
    const mark = table.journal.length;
    session.update(shelf(1, 'short'));
    session.insert(shelf(4, 'y'.repeat(20_000)));
    session.remove(2);
    expect(session.bytes).toBeGreaterThan(loaded);
    table.undoTo(mark);
    expect(session.bytes).toBe(loaded);
    session.remove(1);
    session.patch(2, { label: long });
    expect(session.bytes).toBe(loaded - least);
    table.commit();
    session.shed(table.batch, Infinity);
    expect(session.bytes).toBe(0);
  });

  it('forgets the oldest rows of so many bytes, and none of an uncommitted batch', async () => {
    const long = 'x'.repeat(10_000);
    const table = new Shelves(shelf(1, long), shelf(2, `${long}y`), shelf(3, `${long}z`));
    await table.session.load('id', [1, 2]);
    table.batch = 2;
    await table.session.get(3);
    table.session.shed(1, 1);
    expect([1, 2, 3].map((id) => table.session.peek(id)?.id)).toEqual([undefined, 2, 3]);
    table.session.shed(1, Infinity);
    expect([2, 3].map((id) => table.session.peek(id)?.id)).toEqual([undefined, 3]);
    expect(await table.session.find('label', long)).toEqual(shelf(1, long));
  });

  it('asks nothing of a database that was empty until it has evicted a row', async () => {
    const table = new EmptyShelves();
    expect(table.session.get(1)).toBeUndefined();
    expect(table.session.loaded(1)).toBeUndefined();
    expect(table.session.find('label', 'maps')).toBeUndefined();
    for (const id of [1, 2, 3]) table.session.insert(shelf(id, `shelf ${id}`));
    expect(table.session.touch('id', 4)).toBe(true);
    expect(table.loads).toEqual([]);
    table.commit();
    expect(table.session.touch('id', 1)).toBe(false);
    expect(await table.session.get(1)).toEqual(shelf(1, 'shelf 1'));
    expect(await table.session.find('label', 'maps')).toBeUndefined();
    expect(table.loads).toEqual(['id 1', 'label maps']);
  });

  it('keeps what is going to be read, present or absent, through one more commit', async () => {
    const table = new Shelves(shelf(1), shelf(2), shelf(3), shelf(4));
    await table.session.load('id', [1, 2, 3, 4, 9]);
    table.batch = 2;
    for (const id of [1, 9]) expect(table.session.touch('id', id)).toBe(true);
    await table.session.load('id', [1, 8]);
    table.session.evict(1);
    expect(table.session.loaded(1)).toEqual(shelf(1));
    expect(table.session.loaded(8)).toBeUndefined();
    expect(() => table.session.loaded(2)).toThrow('2 was not named among the needs');
    expect(table.session.peek(2)).toBeUndefined();
    expect(table.loads).toEqual(['id 1 2 3 4 9', 'id 8']);
  });

  it.each([
    ['undone commands, commits and evictions', true],
    ['commits and evictions where nothing is undone', false],
  ])('behaves like a plain map through %s', async (_, isUndoable) => {
    const key = fc.integer({ min: 1, max: 6 });
    const label = fc.constantFrom(null, 'a', 'b', 'c');
    const step = fc.record({
      kind: fc.constantFrom('get', 'find', 'put', 'put', 'put', 'patch', 'remove', 'load'),
      key,
      label,
      books: fc.integer({ min: 0, max: 3 }),
    });
    const command = fc.record({
      steps: fc.array(step, { maxLength: 6 }),
      end: isUndoable
        ? fc.constantFrom('keep', 'undo', 'commit')
        : fc.constantFrom('keep', 'commit'),
    });
    await checkAsyncProperty(
      fc.asyncProperty(fc.array(command, { maxLength: 12 }), async (commands) => {
        const table = new Shelves();
        table.isUndoable = isUndoable;
        let model = new Map<number, Shelf>();
        for (const { steps, end } of commands) {
          const before = new Map(model);
          const mark = table.journal.length;
          for (const one of steps) await applyStep(table.session, model, one);
          if (end === 'undo') {
            table.undoTo(mark);
            model = before;
          } else if (end === 'commit') {
            table.commit();
            expect(table.rows).toEqual(model);
          }
        }
        for (let id = 1; id <= 6; id++) expect(await table.session.get(id)).toEqual(model.get(id));
        for (const text of ['a', 'b', 'c']) {
          expect(await table.session.find('label', text)).toEqual(labelled(model, text));
        }
      }),
      400,
    );
  });
});

function labelled(model: Map<number, Shelf>, label: string): Shelf | undefined {
  return [...model.values()].find((row) => row.label === label);
}

async function applyStep(
  session: SessionTable<Shelf>,
  model: Map<number, Shelf>,
  step: { kind: string; key: number; label: string | null; books: number },
): Promise<void> {
  const { kind, key } = step;
  if (kind === 'load') return session.load('id', [key, key + 1]);
  if (kind === 'find' && step.label !== null) {
    expect(await session.find('label', step.label)).toEqual(labelled(model, step.label));
    return;
  }
  // As a creator does, everything is read before it is changed.
  expect(await session.get(key)).toEqual(model.get(key));
  if (kind === 'remove' && model.has(key)) {
    session.remove(key);
    model.delete(key);
  } else if (kind === 'patch' && model.has(key)) {
    session.patch(key, { books: step.books });
    model.set(key, { ...model.get(key)!, books: step.books });
  } else if (kind === 'put') {
    if (step.label !== null && labelled(model, step.label) !== undefined) return;
    const row = shelf(key, step.label, step.books);
    if (model.has(key)) session.update(row);
    else session.insert(row);
    model.set(key, row);
  }
}
