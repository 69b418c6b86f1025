import { column } from '../../database/column';
import type { Command, Creator } from '../define/creator';
import { GENESIS } from '../define/event';
import type { BookTime } from '../define/state-session';
import { defineKeyedTable } from '../define/state-table';
import { BufferedSession } from '../session/buffered-session';
import { aheadOfLocks } from '../session/session-mode';
import type { CommandKeys } from './command-keys';
import { loadNeeds } from './command-needs';

const MIB = 1024 * 1024;
const notes = defineKeyedTable({
  ...{ name: 'notes', key: 'id', lastPosition: 'id', unique: [], mutable: [], cacheRows: 0 },
  columns: { id: column.bigint(), text: column.text() },
});

/** A command that is going to read so many rows from a number on. */
function reading(first: number, rows: number): Command {
  const needs: Creator['needs'] = (_, needed) => {
    for (let id = first; id < first + rows; id++) needed.row(notes, 'id', id);
  };
  const run = () => Promise.resolve(undefined);
  return { creator: { name: 'ReadNotes', needs, run }, input: {}, actor: 'ann' };
}

/** Loads what five commands read. @returns for how many of them, and with how many queries */
async function loadFor(rows: number, text: string) {
  let queries = 0;
  const mode = aheadOfLocks((_table, _column, ids) => {
    queries++;
    return Promise.resolve(ids.map((id) => ({ id, text })));
  });
  const session = new BufferedSession([notes], GENESIS, mode);
  session.beginBatch(1);
  const commands = [0, 1, 2, 3, 4].map((i) => reading(i * rows, rows));
  const loadedFor = await loadNeeds(commands, session, {} as CommandKeys, {} as BookTime, MIB);
  return { loadedFor, queries };
}

describe('what commands say that they will read', () => {
  it.each([
    ['comes in one query where it is little', 100, 'x', { loadedFor: 5, queries: 1 }],
    ['comes by the thousand', 500, 'x', { loadedFor: 5, queries: 3 }],
    ['has to wait behind large rows', 1_000, 'x'.repeat(1_000), { loadedFor: 1, queries: 1 }],
    ['comes for one command whatever it is', 3_000, 'x'.repeat(999), { loadedFor: 1, queries: 1 }],
  ])('%s', async (_, rows, text, expected) => {
    expect(await loadFor(rows, text)).toEqual(expected);
  });
});
