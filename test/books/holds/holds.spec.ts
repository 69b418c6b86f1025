import { cloneDatabases } from '../../harness/databases';
import { startTestService, type TestService } from '../../harness/service';
import { DocumentedClient } from '../../http/documented-client';
import type { HoldDto } from '../../../src/books/holds/hold.dto';
import type { TransactionDto } from '../../../src/books/transactions/transaction.dto';
import type { AccountDto } from '../../../src/books/accounts/account.dto';

interface List<T> {
  data: T[];
  nextCursor: string | null;
}
const id = expect.stringMatching(/^[0-9a-f-]{36}$/) as string;
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string;

describe('holds over HTTP', () => {
  let service: TestService;
  let api: DocumentedClient;
  const ids: Record<string, string> = {};

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    api = await DocumentedClient.of(service);
    const account = async (clientId: string, type: string, limits: object = {}) => {
      const body = { clientId, name: clientId, type, currency: 'USD', ...limits };
      ids[clientId] = (await api.post<AccountDto>('/v1/accounts', body)).body.id;
    };
    await account('till', 'asset');
    await account('anna', 'liability', { minBalance: '0' });
    await account('shop', 'liability');
    const { status } = await post('1000', 'till', 'anna');
    expect(status).toBe(201);
  });

  const postings = (amount: string, from = 'anna', to = 'shop') => [
    { accountId: `client:${from}`, direction: 'debit', amount },
    { accountId: `client:${to}`, direction: 'credit', amount },
  ];
  const post = (amount: string, from?: string, to?: string) =>
    api.post('/v1/transactions', { description: 'Pay', postings: postings(amount, from, to) });
  const place = (amount: string, rest: object = {}, options: object = {}) => {
    const body = { description: 'Dinner', postings: postings(amount), ...rest };
    return api.post<HoldDto>('/v1/holds', body, options);
  };
  const capture = (hold: string, body: object = {}, options: object = {}) =>
    api.post<TransactionDto>(`/v1/holds/${hold}/capture`, body, options);
  const drop = (hold: string, body: object = {}, options: object = {}) =>
    api.post<HoldDto>(`/v1/holds/${hold}/void`, body, options);
  const read = async (hold: string) => (await api.get<HoldDto>(`/v1/holds/${hold}`)).body;
  const account = async (clientId: string, at?: number) => {
    const query = at === undefined ? '' : `?atPosition=${at}`;
    return (await api.get<AccountDto>(`/v1/accounts/client:${clientId}${query}`)).body;
  };
  const head = () => service.open.ledger.head.position;

  it('answers a hold with everything that the API promises', async () => {
    const { status, headers, body } = await place('30.5', {
      ...{ clientId: 'first', metadata: { table: '4' }, expiresAt: '2999-01-01T01:00:00+01:00' },
    });
    const position = head();
    expect([status, headers.get('ledger-position')]).toEqual([201, String(position)]);
    const posting = { amount: '30.50', captured: '0.00', currency: 'USD' };
    expect(body).toEqual({
      ...{ id, clientId: 'first', description: 'Dinner', status: 'held' },
      ...{ expiresAt: '2999-01-01T00:00:00.000Z', metadata: { table: '4' } },
      postings: [
        { accountId: ids['anna'], direction: 'debit', ...posting },
        { accountId: ids['shop'], direction: 'credit', ...posting },
      ],
      ...{ transactionIds: [], version: 1, createdAt: time, position },
    });
    const found = await api.get('/v1/holds/client:first');
    expect([found.status, found.headers.get('etag'), found.body]).toEqual([200, '"1"', body]);
    expect((await api.get(`/v1/holds/${body.id.toUpperCase()}`)).body).toEqual(body);
    expect((await api.get('/v1/holds/client:nobody')).status).toBe(404);
    const taken = await place('1', { clientId: 'first' });
    expect(taken).toMatchObject({ status: 409, body: { code: 'client_id_taken' } });
    const wrong = await place('1', { expiresAt: '2020-01-01T00:00:00Z' });
    expect(wrong).toMatchObject({ status: 400, body: { errors: [{ pointer: '/expiresAt' }] } });
    expect((await place('1', { expiresAt: 'soon' })).status).toBe(400);
    expect((await drop('client:first')).body).toMatchObject({ status: 'voided', version: 2 });
  });

  it('captures parts, and frees the rest; every step is told as it was then', async () => {
    const before = await account('anna');
    const { body: held } = await place('30', { clientId: 'parts' });
    const some = { postings: postings('10'), final: false, clientId: 'part' };
    const first = await capture('client:parts', some);
    expect(first).toMatchObject({
      status: 201,
      body: { clientId: 'part', description: 'Dinner', holdId: held.id, source: null },
    });
    const tooMuch = await capture(held.id, { postings: postings('20.01') });
    expect(tooMuch).toMatchObject({ status: 422, body: { code: 'hold_exceeded' } });
    const last = { postings: postings('5'), description: 'The rest', effectiveDate: '2026-01-31' };
    const second = await capture(held.id, last);
    expect(second.body).toMatchObject({ description: 'The rest', effectiveDate: '2026-01-31' });
    const transactionIds = [first.body.id, second.body.id];
    const posting = { amount: '30.00', captured: '15.00' };
    expect(await read(held.id)).toMatchObject({
      ...{ status: 'captured', version: 3, transactionIds, postings: [posting, posting] },
      position: second.body.position - 1,
    });
    const { body: listed } = await api.get<List<TransactionDto>>(
      '/v1/transactions?accountId=client:anna&clientId=part',
    );
    expect(listed.data).toEqual([first.body]);
    expect((await api.get(`/v1/transactions/${second.body.id}`)).body).toEqual(second.body);
    const then = async (at: number) => {
      const { balance, pendingDebits, pendingCredits, available, version } = await account(
        'anna',
        at,
      );
      return [balance, pendingDebits, pendingCredits, available, version - before.version];
    };
    const placed = held.position;
    expect(await then(placed - 1)).toEqual(['1000.00', '0.00', '0.00', '1000.00', 0]);
    expect(await then(placed)).toEqual(['1000.00', '30.00', '0.00', '970.00', 1]);
    // The transaction of a capture follows it, in the same step.
    expect(await then(placed + 1)).toEqual(['1000.00', '20.00', '0.00', '980.00', 2]);
    expect(await then(placed + 2)).toEqual(['990.00', '20.00', '0.00', '970.00', 3]);
    expect(await then(placed + 3)).toEqual(['990.00', '0.00', '0.00', '990.00', 4]);
    expect(await then(placed + 4)).toEqual(['985.00', '0.00', '0.00', '985.00', 5]);
    expect((await account('shop', placed)).pendingCredits).toBe('30.00');
    const diff = await api.get<List<{ clientId: string; changes: number; events: object[] }>>(
      `/v1/diff?from=${placed - 1}&to=${placed + 1}`,
    );
    expect(diff.body.data).toMatchObject([
      { clientId: 'anna', changes: 2, events: [{ type: 'HoldPlaced' }, { type: 'HoldCaptured' }] },
      { clientId: 'shop', changes: 2 },
    ]);
  });

  it('has exactly one of many captures, voids and repeats win', async () => {
    const { body: held } = await place('30');
    const before = head();
    const key = { idempotencyKey: 'capture once' };
    const same = await Promise.all(Array.from({ length: 5 }, () => capture(held.id, {}, key)));
    expect(new Set(same.map((answer) => answer.body.id)).size).toBe(1);
    expect(head()).toBe(before + 2);
    expect((await capture(held.id, {}, key)).headers.get('idempotency-hit')).toBe('true');
    const { body: rival } = await place('30');
    const rivals = await Promise.all(
      Array.from({ length: 12 }, (_, i) => (i % 2 ? capture(rival.id) : drop(rival.id))),
    );
    expect(rivals.filter(({ status }) => status < 300)).toHaveLength(1);
    const refused = rivals.filter(({ status }) => status === 409);
    expect(refused).toHaveLength(11);
    expect(refused[0]!.body).toMatchObject({ code: 'hold_not_open' });
    const { body: shared } = await place('30');
    const part = { postings: postings('7'), final: false };
    const parts = await Promise.all(Array.from({ length: 9 }, () => capture(shared.id, part)));
    expect(parts.filter(({ status }) => status === 201)).toHaveLength(4);
    const codes = parts.flatMap(({ body }) => (body as { code?: string }).code ?? []);
    expect(new Set(codes)).toEqual(new Set(['hold_exceeded']));
    expect((await drop(shared.id)).body.postings[0]!.captured).toBe('28.00');
  });

  it('answers a dry run in full and keeps nothing', async () => {
    const { body: held } = await place('30');
    const before = head();
    const dryRun = { dryRun: true };
    expect((await place('1', {}, dryRun)).status).toBe(201);
    const captured = await capture(held.id, {}, dryRun);
    expect([captured.status, captured.headers.get('dry-run')]).toEqual([201, 'true']);
    expect(captured.body).toMatchObject({ holdId: held.id, postings: [{ amount: '30.00' }, {}] });
    expect((await drop(held.id, { reason: 'x' }, dryRun)).body.status).toBe('voided');
    expect([head(), await read(held.id)]).toEqual([before, held]);
    await drop(held.id);
  });

  it('lists by account and status, in the order of placing, page by page', async () => {
    const page = async (query: string) => {
      const { status, body } = await api.get<List<HoldDto>>(`/v1/holds?${query}`);
      expect(status).toBe(200);
      return body;
    };
    const all = (await page('limit=200')).data;
    expect(all.length).toBeGreaterThan(4);
    const open = (await place('1')).body;
    const elsewhere = await place('1', { postings: postings('1', 'till', 'shop') });
    for (const accountId of ['client:anna', ids['anna']!]) {
      const found = (await page(`accountId=${accountId}&limit=200`)).data;
      expect(found).toEqual([...all, open]);
      expect((await page(`accountId=${accountId}&status=held`)).data).toEqual([open]);
      const voided = all.filter(({ status }) => status === 'voided');
      expect((await page(`accountId=${accountId}&status=voided`)).data).toEqual(voided);
    }
    expect((await page('status=held')).data).toEqual([open, elsewhere.body]);
    expect((await page('accountId=client:nobody')).data).toEqual([]);
    const idle = { clientId: 'idle', name: 'Idle', type: 'asset', currency: 'USD' };
    await api.post('/v1/accounts', idle);
    for (const status of ['', '&status=voided']) {
      expect((await page(`accountId=client:idle${status}`)).data).toEqual([]);
    }
    const paged: HoldDto[] = [];
    for (let query = 'limit=2&accountId=client:shop'; query !== '';) {
      const { data, nextCursor } = await page(query);
      paged.push(...data);
      query = nextCursor === null ? '' : `limit=2&cursor=${nextCursor}`;
    }
    expect(paged).toEqual([...all, open, elsewhere.body]);
    expect((await api.get('/v1/holds?status=lost')).status).toBe(400);
    await drop(open.id);
    await drop(elsewhere.body.id);
  });

  it('tells webhooks of them like of any event', async () => {
    const eventTypes = ['HoldPlaced', 'HoldCaptured', 'HoldVoided', 'HoldExpired'];
    const subscription = { url: 'https://receiver.example/', eventTypes };
    expect((await api.post('/v1/webhook-subscriptions', subscription)).status).toBe(201);
    const { body: held } = await place('1');
    await drop(held.id);
    for (const [at, type] of [
      [0, 'HoldPlaced'],
      [1, 'HoldVoided'],
    ] as const) {
      const { body } = await api.get(`/v1/events/${held.position + at}`);
      expect(body).toMatchObject({ type, tasks: [{ name: 'webhook.deliver' }] });
    }
  });
});
