import { Batched } from './batched';

/** Doubles numbers; each call waits until it is told to go on. */
function doubling(limit: number) {
  const calls: number[][] = [];
  const goOn: (() => void)[] = [];
  const batched = new Batched<number, number>(async (items) => {
    calls.push(items);
    await new Promise<void>((resume) => goOn.push(resume));
    if (items.includes(13)) throw new Error('bad luck');
    return items.map((item) => 2 * item);
  }, limit);
  const next = async () => {
    while (goOn.length === 0) await new Promise(setImmediate);
    goOn.shift()!();
  };
  return { batched, calls, next };
}

describe('calls made together', () => {
  it('are one where they come in one turn, and each gets its own answer', async () => {
    const { batched, calls, next } = doubling(10);
    const answers = Promise.all([3, 1, 2].map((n) => batched.do(n)));
    await next();
    expect(await answers).toEqual([6, 2, 4]);
    expect(calls).toEqual([[3, 1, 2]]);
  });

  it('wait for the one that is under way, and then go together', async () => {
    const { batched, calls, next } = doubling(10);
    const first = batched.do(1);
    while (calls.length === 0) await new Promise(setImmediate);
    const second = batched.do(2);
    await new Promise(setImmediate);
    const third = batched.do(3);
    expect(calls).toEqual([[1]]);
    await next();
    await next();
    expect(await Promise.all([first, second, third])).toEqual([2, 4, 6]);
    expect(calls).toEqual([[1], [2, 3]]);
  });

  it('are no more than the limit', async () => {
    const { batched, calls, next } = doubling(2);
    const answers = Promise.all([1, 2, 3, 4, 5].map((n) => batched.do(n)));
    for (let i = 0; i < 3; i++) await next();
    expect(await answers).toEqual([2, 4, 6, 8, 10]);
    expect(calls).toEqual([[1, 2], [3, 4], [5]]);
  });

  it('fail together, and those after them do not', async () => {
    const { batched, next } = doubling(2);
    const answers = Promise.allSettled([1, 13, 2].map((n) => batched.do(n)));
    await next();
    await next();
    const bad = { status: 'rejected', reason: new Error('bad luck') };
    expect(await answers).toEqual([bad, bad, { status: 'fulfilled', value: 4 }]);
    const later = batched.do(5);
    await next();
    expect(await later).toBe(10);
  });
});
