import { Pace, REST, type PaceClock } from './pace';

/** A clock that stands still but for what a spec says passes, and for rests. */
class Clock implements PaceClock {
  at = 1_000;
  rests: number[] = [];

  now(): number {
    return this.at;
  }

  rest(ms: number): Promise<void> {
    this.rests.push(ms);
    this.at += ms;
    return Promise.resolve();
  }
}

function start(signal = new AbortController().signal, rest: number = REST.verification) {
  const clock = new Clock();
  const ledger = { head: 100 };
  const pace = new Pace(() => Promise.resolve(ledger.head), rest, signal, clock);
  /** A page that took so long, while so many events were written. */
  const page = async (ms: number, events: number) => {
    clock.at += ms;
    ledger.head += events;
    await pace.wait();
    return clock.rests.at(-1);
  };
  return { clock, page };
}

describe('the pace of a run', () => {
  it('does not rest while nobody writes, or hardly anybody', async () => {
    const { clock, page } = start();
    await page(100, 0);
    for (let i = 0; i < 50; i++) await page(100, 0);
    for (let i = 0; i < 50; i++) await page(100, 40);
    expect(clock.rests).toEqual([]);
  });

  it('leaves a run a tenth of the time while others write', async () => {
    const { clock, page } = start();
    await page(100, 0);
    const begin = clock.at;
    let worked = 0;
    for (let i = 0; i < 100; i++) {
      const ms = 20 + (i % 7) * 30;
      worked += ms;
      // A thousand events a second, also during the rest.
      await page(ms, ms * 5);
    }
    expect(clock.rests).toHaveLength(100);
    expect(worked / (clock.at - begin)).toBeCloseTo(0.1, 5);
  });

  it('leaves a rebuild, for which somebody waits, the half', async () => {
    const { clock, page } = start(undefined, REST.rebuild);
    for (let i = 0; i < 3; i++) await page(100, 500);
    expect(clock.rests).toEqual([100, 100]);
  });

  it('goes on resting between two bursts, and stops soon after the last one', async () => {
    const { clock, page } = start();
    const pages = async (count: number) => {
      for (let i = 0; i < count; i++) await page(50, 0);
    };
    await pages(1);
    await page(50, 1_000);
    expect(clock.rests).toHaveLength(1);
    await pages(2);
    expect(clock.rests).toHaveLength(3);
    await pages(60);
    const rested = clock.rests.length;
    await pages(60);
    expect(clock.rests).toHaveLength(rested);
  });

  it('bounds a single rest', async () => {
    const { page } = start();
    await page(100, 0);
    expect(await page(60_000, 1_000_000)).toBe(5_000);
  });

  it('does not hold up a run that is aborted', async () => {
    const abort = new AbortController();
    let head = 0;
    const pace = new Pace(
      () => Promise.resolve((head += 100_000)),
      REST.verification,
      abort.signal,
    );
    await pace.wait();
    abort.abort(new Error('stopped'));
    await pace.wait();
    expect(head).toBe(200_000);
  });
});
