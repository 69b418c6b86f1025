import { setImmediate } from 'node:timers/promises';
import { Kysely, PostgresDialect } from 'kysely';
import { Pool } from 'pg';
import type { LogDatabase } from '../../src/engine/write/event-log';
import { rotateAdminKey } from '../../src/http/admin-key';
import { ApiKeys } from '../../src/http/api-keys';
import { cloneDatabases } from '../harness/databases';
import { startTestService } from '../harness/service';
import { waitFor } from '../harness/waiting';
import { RawClient } from './raw-client';

const PER_SECOND = 5;
const BURST = 50;

/** API keys that count how often they ask the database. */
function countedKeys(url: string) {
  let asked = 0;
  const pool = new Pool({ connectionString: url, max: 1 });
  pool.on('error', () => undefined);
  // Every question takes a connection, also one that then comes to nothing.
  const connect = () => {
    asked++;
    return pool.connect();
  };
  const counted = { connect, options: pool.options, end: () => pool.end() };
  const db = new Kysely<LogDatabase>({ dialect: new PostgresDialect({ pool: counted }) });
  return { keys: new ApiKeys(db), asked: () => asked, close: () => db.destroy() };
}

/** Does something again and again for so long. @returns how often */
async function during(ms: number, work: () => Promise<unknown>): Promise<number> {
  const end = performance.now() + ms;
  let times = 0;
  while (performance.now() < end) {
    await work();
    times++;
  }
  return times;
}

describe('floods without a key', () => {
  it('of wrong keys ask the database once a second, all together', async () => {
    const { urls } = await cloneDatabases();
    const { keys, asked, close } = countedKeys(urls.log);
    const tried = await during(2_500, async () => {
      const wrong = Array.from({ length: BURST }, () =>
        Promise.resolve(keys.find(`wrong-${Math.random()}`)),
      );
      expect(new Set(await Promise.all(wrong))).toEqual(new Set([undefined]));
      await setImmediate();
    });
    expect(tried).toBeGreaterThan(3);
    expect(asked()).toBeGreaterThan(1);
    expect(asked()).toBeLessThanOrEqual(3);
    await close();
  });

  it('ask a database that is away once a second too', async () => {
    const { keys, asked, close } = countedKeys('postgresql://127.0.0.1:1/nothing');
    await during(1_500, () => expect(keys.find('k')).rejects.toThrow());
    expect(asked()).toBeLessThanOrEqual(2);
    await close();
  });

  it('leave a key that was withdrawn a second, also where nobody asked meanwhile', async () => {
    const service = await startTestService();
    expect((await service.api.get('/v1/accounts')).status).toBe(200);
    const { dataDir } = service;
    const other = { dataDir, configured: 'tb_another-key-of-the-tests' };
    await rotateAdminKey(service.urls.log, other);
    const since = performance.now();
    await waitFor('a second without a request', () => performance.now() - since > 1_000);
    expect((await service.api.get('/v1/accounts')).status).toBe(401);
  });

  it('are answered with the document that was made once, and not sent again', async () => {
    const { url } = await startTestService();
    const first = await fetch(`${url}/docs/json`);
    const etag = first.headers.get('etag')!;
    expect(etag).toMatch(/^"[\w-]{43}"$/);
    expect(first.headers.get('cache-control')).toBe('no-cache');
    const text = await first.text();
    const headers = { 'if-none-match': etag };
    const again = await fetch(`${url}/docs/json`, { headers });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe('');
    expect(await (await fetch(`${url}/docs/json`)).text()).toBe(text);
  });

  it.each([
    ['/v1/accounts', 401, { authorization: 'Bearer wrong' }],
    ['/v1/nothing', 404, {}],
    ['/v1/health/live', 200, {}],
    ['/docs/json', 200, {}],
  ])('of %s end for an address, and not for those of it who have a key', async (...flood) => {
    const [path, status, headers] = flood;
    const { url, api } = await startTestService({
      env: { RATE_LIMIT_PER_ADDRESS: String(PER_SECOND) },
    });
    const ask = async () => (await fetch(`${url}${path}`, { headers })).status;
    expect(await ask()).toBe(status);
    const refused = await waitFor('the limit', async () => {
      const burst = Array.from({ length: BURST }, () => fetch(`${url}${path}`, { headers }));
      return (await Promise.all(burst)).find((answer) => answer.status === 429);
    });
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(refused.headers.get('ratelimit-policy')).toBe(`"address";q=${PER_SECOND};w=1`);
    expect(refused.headers.get('ratelimit')).toBe('"address";r=0;t=1');
    // To connect again would cost both sides more than to ask again.
    expect(refused.headers.get('connection')).not.toBe('close');
    expect(refused.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(await refused.json()).toMatchObject({ code: 'too_many_requests', instance: path });
    const allowed = Array.from({ length: BURST }, () => api.get('/v1/accounts'));
    for (const { status: own } of await Promise.all(allowed)) expect(own).toBe(200);
    // It is over when the flood is.
    await waitFor('the address to be heard again', async () => {
      const since = performance.now();
      await waitFor('a pause', () => performance.now() - since > 200);
      return (await ask()) === status;
    });
  });

  it('come to an answer a second and connection, once there are too many', async () => {
    const { url, api } = await startTestService({
      env: { RATE_LIMIT_PER_ADDRESS: String(PER_SECOND) },
    });
    const headers = { authorization: 'Bearer wrong' };
    const ask = async () => (await fetch(`${url}/v1/accounts`, { headers })).status;
    const begin = performance.now();
    const answers: number[] = [];
    const sender = async () => void (await during(2_500, async () => answers.push(await ask())));
    await Promise.all(Array.from({ length: 4 }, sender));
    const seconds = (performance.now() - begin) / 1_000;
    const refused = answers.filter((status) => status === 429).length;
    expect(refused).toBeGreaterThanOrEqual(4);
    expect(refused).toBeLessThanOrEqual(4 * Math.ceil(seconds));
    expect((await api.get('/v1/accounts')).status).toBe(200);
  });

  it('lose the connection on which they send more than one at once', async () => {
    const service = await startTestService({
      env: { RATE_LIMIT_PER_ADDRESS: String(PER_SECOND) },
    });
    const client = await RawClient.connect(service.url);
    const one = 'GET /v1/accounts HTTP/1.1\r\nhost: x\r\nauthorization: Bearer wrong\r\n\r\n';
    client.send(one.repeat(1_000));
    const answered = await client.closed;
    expect(answered.split('HTTP/1.1 ').length - 1).toBeLessThanOrEqual(PER_SECOND + 1);
    expect((await service.api.get('/v1/accounts')).status).toBe(200);
  });

  it('have no limit where that is off', async () => {
    const { url } = await startTestService({ env: { RATE_LIMIT_PER_ADDRESS: 'off' } });
    const statuses = await Promise.all(
      Array.from({ length: 200 }, async () => (await fetch(`${url}/v1/nothing`)).status),
    );
    expect(new Set(statuses)).toEqual(new Set([404]));
  });
});
