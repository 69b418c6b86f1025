import type { Ledger } from '../engine/write/ledger';
import type { StateReader } from '../engine/session/state-reader';
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

/** Health on books that are well. */
function healthOf({ queue, adapters, verifications }: Partial<Parts> = WELL): Health {
  const query = new Proxy({}, { get: (_, name) => (name === 'executeTakeFirst' ? row : chain) });
  const chain = () => query;
  const row = () => Promise.resolve({ position: 5 });
  const state = { read: () => Promise.resolve({ position: 5, value: undefined }) };
  return new Health(
    ledger,
    state as unknown as StateReader,
    { selectFrom: chain } as never,
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

  it('is no matter where no feature has anything there', async () => {
    expect(await healthOf({}).read()).toMatchObject({
      ...READY,
      queue: { status: 'up', failure: null },
      adapters: [],
      lastVerification: null,
    });
  });
});
