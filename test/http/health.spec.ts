import { cloneDatabases } from '../harness/databases';
import { DatabaseProxy } from '../harness/proxy';
import { query, testCluster } from '../harness/cluster';
import { startTestService, type TestService } from '../harness/service';
import { gate, waitFor } from '../harness/waiting';

const ACCOUNT = { name: 'x', type: 'asset', currency: 'USD' } as const;
/** Less than two things take that are given two seconds each, one after the other. */
const SOON_MS = 3_500;

/** A service that reaches both of its databases through proxies. */
async function startProxied() {
  const databases = await cloneDatabases();
  const log = await DatabaseProxy.start(databases.urls.log);
  const state = await DatabaseProxy.start(databases.urls.state);
  for (const proxy of [log, state]) databases.onEnd(() => proxy.close());
  const urls = { log: log.url, state: state.url };
  return { service: await startTestService({ databases, urls }), proxies: { log, state } };
}

/** What readiness says is kept for a second. */
function ready(service: TestService, status: number) {
  return waitFor(`readiness to be ${status}`, async () => {
    const answer = await service.api.get('/v1/health/ready');
    return answer.status === status && answer;
  });
}

describe('readiness', () => {
  it('is told soon also where nothing answers and the last batch failed', async () => {
    const { service, proxies } = await startProxied();
    const both = [proxies.log, proxies.state];
    expect((await service.api.post('/v1/accounts', ACCOUNT)).status).toBe(201);
    for (const proxy of both) {
      proxy.isReachable = false;
      proxy.cutAll();
    }
    expect((await service.api.post('/v1/accounts', ACCOUNT)).status).toBe(503);
    for (const proxy of both) proxy.isReachable = proxy.isFrozen = true;
    const began = performance.now();
    const { status, body } = await service.api.get('/v1/health/ready');
    expect(performance.now() - began).toBeLessThan(SOON_MS);
    expect(status).toBe(503);
    const databases = { log: 'down', state: 'down' };
    expect(body).toMatchObject({ status: 'unavailable', lag: null, databases });
    for (const proxy of both) {
      proxy.isFrozen = false;
      proxy.cutAll();
    }
  });

  it('is told of the database that answers where the other one does not', async () => {
    const { service, proxies } = await startProxied();
    for (const [name, proxy] of Object.entries(proxies)) {
      proxy.isFrozen = true;
      const { body } = await ready(service, 503);
      expect(body['databases']).toEqual({ log: 'up', state: 'up', [name]: 'down' });
      proxy.isFrozen = false;
      proxy.cutAll();
      await ready(service, 200);
    }
  });

  it('waits for nobody who reads', async () => {
    const env = { READ_POOL_SIZE: '2', EXPENSIVE_READS: '2' };
    const service = await startTestService({ env });
    const { callersLog, stateReader, logReader } = service.open;
    const released = gate();
    const forEver = () => released.opened;
    const readers = [
      ...Array.from({ length: 8 }, () => stateReader.read(forEver)),
      ...Array.from({ length: 8 }, () => stateReader.read(forEver, { cost: 'expensive' })),
      ...Array.from({ length: 8 }, () => callersLog.read(forEver)),
      ...Array.from({ length: 8 }, () => logReader.connection().execute(forEver)),
    ];
    const began = performance.now();
    const { status } = await service.api.get('/v1/health/ready');
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(status).toBe(200);
    released.open();
    await Promise.all(readers);
  });

  it.each(['log', 'state'] as const)(
    'says that the %s takes no writes for as long as that is so',
    async (name) => {
      const service = await startTestService();
      const { superUrls } = service.databases;
      const database = new URL(superUrls[name]).pathname.slice(1);
      const setReadOnly = async (value: 'on' | 'off') => {
        const statement = `alter database ${database} set default_transaction_read_only = ${value}`;
        await query(testCluster().superUrl, statement);
      };
      await setReadOnly('on');
      // A session keeps what it began with.
      await query(
        superUrls[name],
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()`,
      );
      const failure = 'A database takes no writes: it is read-only';
      await waitFor('a write to be refused for it', async () => {
        const { status, body } = await service.api.post('/v1/accounts', ACCOUNT);
        return status === 503 && body['detail'] === failure;
      });
      const probed = jest.spyOn(service.open.ledger, 'heal');
      await waitFor('three looks', async () => {
        const { status, body } = await service.api.get('/v1/health/ready');
        expect([status, body['failure']]).toEqual([503, failure]);
        return probed.mock.calls.length >= 3;
      });
      await setReadOnly('off');
      await ready(service, 200);
      expect((await service.api.post('/v1/accounts', ACCOUNT)).status).toBe(201);
    },
    30_000,
  );
});
