import type { Ledger } from '../engine/write/ledger';
import { Health } from './health';
import type {
  AdapterHealth,
  LastVerification,
  QueueHealth,
  VerificationHealth,
} from './health-parts';

const NEVER = new Promise<never>(() => undefined);
/** More than health and metrics wait, and less than Jest does. */
const BOUND_MS = 4_000;

const LAST_VERIFICATION: LastVerification = {
  id: '01a1fc62-0000-7000-8000-000000000001',
  status: 'failed',
  finishedAt: new Date(Date.now() - 90_000).toISOString(),
  toPosition: 1_000,
};

/** What the features have running beside the ledger. */
interface Parts {
  readonly queue: QueueHealth;
  readonly adapters: AdapterHealth;
  readonly verifications: VerificationHealth;
}

const WELL: Parts = {
  queue: { backend: 'postgres', check: () => Promise.resolve() },
  adapters: {
    status: () => [
      { name: 'mailer', state: 'closed', open: 0 },
      { name: 'webhooks', state: 'open', open: 2 },
    ],
  },
  verifications: { lastVerification: () => Promise.resolve(LAST_VERIFICATION) },
};

const ledger = {
  head: { position: 5, hash: '' },
  status: () => ({ queued: 0, failure: undefined }),
} as unknown as Ledger;

/** A database that says where it stands whatever it is asked. */
function databaseAt(position: () => Promise<number>) {
  const row = async () => ({ position: await position() });
  const query: object = new Proxy(
    {},
    {
      get: (_, name) => (String(name).startsWith('execute') ? row : () => query),
    },
  );
  const db = { selectFrom: () => query };
  return { use: (run: (on: object) => unknown) => run(db) };
}

const AT_FIVE = { log: databaseAt(async () => 5), state: databaseAt(async () => 5) };

/** Health on books that are well. */
function healthOf(
  { queue, adapters, verifications }: Partial<Parts> = WELL,
  databases = AT_FIVE,
): Health {
  return new Health(
    ledger,
    { health: databases } as never,
    { engine: { queueLimit: 10 } },
    queue,
    adapters,
    verifications,
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
    expect(await healthOf().read()).toMatchObject({
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
    const health = healthOf({ ...WELL, queue: { backend: 'redis', check } });
    const { queue, ...rest } = await inTime(health.read());
    expect(rest).toMatchObject(READY);
    expect(queue).toMatchObject({ status: 'down', backend: 'redis' });
    expect(queue.failure).toMatch(/queue/);
    // Anybody may ask.
    expect(queue.failure).not.toContain('10.1.2.3');
  });

  it('tells of the last verification, and is ready where it failed or is not known', async () => {
    const { status, lastVerification } = await healthOf().read();
    expect(status).toBe('ready');
    const { id, finishedAt } = LAST_VERIFICATION;
    const { ageSeconds, ...rest } = lastVerification!;
    expect(rest).toEqual({ id, status: 'failed', finishedAt, toPosition: 1_000 });
    expect(ageSeconds).toBeGreaterThanOrEqual(90);
    expect(ageSeconds).toBeLessThanOrEqual((Date.now() - Date.parse(finishedAt)) / 1000 + 1);
    for (const lastVerification of [
      () => NEVER,
      () => Promise.reject(new Error('away')),
      () => Promise.resolve(null),
    ]) {
      const health = healthOf({ ...WELL, verifications: { lastVerification } });
      expect(await inTime(health.read())).toMatchObject({ ...READY, lastVerification: null });
    }
  });

  it('calls nothing a lag that was committed while it looked', async () => {
    // The log is read late: by then both have another event.
    const states = [5, 6];
    const state = databaseAt(async () => states.shift()!);
    const log = databaseAt(() => new Promise((read) => setImmediate(() => read(6))));
    const { logPosition, statePosition, lag } = await healthOf(WELL, { log, state }).read();
    expect([logPosition, statePosition, lag]).toEqual([6, 6, 0]);
  });

  it('is found out once for all who ask within a second', async () => {
    let asked = 0;
    const log = databaseAt(async () => 5 + 0 * ++asked);
    const health = healthOf(WELL, { ...AT_FIVE, log });
    await Promise.all(Array.from({ length: 100 }, () => health.read()));
    await health.read();
    expect(asked).toBe(1);
  });

  it('is no matter where no feature has anything there', async () => {
    expect(await healthOf({}).read()).toMatchObject({
      ...READY,
      queue: { status: 'up', failure: null },
      adapters: [],
      lastVerification: null,
    });
  });
});
