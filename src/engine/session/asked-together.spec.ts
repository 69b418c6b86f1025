import { setImmediate } from 'node:timers/promises';
import { gate } from '../../../test/harness/waiting';
import { LedgerUnavailable } from '../define/refusal';
import { AskedTogether } from './asked-together';
import type { StateReader } from './state-reader';

const MADE = Promise.resolve();

/** A state of which every statement waits to be let through. */
function pretendedState() {
  const statements: { keys: readonly string[]; pass: () => void; fail: (e: Error) => void }[] = [];
  const turns: Promise<void>[] = [];
  let runs = 1;
  const state: Pick<StateReader, 'readOne'> = {
    readOne: async (run, options) => {
      turns.push(options!.turn!.until);
      let value;
      for (let i = 0; i < runs; i++) value = await run(undefined as never);
      return { position: statements.length, value: value as never };
    },
  };
  const lookup = {
    find: async (_: unknown, keys: readonly string[]) => {
      const answered = gate();
      let error: Error | undefined;
      const fail = (failure: Error) => {
        error = failure;
        answered.open();
      };
      statements.push({ keys, pass: () => answered.open(), fail });
      await answered.opened;
      if (error) throw error;
      return keys.filter((key) => key !== 'nobody').map((id) => ({ id }));
    },
    keyOf: (row: { id: string }) => row.id,
  };
  const together = new AskedTogether(state as StateReader, lookup);
  return { together, statements, turns, healOnce: () => (runs = 2) };
}

describe('rows that many ask for at once', () => {
  it('are asked for together by those who come while others are being answered', async () => {
    const { together, statements } = pretendedState();
    const asked = ['a', 'b', 'c', 'd', 'c', 'nobody'].map((key) => together.get(key, MADE));
    expect(statements.map(({ keys }) => keys)).toEqual([['a'], ['b']]);
    statements[0]!.pass();
    await expect(asked[0]).resolves.toMatchObject({ value: { id: 'a' } });
    await setImmediate();
    expect(statements[2]!.keys).toEqual(['c', 'd', 'nobody']);
    statements[1]!.pass();
    statements[2]!.pass();
    const found = (await Promise.all(asked)).map(({ value }) => value?.id);
    expect(found).toEqual(['a', 'b', 'c', 'd', 'c', undefined]);
  });

  it('are asked for by statements of so many at most', async () => {
    const { together, statements } = pretendedState();
    const asked = Array.from({ length: 100 }, (_, i) => together.get(`${i}`, MADE));
    for (let i = 0; i < 4; i++) {
      statements[i]!.pass();
      await setImmediate();
    }
    expect(statements.map(({ keys }) => keys.length)).toEqual([1, 1, 64, 34]);
    await Promise.all(asked);
  });

  it('fail together, and do not keep the next ones from being answered', async () => {
    const { together, statements } = pretendedState();
    const [one, other, third] = ['a', 'b', 'c'].map((key) => together.get(key, MADE));
    const refused = Promise.allSettled([one]);
    statements[0]!.fail(new LedgerUnavailable('away'));
    expect((await refused)[0]).toMatchObject({ status: 'rejected' });
    await setImmediate();
    statements[1]!.pass();
    statements[2]!.pass();
    expect((await other)!.value).toEqual({ id: 'b' });
    expect((await third)!.value).toEqual({ id: 'c' });
  });

  it('are asked for again by the same callers where the state had to be healed', async () => {
    const { together, statements, healOnce } = pretendedState();
    healOnce();
    const asked = together.get('a', MADE);
    const later = ['b', 'c'].map((key) => together.get(key, MADE));
    statements[0]!.pass();
    await setImmediate();
    expect(statements.at(-1)!.keys).toEqual(['a']);
    for (let i = 0; i < 8; i++) {
      statements.forEach(({ pass }) => pass());
      await setImmediate();
    }
    expect((await asked).value).toEqual({ id: 'a' });
    await Promise.all(later);
  });

  it('keep their turn until the answers are made', async () => {
    const { together, statements, turns } = pretendedState();
    const made = gate();
    const asked = together.get('a', made.opened);
    let isOver = false;
    void turns[0]!.then(() => (isOver = true));
    statements[0]!.pass();
    await asked;
    await setImmediate();
    expect(isOver).toBe(false);
    made.open();
    await turns[0];
  });

  it('are not asked for by those who have left, and by so many at most', async () => {
    const { together, statements } = pretendedState();
    const first = ['a', 'b'].map((key) => together.get(key, MADE));
    const leaving = new AbortController();
    const left = together.get('c', MADE, leaving.signal);
    const waiting = Array.from({ length: 999 }, (_, i) => together.get(`${i}`, MADE));
    await expect(together.get('d', MADE)).rejects.toThrow('Too many reads are waiting');
    leaving.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    const last = together.get('last', MADE);
    for (let i = 0; i < statements.length; i++) {
      statements[i]!.pass();
      await setImmediate();
    }
    await Promise.all([...first, ...waiting, last]);
    expect(statements.flatMap(({ keys }) => keys)).not.toContain('c');
  });
});
