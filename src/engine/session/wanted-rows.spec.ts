import { column } from '../../database/column';
import { GENESIS } from '../define/event';
import { defineKeyedTable } from '../define/state-table';
import { BufferedSession } from './buffered-session';
import { aheadOfLocks } from './session-mode';
import { WantedRows } from './wanted-rows';

const MIB = 1024 * 1024;
const define = (name: string, loadRows?: number) =>
  defineKeyedTable({
    ...{ name, key: 'id', lastPosition: 'id', unique: [], mutable: [], cacheRows: 0 },
    ...(loadRows !== undefined && { loadRows }),
    columns: { id: column.bigint(), text: column.text() },
  });
const ALL = 'notes 1 2 3 4 5 6 7 8 9 10 11 12';
const [notes, books] = [define('notes'), define('books', 2)];

/** Loads twelve rows of each table ahead of a batch. @returns the queries */
async function loadedWith(text: string): Promise<{ queries: string[]; session: BufferedSession }> {
  const queries: string[] = [];
  const mode = aheadOfLocks(({ name }, _column, values) => {
    queries.push(`${name} ${values.join(' ')}`);
    return Promise.resolve(values.map((id) => ({ id, text })));
  });
  const session = new BufferedSession([notes, books], GENESIS, mode);
  session.beginBatch(1);
  const wanted = new WantedRows(session);
  for (let id = 1; id <= 12; id++) for (const table of [notes, books]) wanted.row(table, 'id', id);
  await wanted.load();
  return { queries, session };
}

describe('rows that a batch is going to need', () => {
  it('come in one query a table, and of large ones more and more at a time', async () => {
    const { queries } = await loadedWith('short');
    const books = ['books 1 2', 'books 3 4 5 6 7 8 9 10', 'books 11 12'];
    expect(queries).toEqual([ALL, ...books]);
  });

  it('come later one by one where those that are there are large', async () => {
    const { queries, session } = await loadedWith('x'.repeat(MIB));
    expect(queries).toEqual([ALL, 'books 1 2']);
    expect(await session.table(books).get(4)).toMatchObject({ id: 4 });
    expect(queries.at(-1)).toBe('books 4');
  });
});
