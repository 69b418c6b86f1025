import type { Ledger } from '../engine/write/ledger';
import type { StateReader } from '../engine/session/state-reader';
import type { Background, LastVerification } from './background';
import { Health } from './health';
import { Metrics } from './metrics';

const NEVER = new Promise<never>(() => undefined);
/** More than health and metrics wait, and less than Jest does. */
const BOUND_MS = 4_000;

const LAST_VERIFICATION: LastVerification = {
  id: '01a1fc62-0000-7000-8000-000000000001',
  status: 'failed',
  finishedAt: new Date(Date.now() - 90_000).toISOString(),
  durationMs: 2_500,
  toPosition: 1_000,
  processed: 990,
  eventsPerSecond: 396,
  differingRows: 3,
  missingTasks: 1,
  extraTasks: 2,
};

function backgroundOf(parts: Partial<Background> = {}): Background {
  return {
    queue: { backend: 'postgres', check: () => Promise.resolve() },
    countTasks: () => Promise.resolve({ queued: 3, running: 2, failed: 1 }),
    adapters: () => [
      { name: 'mailer', state: 'closed', open: 0 },
      { name: 'webhooks', state: 'open', open: 2 },
    ],
    lastVerification: () => Promise.resolve(LAST_VERIFICATION),
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
  return new Health(
    ledger,
    state as unknown as StateReader,
    { selectFrom: chain } as never,
    10,
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

  it('tells of the last verification, and is ready where it failed or is not known', async () => {
    const { status, lastVerification } = await healthOf(backgroundOf()).read();
    expect(status).toBe('ready');
    const { id, finishedAt } = LAST_VERIFICATION;
    const { ageSeconds, ...rest } = lastVerification!;
    expect(rest).toEqual({ id, status: 'failed', finishedAt, toPosition: 1_000 });
    expect(ageSeconds).toBeGreaterThanOrEqual(90);
    expect(ageSeconds).toBeLessThan(120);
    for (const lastVerification of [
      () => NEVER,
      () => Promise.reject(new Error('away')),
      () => Promise.resolve(null),
    ]) {
      const health = healthOf(backgroundOf({ lastVerification }));
      expect(await inTime(health.read())).toMatchObject({ ...READY, lastVerification: null });
    }
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

  it('are given of the last verification, in one question', async () => {
    let asked = 0;
    const lastVerification = () => {
      asked++;
      return Promise.resolve(LAST_VERIFICATION);
    };
    const text = await scrape(backgroundOf({ lastVerification }));
    expect(asked).toBe(1);
    const { finishedAt } = LAST_VERIFICATION;
    for (const line of [
      'passed 0',
      `finished_timestamp_seconds ${Date.parse(finishedAt) / 1000}`,
      'duration_seconds 2.5',
      'events 990',
      'events_per_second 396',
      'differing_rows 3',
      'tasks_missing 1',
      'tasks_extra 2',
    ]) {
      expect(text).toContain(`\ntruebook_verification_${line}\n`);
    }
    const unknown = { ...LAST_VERIFICATION, status: 'failed', differingRows: null } as const;
    const without = backgroundOf({ lastVerification: () => Promise.resolve(unknown) });
    expect(await scrape(without)).not.toMatch(/^truebook_verification_differing_rows /m);
  });

  it.each([
    ['fails', () => Promise.reject(new Error('away'))],
    ['does not answer', () => NEVER],
  ])('are given without those that the database %s to give', async (_, ask) => {
    const text = await scrape(backgroundOf({ countTasks: ask, lastVerification: ask }));
    expect(text).not.toMatch(/^truebook_verification_\w+ /m);
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
