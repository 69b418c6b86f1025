import { cloneDatabases, type TestDatabases } from '../harness/databases';
import { spawnService, type SpawnedService } from '../harness/service';

const BATCHES = 100;
const READERS = 40;
const HEAP_MIB = 256;
/** With so much in each, they would fill the heap if their rows were kept. */
const ACCOUNTS = 6_000;
const WRITERS = 8;
/** Reversals are small requests with large events and answers. */
const REVERSALS = 320;
const POSTINGS = 1_000;
const LARGE_ROWS = 200;

function posting(i: number) {
  return {
    accountId: `client:${i % 2 ? 'cash' : 'equity'}`,
    direction: i % 2 ? 'debit' : 'credit',
    amount: '1.00',
  };
}

/** A batch of 3.6 MB, as large as one may be with postings of a usual length. */
function largeBatch(): string {
  const postings = Array.from({ length: 56 }, (_, i) => posting(i));
  const transactions = Array.from({ length: 1000 }, () => ({ description: 'x', postings }));
  return JSON.stringify({ mode: 'independent', transactions });
}

/** As large as it may be: a text with one such letter has two bytes for each of its characters. */
function largeMetadata(): Record<string, string> {
  const value = `${'x'.repeat(499)}Ā`;
  return Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`key ${i}`.padEnd(64), value]));
}

interface SmallService {
  readonly service: SpawnedService;
  readonly databases: TestDatabases;
}

/** A service with little memory, and the two accounts that the others post between. */
async function startSmall(): Promise<SmallService> {
  const databases = await cloneDatabases();
  const env = { NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB}` };
  const service = await spawnService({ urls: databases.urls, env });
  for (const [clientId, type] of [
    ['cash', 'asset'],
    ['equity', 'equity'],
  ]) {
    const account = { clientId, name: clientId, type, currency: 'USD' };
    expect((await service.api.post('/v1/accounts', account)).status).toBe(201);
  }
  return { service, databases };
}

/** The books are checked here, because that takes long where there is so much in them. */
async function expectOrderlyEnd({ service, databases }: SmallService): Promise<void> {
  expect((await service.api.get('/v1/health/live')).status).toBe(200);
  service.kill('SIGTERM');
  expect(await service.exited).toBe(0);
  await databases.drop();
}

/** Has many ask at once for pages of rows that have 50 KB each. */
async function readPagesOfLargeRows({ url, key, api }: SpawnedService): Promise<void> {
  const metadata = largeMetadata();
  for (let i = 0; i < LARGE_ROWS; i++) {
    const account = { name: 'x', type: 'asset', currency: 'USD', metadata };
    expect((await api.post('/v1/accounts', account)).status).toBe(201);
  }
  const read = async () => {
    const response = await fetch(`${url}/v1/accounts?limit=200`, {
      headers: { authorization: `Bearer ${key}` },
    });
    const { byteLength } = await response.arrayBuffer();
    expect(byteLength).toBeLessThan(5_000_000);
    return response.status;
  };
  const statuses = await Promise.all(Array.from({ length: READERS }, read));
  expect(statuses).toContain(200);
  for (const status of statuses) expect([200, 503]).toContain(status);
  expect((await api.get('/v1/health/live')).status).toBe(200);
  expect(await read()).toBe(200);
}

describe('a process with little memory', () => {
  it(`survives ${BATCHES} large batches at once, and ${READERS} readers of them`, async () => {
    const small = await startSmall();
    const { service } = small;
    const body = largeBatch();
    expect(body.length).toBeGreaterThan(3_600_000);
    const post = async () => {
      const response = await fetch(`${service.url}/v1/transactions/batch`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${service.key}` },
        body,
      });
      await response.arrayBuffer();
      return response.status;
    };
    const statuses = await Promise.all(Array.from({ length: BATCHES }, post));
    const counts = Object.groupBy(statuses, String);
    // Each is answered: some are posted, and the others told to come again.
    expect(Object.keys(counts).sort()).toEqual(['200', '503']);
    expect((await service.api.get('/v1/health/live')).status).toBe(200);
    expect(await post()).toBe(200);
    const lists = ['/v1/transactions?limit=200', '/v1/events?limit=200'];
    const reads = Array.from({ length: READERS }, (_, i) => service.api.get(lists[i % 2]!));
    const read = (await Promise.all(reads)).map(({ status }) => status);
    expect(read).toContain(200);
    for (const status of read) expect([200, 503]).toContain(status);
    await readPagesOfLargeRows(service);
    await expectOrderlyEnd(small);
    // A batch of 56,000 postings takes a second, and many of them on a machine that does much else.
  }, 900_000);

  it(`survives ${ACCOUNTS} accounts of 50 KB, and transactions between many of them`, async () => {
    const small = await startSmall();
    const { service } = small;
    const metadata = largeMetadata();
    const ids: string[] = [];
    let next = 0;
    const write = async () => {
      while (next++ < ACCOUNTS) {
        const account = { name: 'x', type: 'asset', currency: 'USD', metadata };
        const { status, body } = await service.api.post<{ id: string }>('/v1/accounts', account);
        expect(status).toBe(201);
        ids.push(body.id);
      }
    };
    await Promise.all(Array.from({ length: WRITERS }, write));
    // Each takes rows of 50 MB.
    const post = async (first: number) => {
      const postings = ids.slice(first, first + POSTINGS).map((accountId, i) => {
        return { ...posting(i), accountId };
      });
      const transaction = { description: 'x', postings };
      return (await service.api.post('/v1/transactions', transaction)).status;
    };
    const firsts = Array.from({ length: ACCOUNTS / POSTINGS }, (_, i) => i * POSTINGS);
    const statuses = await Promise.all([...firsts, ...firsts].map(post));
    expect(statuses).toContain(201);
    for (const status of statuses) expect([201, 503]).toContain(status);
    await expectOrderlyEnd(small);
  }, 900_000);

  it(`survives ${REVERSALS} reversals of ${POSTINGS} postings at once, twice`, async () => {
    const small = await startSmall();
    const { service } = small;
    const postings = Array.from({ length: POSTINGS }, (_, i) => posting(i));
    const ids: string[] = [];
    const write = async () => {
      while (ids.length < REVERSALS) {
        const made = await service.api.post<{ id: string }>('/v1/transactions', {
          ...{ description: 'x', postings },
        });
        expect(made.status).toBe(201);
        ids.push(made.body.id);
      }
    };
    await Promise.all(Array.from({ length: WRITERS }, write));
    const reverse = async (id: string) => {
      const response = await fetch(`${service.url}/v1/transactions/${id}/reverse`, {
        method: 'POST',
        headers: {
          ...{ 'content-type': 'application/json', authorization: `Bearer ${service.key}` },
          'idempotency-key': `reverse ${id}`,
        },
        body: '{}',
      });
      await response.arrayBuffer();
      if (response.status === 503) expect(response.headers.get('retry-after')).not.toBeNull();
      return response.status;
    };
    // The second time the answers are those of the first.
    for (let time = 1; time <= 2; time++) {
      const statuses = await Promise.all(ids.map(reverse));
      expect(statuses).toContain(201);
      for (const status of statuses) expect([201, 503]).toContain(status);
      expect((await service.api.get('/v1/health/live')).status).toBe(200);
    }
    expect(await reverse(ids[0]!)).toBe(201);
    await expectOrderlyEnd(small);
  }, 900_000);
});
