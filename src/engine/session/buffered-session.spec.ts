import { AssertionError } from 'node:assert';
import { column } from '../../database/column';
import { GENESIS } from '../define/event';
import { BufferedSession, NeedsLock, NeedsSavepoint } from './buffered-session';
import {
  aheadOfLocks,
  catchingUp,
  underLocks,
  type LoadFitting,
  type LockedQueries,
  type SessionMode,
} from './session-mode';
import { defineKeyedTable } from '../define/state-table';

const books = defineKeyedTable({
  name: 'books',
  lastPosition: 'id',
  key: 'id',
  unique: [],
  mutable: ['title'],
  cacheRows: 0,
  columns: { id: column.bigint(), title: column.text() },
});

/** Modes that note what they are asked for. */
function noted() {
  const calls: string[] = [];
  const note = (what: string) => () => {
    calls.push(what);
    return Promise.resolve();
  };
  const queries: LockedQueries = {
    flush: note('flush'),
    savepoint: note('savepoint'),
    release: (keep) => note(`release ${keep}`)(),
    db: undefined as never,
  };
  const load =
    (from: string): LoadFitting =>
    (_table, _column, values, least) => {
      calls.push(`${from} ${values.join()} of ${least()}`);
      return Promise.resolve([]);
    };
  const modes = {
    ahead: aheadOfLocks(load('outside')),
    under: underLocks(load('inside'), queries),
    catching: catchingUp(load('inside'), queries),
  };
  const open = (mode: SessionMode) => new BufferedSession([books], GENESIS, mode);
  return { calls, modes, open };
}

const sql = () => Promise.resolve('rows');

describe('the mode of a session', () => {
  it('allows SQL ahead of the locks never, and under them behind a savepoint', async () => {
    const { calls, modes, open } = noted();
    const session = open(modes.ahead);
    await expect(session.query(sql)).rejects.toThrow(NeedsLock);
    await expect(session.sendBuffered()).rejects.toThrow(AssertionError);
    await expect(session.behindSavepoint(sql)).rejects.toThrow(AssertionError);
    session.enter(modes.under);
    await expect(session.query(sql)).rejects.toThrow(NeedsSavepoint);
    await session.beginInDatabase();
    await session.endInDatabase(false);
    expect(calls).toEqual([]);
    await session.sendBuffered();
    const answer = await session.behindSavepoint(async () => {
      await session.beginInDatabase();
      const rows = await session.query(sql);
      await session.endInDatabase(true);
      return rows;
    });
    expect(answer).toBe('rows');
    expect(calls).toEqual(['flush', 'savepoint', 'flush', 'release true']);
    await expect(session.query(sql)).rejects.toThrow(NeedsSavepoint);
    session.enter(modes.ahead);
    await expect(session.query(sql)).rejects.toThrow(NeedsLock);
  });

  it('ends with its command, also where that fails', async () => {
    const { modes, open } = noted();
    const session = open(modes.under);
    const failed = session.behindSavepoint(() => Promise.reject(new Error('no')));
    await expect(failed).rejects.toThrow('no');
    expect(session.mode).toBe('under the locks');
  });

  it('allows SQL while catching up, and leads nowhere else', async () => {
    const { calls, modes, open } = noted();
    const session = open(modes.catching);
    expect(await session.query(sql)).toBe('rows');
    expect(calls).toEqual(['flush']);
    expect([session.isUndoable, session.beganEmpty]).toEqual([false, true]);
    for (const mode of Object.values(modes)) {
      expect(() => session.enter(mode)).toThrow(AssertionError);
    }
  });

  it('is entered once', () => {
    const { modes, open } = noted();
    const session = open(modes.ahead);
    expect(() => session.enter(modes.ahead)).toThrow(AssertionError);
    expect(() => session.enter(modes.catching)).toThrow(AssertionError);
    session.enter(modes.under);
    expect(() => session.enter(modes.under)).toThrow(AssertionError);
  });

  it('says where rows come from, and what the state must contain for that', async () => {
    const { calls, modes, open } = noted();
    const session = open(modes.ahead);
    session.beginBatch(1);
    await session.table(books).get(1);
    session.committed(1, { position: 7, hash: '' });
    session.beginBatch(2);
    await session.table(books).get(2);
    session.enter(modes.under);
    await session.table(books).get(3);
    expect(calls).toEqual(['outside 1 of 0', 'outside 2 of 7', 'inside 3 of 7']);
  });

  it('counts batches upwards', () => {
    const { modes, open } = noted();
    const session = open(modes.ahead);
    session.beginBatch(2);
    expect(() => session.beginBatch(2)).toThrow(AssertionError);
    expect(session.batch).toBe(2);
  });
});

describe('the rows of a session', () => {
  const define = (name: string) =>
    defineKeyedTable({
      ...{ name, key: 'id', lastPosition: 'id', unique: [], mutable: [], cacheRows: 1_000 },
      columns: { id: column.bigint(), text: column.text() },
    });
  const [pages, notes] = [define('pages'), define('notes')];
  const LIMIT = 100_000;
  const idsOf = (session: BufferedSession, table: typeof pages) =>
    Array.from({ length: 20 }, (_, id) => session.table(table).peek(id)?.id).filter(
      Number.isFinite,
    );

  it('are bounded in bytes, all tables together, once they are committed', async () => {
    const load: LoadFitting = (_table, _column, values) =>
      Promise.resolve(
        values.map((id) => ({ id, text: `${String(id).padStart(3)}x`.repeat(1_000) })),
      );
    const session = new BufferedSession([pages, notes], GENESIS, aheadOfLocks(load), LIMIT);
    const keep = async (table: typeof pages, ...ids: number[]) =>
      session.table(table).load('id', ids);
    session.beginBatch(1);
    // A row has 8,000 bytes and some.
    await keep(notes, 1, 2);
    await keep(pages, ...Array.from({ length: 12 }, (_, id) => id));
    session.committed(1, GENESIS);
    expect([idsOf(session, notes), idsOf(session, pages).length]).toEqual([[1, 2], 9]);
    session.beginBatch(2);
    await keep(pages, 12, 13, 14, 15, 16);
    session.beginBatch(3);
    await keep(notes, 2);
    // The table with most goes first, and what the next batch needs stays.
    session.committed(2, GENESIS);
    expect(idsOf(session, notes)).toEqual([1, 2]);
    expect(idsOf(session, pages)).toEqual([8, 9, 10, 11, 12, 13, 14, 15, 16].slice(-9));
    session.committed(3, GENESIS);
    expect(idsOf(session, notes)).toEqual([1, 2]);
  });
});
