import { setImmediate } from 'node:timers/promises';
import { gate } from '../../../test/harness/waiting';
import { LedgerUnavailable } from '../define/refusal';
import { Turns } from './turns';

const PLENTY = { atOnce: 1, queueLimit: 100, waitMs: 10_000 };
const nothing = () => Promise.resolve();

describe('turns', () => {
  it('are taken by so many at once, in the order in which they came', async () => {
    const turns = new Turns('reads', { ...PLENTY, atOnce: 3 });
    const begun: number[] = [];
    const [first, rest] = [gate(), gate()];
    const work = (i: number) => () => {
      begun.push(i);
      return (i === 0 ? first : rest).opened;
    };
    const all = Array.from({ length: 6 }, (_, i) => turns.take(work(i)));
    await setImmediate();
    expect(begun).toEqual([0, 1, 2]);
    first.open();
    await all[0];
    await setImmediate();
    expect(begun).toEqual([0, 1, 2, 3]);
    rest.open();
    await Promise.all(all);
    expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('are passed on by work that fails', async () => {
    const turns = new Turns('reads', PLENTY);
    await expect(turns.take(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await turns.take(nothing);
  });

  it('are refused to one who would be too many, or has waited for too long', async () => {
    const turns = new Turns('reads', { atOnce: 1, queueLimit: 2, waitMs: 50 });
    const released = gate();
    const taken = turns.take(() => released.opened);
    const waiting = [turns.take(nothing), turns.take(nothing)];
    const refused = Promise.allSettled(waiting);
    await expect(turns.take(nothing)).rejects.toThrow('Too many reads are waiting');
    for (const { reason } of (await refused) as PromiseRejectedResult[]) {
      expect(reason).toEqual(new LedgerUnavailable('Too many reads: this one waited too long'));
    }
    released.open();
    await taken;
    await turns.take(nothing);
  });

  it('are not kept for those who leave', async () => {
    const turns = new Turns('reads', { ...PLENTY, queueLimit: 1 });
    const released = gate();
    const taken = turns.take(() => released.opened);
    const leaving = new AbortController();
    const left = turns.take(nothing, leaving.signal);
    leaving.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    await expect(turns.take(nothing, leaving.signal)).rejects.toThrow('left');
    // There is room for another one.
    const next = turns.take(nothing);
    released.open();
    await Promise.all([taken, next]);
  });

  it('begin when their pace has it, and wait for one another where it says so', async () => {
    let waitMs = 0;
    const pace = {
      waitMs: () => waitMs,
      took: jest.fn(),
      passed: jest.fn(() => void (waitMs = 0)),
    };
    const turns = new Turns('reads', { ...PLENTY, atOnce: 2 }, pace);
    const released = gate();
    const first = turns.take(() => released.opened);
    await setImmediate();
    waitMs = 60_000;
    const second = turns.take(nothing);
    await setImmediate();
    expect(pace.took).toHaveBeenCalledTimes(1);
    released.open();
    await Promise.all([first, second]);
    expect(pace.passed).toHaveBeenCalledTimes(2);
    waitMs = 20;
    const third = turns.take(nothing);
    await setImmediate();
    expect(pace.took).toHaveBeenCalledTimes(2);
    waitMs = 0;
    await third;
  });
});
