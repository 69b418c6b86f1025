import { cloneDatabases } from '../harness/databases';
import { DatabaseProxy } from '../harness/proxy';
import { startTestService } from '../harness/service';
import { requiredQuery, RUNS, somewhere } from './documented-bodies';
import { DocumentedClient } from './documented-client';

describe('the OpenAPI document', () => {
  it('says what is answered while the databases are away', async () => {
    const databases = await cloneDatabases();
    const log = await DatabaseProxy.start(databases.urls.log);
    const state = await DatabaseProxy.start(databases.urls.state);
    for (const proxy of [log, state]) databases.onEnd(() => proxy.close());
    const urls = { log: log.url, state: state.url };
    const client = await DocumentedClient.of(await startTestService({ databases, urls }));
    // Has the keys read.
    expect((await client.get('/v1/accounts')).status).toBe(200);
    for (const proxy of [log, state]) {
      proxy.isReachable = false;
      proxy.cutAll();
    }
    for (const { path, operation } of client.endpoints.filter((e) => e.method === 'get')) {
      const at = somewhere(path) + requiredQuery(operation);
      const { status, headers } = await client.get(at);
      expect(status).toBe(path === '/v1/health/live' ? 200 : 503);
      const documented = Object.keys(operation.responses['503']?.headers ?? {});
      expect([path, headers.has('retry-after')]).toEqual([
        path,
        documented.includes('Retry-After'),
      ]);
    }
    const account = { name: 'x', type: 'asset', currency: 'USD' };
    expect((await client.post('/v1/accounts', account)).status).toBe(503);
    expect((await client.post(RUNS)).status).toBe(503);
    log.isReachable = state.isReachable = true;
  });
});
