import type { EventDto } from '../../../src/outside/events/event.dto';
import { rotateAdminKey } from '../../../src/http/admin-key';
import { cloneDatabases } from '../../harness/databases';
import { startTestService, type TestService } from '../../harness/service';
import { waitFor } from '../../harness/waiting';
import { Connection, EventSource } from './event-source';

const ACCOUNT = { name: 'x', type: 'asset', currency: 'USD' } as const;
const HEARTBEAT_MS = 100;
const FAST = { EVENT_HEARTBEAT_MS: String(HEARTBEAT_MS) };

async function openAccounts({ api }: TestService, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    expect((await api.post('/v1/accounts', ACCOUNT)).status).toBe(201);
  }
}

const upTo = (count: number, from = 1) => Array.from({ length: count }, (_, i) => i + from);

describe('the stream of events', () => {
  it('has what the list has, from the beginning and as it comes', async () => {
    const service = await startTestService({ env: FAST });
    await openAccounts(service, 3);
    const source = new EventSource(() => service);
    expect(await source.have(3)).toEqual([1, 2, 3]);
    await openAccounts(service, 2);
    expect(await source.have(5)).toEqual([1, 2, 3, 4, 5]);
    const { body } = await service.api.get<{ data: EventDto[] }>('/v1/events');
    expect(source.events).toEqual(body.data);
    expect(source.returned).toBe(0);
    const { headers } = source.connection!.answer;
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'ledger-position': '3',
      'x-request-id': expect.any(String) as unknown,
    });
    source.close();
  });

  it('has of an account what the list has, as it comes: openings, entries and holds', async () => {
    const service = await startTestService({ env: FAST });
    const { api } = service;
    await api.post('/v1/accounts', { ...ACCOUNT, clientId: 'bank' });
    await api.post('/v1/accounts', { ...ACCOUNT, clientId: 'cash', type: 'equity' });
    const source = new EventSource(() => service, '?accountId=client:bank');
    expect(await source.have(1)).toEqual([1]);
    // From here on it is told of what comes.
    const posting = (accountId: string, direction: string) => ({
      ...{ accountId: `client:${accountId}`, direction, amount: '1.00' },
    });
    const postings = [posting('bank', 'debit'), posting('cash', 'credit')];
    const body = { description: 'x', postings };
    await api.post('/v1/transactions', body);
    await api.post('/v1/holds', { ...body, clientId: 'captured' });
    await api.post('/v1/holds/client:captured/capture', {});
    await api.post('/v1/holds', { ...body, clientId: 'voided' });
    await api.post('/v1/holds/client:voided/void', {});
    await openAccounts(service, 1);
    await api.patch('/v1/accounts/client:bank', { name: 'Bank' });
    const list = await api.get<{ data: EventDto[] }>('/v1/events?accountId=client:bank');
    const all = list.body.data.map(({ position }) => position);
    expect(all.length).toBeGreaterThanOrEqual(7);
    expect(await source.have(all.length)).toEqual(all);
    expect(source.events).toEqual(list.body.data);
    source.close();
  });

  it('begins behind after, and behind Last-Event-ID where that is said too', async () => {
    const service = await startTestService({ env: FAST });
    await openAccounts(service, 4);
    const got: number[] = [];
    const headers = { 'last-event-id': '3' };
    const keep = ({ position }: EventDto) => void got.push(position);
    const connection = await Connection.open(service, '?after=1', { headers }, keep);
    await waitFor('an event', () => got.length > 0);
    const behind = new EventSource(() => service, '?after=2');
    expect(await behind.have(2)).toEqual([3, 4]);
    // What is not there yet comes when it is.
    const ahead = new EventSource(() => service, '?after=5');
    await waitFor('a listener', () => ahead.returned === 0);
    await openAccounts(service, 3);
    expect(await ahead.have(2)).toEqual([6, 7]);
    await waitFor('all events', () => got.length === 4);
    expect(got).toEqual([4, 5, 6, 7]);
    connection.goAway();
    behind.close();
    ahead.close();
  });

  it('says by comments that it is there, and lives longer than answers wait', async () => {
    const service = await startTestService({ env: { ...FAST, ANSWER_TIMEOUT_MS: '100' } });
    const got: number[] = [];
    const keep = ({ position }: EventDto) => void got.push(position);
    const connection = await Connection.open(service, '', {}, keep);
    await waitFor('heartbeats', () => connection.comments.length >= 15);
    expect(new Set(connection.comments)).toEqual(new Set(['heartbeat']));
    await openAccounts(service, 1);
    await waitFor('the event', () => got.length === 1);
    expect(connection.ended).toBeUndefined();
    connection.goAway();
  });

  it('refuses nonsense, and who has no key', async () => {
    const service = await startTestService({ env: FAST });
    const path = '/v1/events/stream';
    for (const [name, value] of [
      ['after', '-1'],
      ['after', 'x'],
      ['type', 'Nonsense'],
      ['accountId', 'cash'],
      ['recordedFrom', 'yesterday'],
      ['limit', '5'],
      ['order', 'asc'],
      ['cursor', 'W10'],
    ] as const) {
      const { status, body } = await service.api.get(`${path}?${name}=${value}`);
      const expected = { code: 'validation_failed', errors: [{ pointer: `/${name}` }] };
      expect([name, status, body]).toMatchObject([name, 400, expected]);
    }
    for (const last of ['', '-1', 'abc', '1.5', '01', '9'.repeat(20)]) {
      const { status, body } = await service.api.get(path, { headers: { 'last-event-id': last } });
      const expected = { code: 'validation_failed', errors: [{ pointer: '/Last-Event-ID' }] };
      expect([last, status, body]).toMatchObject([last, 400, expected]);
    }
    const none = await service.api.get(`${path}?accountId=client:nobody`);
    expect([none.status, none.body['code']]).toEqual([404, 'not_found']);
    const headers = { authorization: 'Bearer wrong' };
    expect((await service.api.get(path, { headers })).status).toBe(401);
    const url = `${service.url}${path}`;
    const head = await fetch(url, { method: 'HEAD', headers: service.api.authorization });
    expect([head.status, head.headers.get('content-type')]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ]);
  });

  it('has so many listeners at most, and one more when one has gone', async () => {
    const service = await startTestService({ env: { ...FAST, EVENT_LISTENERS: '2' } });
    const open = () => Connection.open(service, '');
    const first = await open();
    const second = await open();
    const { status, headers, body } = await service.api.get('/v1/events/stream');
    expect([status, headers.get('retry-after'), body['code']]).toEqual([
      503,
      '1',
      'ledger_unavailable',
    ]);
    first.goAway();
    const third = await waitFor('a place', () => open().catch(() => undefined));
    second.goAway();
    third.goAway();
  });

  it('ends where the key is withdrawn', async () => {
    const service = await startTestService({ env: FAST });
    const connection = await Connection.open(service, '');
    const { dataDir } = service;
    await rotateAdminKey(service.urls.log, { dataDir, configured: 'tb_another-key-of-tests' });
    await waitFor('the end', () => connection.ended);
    expect(connection.ended).toBe('in order');
  });

  it('sends listeners away where the service ends, and says when to come back', async () => {
    const databases = await cloneDatabases();
    const service = await startTestService({ databases, env: FAST });
    await openAccounts(service, 1);
    const connections = await Promise.all(
      Array.from({ length: 20 }, () => Connection.open(service, '?after=1')),
    );
    const firstHints = connections.map(({ retryMs }) => retryMs);
    const began = performance.now();
    await service.close();
    expect(performance.now() - began).toBeLessThan(3_000);
    for (const connection of connections) {
      await waitFor('the end', () => connection.ended);
      expect(connection.ended).toBe('in order');
      expect(connection.retryMs).toBeGreaterThanOrEqual(1_000);
      expect(connection.retryMs).toBeLessThanOrEqual(2_000);
    }
    // Not all at once.
    expect(new Set(connections.map(({ retryMs }) => retryMs)).size).toBeGreaterThan(3);
    expect(connections.map(({ retryMs }) => retryMs)).not.toEqual(firstHints);
    const again = await startTestService({ databases, env: FAST });
    const source = new EventSource(() => again);
    expect(await source.have(1)).toEqual(upTo(1));
    source.close();
  });
});
