import { storeAdminKey } from '../../src/http/admin-key';
import { ApiClient } from '../harness/api-client';
import { cloneDatabases } from '../harness/databases';
import { startTestService, type TestService } from '../harness/service';
import { waitFor } from '../harness/waiting';

describe('API keys', () => {
  let service: TestService;

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Bearer wrong',
    'Basic YWRtaW46eA==',
    'tb_key-of-the-tests-only',
    'Bearer tb_key-of-the-tests-only2',
    `Bearer ${'x'.repeat(5_000)}`,
  ])('refuses %j', async (authorization) => {
    for (const path of ['/v1/accounts', '/v1/events', '/metrics']) {
      const response = await fetch(`${service.url}${path}`, {
        headers: authorization === undefined ? {} : { authorization },
      });
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/);
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(await response.json()).toMatchObject({ code: 'unauthorized', instance: path });
    }
  });

  it('asks for the key before it reads the body', async () => {
    const response = await fetch(`${service.url}/v1/accounts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{broken',
    });
    expect(response.status).toBe(401);
  });

  it.each(['/v1/health/live', '/v1/health/ready', '/docs', '/docs/json'])(
    'needs none for %s',
    async (path) => {
      expect((await fetch(`${service.url}${path}`)).status).toBe(200);
    },
  );

  it('takes the scheme in any case', async () => {
    const headers = { authorization: `bearer ${service.key}` };
    expect((await fetch(`${service.url}/v1/accounts`, { headers })).status).toBe(200);
  });

  it('accepts a new key at once, and forgets the old one', async () => {
    const own = await startTestService();
    expect((await own.api.get('/v1/accounts')).status).toBe(200);
    await storeAdminKey(own.urls.log, 'tb_another-key-of-the-tests');
    const changed = new ApiClient(own.url, 'tb_another-key-of-the-tests');
    // An unknown key makes the keys be read again, but at most once a second.
    await waitFor('the new key', async () => (await changed.get('/v1/accounts')).status === 200);
    expect((await own.api.get('/v1/accounts')).status).toBe(401);
  });

  it('keeps a hash of the key alone, and nothing of it in the log', async () => {
    const rows = await service.open.logReader.selectFrom('api_keys').selectAll().execute();
    expect(rows).toMatchObject([{ name: 'admin', role: 'admin' }]);
    expect(rows[0]!.key_hash.toString()).not.toContain(service.key);
    await service.api.post('/v1/accounts', { name: 'secret-name', type: 'asset', currency: 'USD' });
    const line = await waitFor('the line of a request', () =>
      service.logged.find((text) => text.includes('"status":201')),
    );
    expect(JSON.parse(line)).toMatchObject({
      requestId: expect.any(String) as unknown,
      method: 'POST',
      path: '/v1/accounts',
      status: 201,
      actor: 'admin',
    });
    const all = service.logged.join('');
    expect(all).not.toContain(service.key);
    expect(all).not.toContain('secret-name');
  });

  it('gives every answer an id, the sane one of the caller if there is one', async () => {
    const idFor = async (id: string) =>
      (await service.api.get('/v1/nothing', { headers: { 'x-request-id': id } })).headers.get(
        'x-request-id',
      );
    expect(await idFor('abc-1')).toBe('abc-1');
    expect(await idFor('a b')).toMatch(/^[0-9a-f-]{36}$/);
    expect(await idFor('x'.repeat(129))).toMatch(/^[0-9a-f-]{36}$/);
  });
});
