import type { Ledger } from '../engine/ledger';
import type { StateReader } from '../engine/state-reader';
import type { Config } from '../config';
import type { Background } from './background';
import { Health } from './health';
import { Metrics } from './metrics';

const NEVER = new Promise<never>(() => undefined);
/** More than health and metrics wait, and less than Jest does. */
const BOUND_MS = 4_000;

function backgroundOf(parts: Partial<Background> = {}): Background {
  return {
    queue: { backend: 'postgres', check: () => Promise.resolve() },
    countTasks: () => Promise.resolve({ queued: 3, running: 2, failed: 1 }),
    adapters: () => [
      { name: 'mailer', state: 'closed', open: 0 },
      { name: 'webhooks', state: 'open', open: 2 },
    ],
    ...parts,
  };
}

const ledger = {
  head: { position: 5, hash: '' },
  status: () => ({ queued: 0, failure: undefined }),
} as unknown as Ledger;

/** Health on books that are well. */
function healthOf(background: Background): Health {
  const query = new Proxy({}, { get: (_, name) => (name === 'executeTakeFirst' ? row : chain) });
  const chain = () => query;
  const row = () => Promise.resolve({ position: 5 });
  const state = { read: () => Promise.resolve({ position: 5, value: undefined }) };
  const config = { engine: { queueLimit: 10 } };
  return new Health(
    ledger,
    state as unknown as StateReader<unknown>,
    { selectFrom: chain } as never,
    config as Config,
    background,
  );
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const begin = performance.now();
  const value = await work;
  expect(performance.now() - begin).toBeLessThan(BOUND_MS);
  return value;
}

describe('health of what runs in the background', () => {
  const READY = { status: 'ready', logPosition: 5, statePosition: 5, failure: null };

  it('is told', async () => {
    expect(await healthOf(backgroundOf()).read()).toMatchObject({
      ...READY,
      queue: { waiting: 0, limit: 10, status: 'up', backend: 'postgres', failure: null },
      adapters: [
        { name: 'mailer', state: 'closed', open: 0 },
        { name: 'webhooks', state: 'open', open: 2 },
      ],
    });
  });

  it.each([
    ['fails', () => Promise.reject(new Error('connect ECONNREFUSED 10.1.2.3:6379'))],
    ['does not answer', () => NEVER],
  ])('is no reason to be unavailable where the queue %s', async (_, check) => {
    const health = healthOf(backgroundOf({ queue: { backend: 'redis', check } }));
    const { queue, ...rest } = await inTime(health.read());
    expect(rest).toMatchObject(READY);
    expect(queue).toMatchObject({ status: 'down', backend: 'redis' });
    expect(queue.failure).toMatch(/queue/);
    // Anybody may ask.
    expect(queue.failure).not.toContain('10.1.2.3');
  });
});

describe('metrics of what runs in the background', () => {
  const scrape = (background: Background) => inTime(new Metrics(ledger, background).text());

  it('are given', async () => {
    const text = await scrape(backgroundOf());
    expect(text).toContain('truebook_tasks{status="queued"} 3\n');
    expect(text).toContain('truebook_tasks{status="running"} 2\n');
    expect(text).toContain('truebook_tasks{status="failed"} 1\n');
    expect(text).toContain('truebook_adapter_breaker_open{adapter="mailer"} 0\n');
    expect(text).toContain('truebook_adapter_breaker_open{adapter="webhooks"} 2\n');
  });

  it.each([
    ['fails', () => Promise.reject(new Error('away'))],
    ['does not answer', () => NEVER],
  ])('are given without those that the database %s to give', async (_, countTasks) => {
    const text = await scrape(backgroundOf({ countTasks }));
    expect(text).toContain('truebook_ledger_head_position 5\n');
    expect(text).not.toMatch(/^truebook_tasks\{/m);
  });

  it('forget what they knew when they cannot be counted any longer', async () => {
    let isUp = true;
    const numbers = { queued: 3, running: 2, failed: 1 };
    const countTasks = () => (isUp ? Promise.resolve(numbers) : Promise.reject(new Error('away')));
    const metrics = new Metrics(ledger, backgroundOf({ countTasks }));
    expect(await metrics.text()).toMatch(/^truebook_tasks\{/m);
    isUp = false;
    expect(await metrics.text()).not.toMatch(/^truebook_tasks\{/m);
    isUp = true;
    expect(await metrics.text()).toMatch(/^truebook_tasks\{/m);
  });

  it('ask a database that is slow once, however often they are asked for', async () => {
    let asked = 0;
    const countTasks = () => {
      asked++;
      return NEVER;
    };
    const metrics = new Metrics(ledger, backgroundOf({ countTasks }));
    await inTime(Promise.all([metrics.text(), metrics.text(), metrics.text()]));
    await inTime(metrics.text());
    expect(asked).toBe(1);
  });
});
