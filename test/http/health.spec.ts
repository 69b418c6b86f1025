import { OpenAccount } from '../../src/books/accounts/account.creators';
import { cloneDatabases } from '../harness/databases';
import { DatabaseProxy } from '../harness/proxy';
import { startTestService } from '../harness/service';
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

interface Ready {
  status: string;
  logPosition: number | null;
  statePosition: number | null;
  lag: number | null;
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
      const { status, body } = await service.api.get('/v1/health/ready');
      expect(status).toBe(503);
      expect(body['databases']).toEqual({ log: 'up', state: 'up', [name]: 'down' });
      proxy.isFrozen = false;
      proxy.cutAll();
    }
  });

  it('calls nothing a lag that was committed while it looked', async () => {
    const service = await startTestService();
    const { logReader, stateReader } = service.open;
    const released = gate();
    // All of the pool's connections are taken: the log is read late, and the state is not.
    const taken = Array.from({ length: 3 }, () =>
      logReader.connection().execute(() => released.opened),
    );
    const read = jest.spyOn(stateReader, 'read');
    const asked = service.api.get<Ready>('/v1/health/ready');
    await waitFor('the state to be asked for', () => read.mock.results.length > 0);
    await read.mock.results[0]!.value;
    read.mockRestore();
    await service.open.ledger.submit({ creator: OpenAccount, input: ACCOUNT, actor: 'tester' });
    released.open();
    await Promise.all(taken);
    const { status, body } = await asked;
    expect([status, body.logPosition, body.lag]).toEqual([200, 1, 0]);
  });
});
