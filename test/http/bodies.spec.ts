import { HttpAdapterHost } from '@nestjs/core';
import type { Server } from 'node:http';
import { cloneDatabases, type TestDatabases } from '../harness/databases';
import { startTestService, type TestService } from '../harness/service';
import { waitFor } from '../harness/waiting';
import { headOfPost, RawClient } from './raw-client';

const ROOM = 100_000;
const ACCOUNTS = '/v1/accounts';
/** Connections that one address may have, which is not that of the others. */
const [OTHER, LIMIT] = ['127.0.0.2', 20];
/** Not JSON, so that it is a 400 to whoever parses it; as long as most of the room. */
const LARGE = 'x'.repeat(ROOM * 0.8);

describe('connections', () => {
  it('are closed where there are too many, and made again once others are gone', async () => {
    const { url, key } = await startTestService({
      env: { MAX_CONNECTIONS: '10', MAX_CONNECTIONS_PER_ADDRESS: 'off' },
    });
    const idle = await Promise.all(Array.from({ length: 10 }, () => RawClient.connect(url)));
    const more = await RawClient.connect(url);
    expect(await more.closed).toBe('');
    for (const client of idle) client.goAway();
    const head = `GET ${ACCOUNTS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\n\r\n`;
    await waitFor('a connection', async () => {
      const client = await RawClient.connect(url);
      client.send(head);
      return /^HTTP\/1\.1 200/.test(await client.firstAnswer());
    });
  });

  it('of one address shut out nobody else, and itself until it has closed some', async () => {
    const service = await startTestService({
      env: { MAX_CONNECTIONS: '30', MAX_CONNECTIONS_PER_ADDRESS: String(LIMIT) },
    });
    const connect = () => RawClient.connect(service.url, { from: OTHER });
    const idle = await Promise.all(Array.from({ length: LIMIT }, connect));
    const more = await Promise.all(Array.from({ length: LIMIT }, connect));
    expect(await Promise.all(more.map(({ closed }) => closed))).toEqual(more.map(() => ''));
    const accounts = Array.from({ length: 5 }, () => service.api.get('/v1/accounts'));
    for (const { status } of await Promise.all(accounts)) expect(status).toBe(200);
    const ask = async () => {
      const client = await connect();
      client.send('GET /v1/health/live HTTP/1.1\r\nhost: x\r\n\r\n');
      const answer = await client.firstAnswer();
      client.goAway();
      return answer;
    };
    expect(await ask()).toBe('');
    idle[0]!.goAway();
    expect(await waitFor('a place', async () => (await ask()) || undefined)).toContain('200 OK');
    for (const client of idle) client.goAway();
  });
});

describe('bodies and answers', () => {
  let databases: TestDatabases;
  let service: TestService;

  beforeAll(async () => {
    databases = await cloneDatabases({ lifetime: 'file' });
    service = await startTestService({
      databases,
      env: {
        BODY_BYTES_LIMIT: String(ROOM),
        REQUEST_TIMEOUT_MS: '3000',
        ANSWER_TIMEOUT_MS: '500',
        // Clients without a key would be refused in a few bytes, which the system takes unread.
        RATE_LIMIT_PER_ADDRESS: 'off',
      },
    });
  });

  const postLarge = () =>
    fetch(`${service.url}${ACCOUNTS}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${service.key}` },
      body: LARGE,
    });
  /** A client that has sent half of its body. */
  const halfway = async (...headers: string[]) => {
    const client = await RawClient.connect(service.url);
    client.send(headOfPost(service, ACCOUNTS, ...headers));
    return client;
  };
  const until = (status: number) =>
    waitFor(`a ${status}`, async () => (await postLarge()).status === status);
  const connections = () =>
    new Promise<number>((resolve) => {
      const { httpAdapter } = service.get(HttpAdapterHost);
      (httpAdapter.getHttpServer() as Server).getConnections((_, count) => resolve(count));
    });

  it('have room for so many bytes, and the next one is refused before it is parsed', async () => {
    expect((await postLarge()).status).toBe(400);
    const first = await halfway(`content-length: ${LARGE.length}`);
    await until(503);
    const refused = await postLarge();
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({ code: 'ledger_unavailable' });
    // What is small has room beside it.
    const small = { name: 'x', type: 'asset', currency: 'USD' };
    expect((await service.api.post(ACCOUNTS, small)).status).toBe(201);
    first.send(LARGE);
    await waitFor('the answer to the first', () => /^HTTP\/1\.1 400/.test(first.answered));
    await until(400);
    first.goAway();
  });

  it('give the room back when their client goes away', async () => {
    const client = await halfway(`content-length: ${LARGE.length}`);
    client.send(LARGE.slice(1));
    await until(503);
    client.goAway();
    await until(400);
  });

  it('are counted as they come where nobody said how long they are', async () => {
    const first = await halfway('transfer-encoding: chunked');
    const chunk = `${LARGE.length.toString(16)}\r\n${LARGE}\r\n`;
    first.send(chunk);
    await until(503);
    const second = await halfway('transfer-encoding: chunked');
    second.send(chunk);
    const answer = await second.closed;
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(answer).toMatch(/connection: close/);
    first.send('0\r\n\r\n');
    await waitFor('the answer to the first', () => /^HTTP\/1\.1 400/.test(first.answered));
    first.goAway();
    await until(400);
  });

  it.each([
    ['body', `content-length: ${LARGE.length}\r\n\r\n{`],
    ['head', 'x: '],
  ])('are not waited for where the %s comes too slowly', async (_, rest) => {
    const client = await RawClient.connect(service.url);
    client.send(headOfPost(service, ACCOUNTS).slice(0, -2) + rest);
    const answer = await client.closed;
    expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout/);
    expect(answer).toMatch(/content-type: application\/problem\+json/);
    expect(answer).toMatch(/"code":"request_timeout"/);
    await until(400);
  });

  it('are cut off where nobody reads them', async () => {
    await waitFor('the others to be gone', async () => (await connections()) <= 1);
    const before = await connections();
    // More than the system takes of each, and less than there is room for of all.
    const ask = 'GET /docs/json HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(50);
    const clients = await Promise.all(
      Array.from({ length: 5 }, () => RawClient.connect(service.url, { reads: false })),
    );
    await waitFor('the clients', async () => (await connections()) >= before + clients.length);
    for (const client of clients) client.send(ask);
    await waitFor('the clients to be cut off', async () => (await connections()) <= before);
  });
});
