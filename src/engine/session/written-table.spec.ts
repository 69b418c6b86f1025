import { column } from '../../database/column';
import { GENESIS } from '../define/event';
import { encodeChanges } from './flush';
import type { SessionScope, SessionTable } from './session-table';
import { BufferedSession } from './buffered-session';
import { aheadOfLocks, catchingUp } from './session-mode';
import { defineKeyedTable, type RowOf } from '../define/state-table';
import { WrittenTable } from './written-table';

const letters = defineKeyedTable({
  name: 'letters',
  lastPosition: 'id',
  key: 'id',
  unique: [],
  mutable: ['answered_by'],
  cacheRows: 0,
  isOnlyWritten: true,
  columns: {
    id: column.bigint(),
    text: column.text(),
    answered_by: column.bigint().nullable(),
  },
});
type Letter = RowOf<typeof letters>;

function open() {
  const scope = {
    batch: 1,
    head: { position: 1, hash: '' },
    load: () => Promise.reject(new Error('asked the database')),
    loaded: () => undefined,
    journal: [],
    isUndoable: false,
    isMaterializing: true,
    beganEmpty: true,
  } satisfies SessionScope;
  return { scope, table: new WrittenTable(letters, scope) };
}

/** To what a materializer must not do, the answer is the same live and on a replay. */
function refusesReading(table: SessionTable<Letter>): void {
  const read: (() => unknown)[] = [
    () => table.get(1),
    () => table.find('text', 'letter 1'),
    () => table.loaded(1),
    () => table.load('id', [1]),
    () => table.update(letter(1)),
    () => table.remove(1),
  ];
  for (const one of read) expect(one).toThrow('letters is only written by materializers');
  expect(() => table.patch(1, { text: 'other' })).toThrow('patched without answered_by');
}

const letter = (id: number): Letter => ({ id, text: `letter ${id}`, answered_by: null });

describe('WrittenTable', () => {
  it('has rows inserted, and patched whether it has seen them or not', () => {
    const { table } = open();
    table.insert(letter(1));
    table.patch(1, { answered_by: 2 });
    table.patch(0, { answered_by: 3 });
    table.patch(0, { answered_by: 4 });
    expect(table.takeInserted()).toEqual([letter(1)]);
    table.insert(letter(2));
    expect(table.takeChanges()).toEqual({
      removed: [],
      inserted: [letter(2)],
      updated: [
        { id: 1, answered_by: 2 },
        { id: 0, answered_by: 4 },
      ],
    });
    expect(table.takeInserted()).toEqual([]);
    expect(table.takeChanges()).toBeUndefined();
  });

  it('has a row inserted before it is patched', () => {
    const load = () => Promise.resolve([]);
    const mode = catchingUp(load, undefined as never);
    const session = new BufferedSession([letters], GENESIS, mode);
    session.table(letters).insert(letter(1));
    session.table(letters).patch(1, { answered_by: 2 });
    const sent = encodeChanges(session.takeChanges()).map((statement) => Object.keys(statement));
    expect(sent).toEqual([
      ['copyInto', 'rows'],
      ['query', 'finds'],
    ]);
  });

  it('shows what the event under way has written, and no more', () => {
    const { scope, table } = open();
    table.insert(letter(1));
    table.insert(letter(2));
    expect(table.peek(1)).toEqual(letter(1));
    expect(table.peek(3)).toBeUndefined();
    scope.head.position = 2;
    table.insert(letter(3));
    table.patch(2, { answered_by: 3 });
    expect(table.peek(1)).toBeUndefined();
    expect(table.peek(2)).toEqual({ id: 2, answered_by: 3 });
    expect(table.peek(3)).toEqual(letter(3));
    table.takeInserted();
    expect(table.peek(3)).toBeUndefined();
  });

  it('inserts no row that was patched before', () => {
    const { table } = open();
    table.patch(1, { answered_by: 2 });
    expect(() => table.insert(letter(1))).toThrow('letters 1 was patched before');
  });

  it('says so where a materializer reads, or leaves open what a column is to be', () => {
    const { table } = open();
    table.insert(letter(1));
    refusesReading(table);
  });
});

describe('ReadableTable', () => {
  it('is read by creators, and written by materializers alone', async () => {
    const load = () => Promise.resolve([letter(1)]);
    const session = new BufferedSession([letters], GENESIS, aheadOfLocks(load));
    const table = session.table(letters);
    expect(await table.get(1)).toEqual(letter(1));
    session.isMaterializing = true;
    refusesReading(table);
    table.insert(letter(2));
    table.patch(1, { answered_by: 2 });
    session.isMaterializing = false;
    expect(await table.get(1)).toEqual({ ...letter(1), answered_by: 2 });
    expect(table.loaded(2)).toEqual(letter(2));
  });
});
