import { query } from '../../harness/cluster';
import { cloneDatabases } from '../../harness/databases';
import { startTestService, type TestService } from '../../harness/service';

interface Order {
  id: string;
  clientId: string | null;
  companyId: string;
  status: string;
  transactionId: string | null;
  position: number;
}
interface Page {
  data: Order[];
  nextCursor: string | null;
}

const ORDER = {
  companyId: 'client:acme',
  side: 'buy',
  symbol: 'BRK.B',
  quantity: '10.50',
  cashAccountId: 'client:cash',
  settlementAccountId: 'client:broker',
};
const SETTLE = {
  executedAmount: '100.5',
  fee: '2',
  feeAccountId: 'client:fees',
  settledAt: '2026-01-31T23:30:00-01:00',
};

describe('orders over HTTP', () => {
  let service: TestService;
  let ids: Record<'acme' | 'other' | 'cash' | 'broker' | 'fees', string>;
  let made = 0;

  const head = async () =>
    Number((await service.api.get('/v1/events?limit=1')).headers.get('ledger-position'));
  const tasks = (after: number) =>
    query(
      service.urls.log,
      'select name, subject, payload from task_log where position > $1 order by position',
      [after],
    );
  const balance = async (clientId: string) =>
    (await service.api.get(`/v1/accounts/client:${clientId}`)).body['balance'];
  const place = (body: object = {}, options = {}) =>
    service.api.post<Order>('/v1/orders', { ...ORDER, ...body }, options);
  const settle = (reference: string, body: object = {}, options = {}) =>
    service.api.post<Order>(`/v1/orders/${reference}/settle`, { ...SETTLE, ...body }, options);
  const placed = async (body: object = {}) => {
    const clientId = `order-${++made}`;
    const answer = await place({ clientId, ...body });
    expect(answer.status).toBe(201);
    return { reference: `client:${clientId}`, order: answer.body };
  };
  const madeId = async (path: string, body: object) => {
    const { status, body: resource } = await service.api.post<{ id: string }>(path, body);
    expect(status).toBe(201);
    return resource.id;
  };

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    const address = { line1: 'Main St 1', city: 'Bonn', postalCode: '53113', country: 'DE' };
    const company = (clientId: string) =>
      madeId('/v1/companies', { clientId, name: clientId, contactEmail: 'a@b.example', address });
    const account = (clientId: string, type: string, minBalance: string | null = null) =>
      madeId('/v1/accounts', { clientId, name: clientId, type, currency: 'USD', minBalance });
    ids = {
      acme: await company('acme'),
      other: await company('other'),
      cash: await account('cash', 'asset', '-500'),
      broker: await account('broker', 'asset'),
      fees: await account('fees', 'expense'),
    };
  });

  it('answers an order with everything that the API promises', async () => {
    const { status, headers, body } = await place({ clientId: 'first', limitAmount: '200' });
    expect(status).toBe(201);
    const position = await head();
    expect(headers.get('ledger-position')).toBe(String(position));
    expect(body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
      clientId: 'first',
      companyId: ids.acme,
      side: 'buy',
      symbol: 'BRK.B',
      quantity: '10.5',
      cashAccountId: ids.cash,
      settlementAccountId: ids.broker,
      limitAmount: '200.00',
      currency: 'USD',
      status: 'placed',
      executedAmount: null,
      fee: null,
      feeAccountId: null,
      cashAmount: null,
      transactionId: null,
      settledAt: null,
      version: 1,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown,
      position,
    });
    const read = await service.api.get('/v1/orders/client:first');
    expect(read).toMatchObject({ status: 200, body });
    expect(read.headers.get('ledger-position')).toBe(String(position));
    expect((await service.api.get(`/v1/orders/${body.id.toUpperCase()}`)).body).toEqual(body);
    const taken = await place({ clientId: 'first' });
    expect(taken).toMatchObject({ status: 409, body: { code: 'client_id_taken' } });
  });

  it('settles: postings, state and the task of its confirmation in one step', async () => {
    const { reference, order } = await placed();
    const before = await head();
    const { status, headers, body } = await settle(reference);
    expect(status).toBe(200);
    expect(headers.get('ledger-position')).toBe(String(before + 2));
    const settledAt = '2026-02-01T00:30:00.000Z';
    const result = {
      ...{ executedAmount: '100.50', fee: '2.00', feeAccountId: ids.fees, cashAmount: '102.50' },
      ...{ transactionId: expect.any(String) as unknown, settledAt },
    };
    const settled = { ...order, ...result, status: 'settled', version: 2, position: before + 2 };
    expect(body).toEqual(settled);
    expect((await service.api.get(`/v1/orders/${reference}`)).body).toEqual(body);
    const posted = await service.api.get(`/v1/transactions/${body.transactionId}`);
    expect(posted.body).toMatchObject({
      effectiveDate: '2026-02-01',
      position: before + 1,
      metadata: { orderId: order.id },
      postings: [
        { accountId: ids.cash, direction: 'credit', amount: '102.50' },
        { accountId: ids.broker, direction: 'debit', amount: '100.50' },
        { accountId: ids.fees, direction: 'debit', amount: '2.00' },
      ],
    });
    const { body: event } = await service.api.get(`/v1/events/${before + 2}`);
    const details = {
      ...{ orderId: order.id, companyId: ids.acme, side: 'buy', symbol: 'BRK.B' },
      ...{ quantity: '10.5', currency: 'USD', cashAccountId: ids.cash },
      ...{ settlementAccountId: ids.broker, ...result, transactionId: body.transactionId },
    };
    expect(event).toMatchObject({ type: 'OrderSettled', occurredAt: settledAt });
    expect(event).toMatchObject({ data: details, tasks: [{ name: 'order.confirmation-upload' }] });
    expect(await tasks(before)).toMatchObject([
      { name: 'order.confirmation-upload', subject: order.id, payload: details },
    ]);
  });

  it('takes the fee of a sale from its proceeds', async () => {
    const { reference } = await placed({ side: 'sell' });
    const [cash, broker, fees] = [
      Number(await balance('cash')),
      Number(await balance('broker')),
      Number(await balance('fees')),
    ];
    expect((await settle(reference)).body).toMatchObject({ cashAmount: '98.50' });
    expect(Number(await balance('cash')) - cash).toBe(98.5);
    expect(Number(await balance('broker')) - broker).toBe(-100.5);
    expect(Number(await balance('fees')) - fees).toBe(2);
  });

  it('leaves an order open whose postings are refused, and asks for nothing', async () => {
    const { reference, order } = await placed();
    const before = await head();
    const cash = await balance('cash');
    const refused = await settle(reference, { executedAmount: '10000' });
    expect(refused).toMatchObject({
      status: 422,
      body: { code: 'insufficient_funds', accountId: ids.cash },
    });
    expect(await head()).toBe(before);
    expect(await tasks(before)).toEqual([]);
    expect(await balance('cash')).toBe(cash);
    expect((await service.api.get(`/v1/orders/${reference}`)).body).toEqual(order);
    expect((await settle(reference)).status).toBe(200);
  });

  it('settles once where the request is repeated or comes many times at once', async () => {
    const { reference } = await placed();
    const before = await head();
    const key = { idempotencyKey: 'settle once' };
    const same = await Promise.all(Array.from({ length: 10 }, () => settle(reference, {}, key)));
    expect(new Set(same.map((a) => a.body.transactionId)).size).toBe(1);
    expect(same.filter((a) => a.headers.get('idempotency-hit') === 'true')).toHaveLength(9);
    const { reference: rival } = await placed();
    const rivals = await Promise.all(Array.from({ length: 10 }, () => settle(rival)));
    expect(rivals.filter((a) => a.status === 200)).toHaveLength(1);
    const refused = rivals.filter((a) => a.status === 409);
    expect(refused.map((a) => a.body)).toHaveLength(9);
    expect(refused[0]!.body).toMatchObject({ code: 'order_not_open' });
    expect(await head()).toBe(before + 5);
    expect(await tasks(before)).toHaveLength(2);
    const again = await settle(reference, {}, key);
    expect(again).toMatchObject({ status: 200, body: same[0]!.body });
    const other = await settle(reference, { fee: '3' }, key);
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
  });

  it('takes a settlement back with its postings, once, and settles it again', async () => {
    const { reference, order } = await placed();
    const cash = await balance('cash');
    const { transactionId } = (await settle(reference)).body;
    const path = `/v1/orders/${reference}/reverse-settlement`;
    const undo = (options = {}) => service.api.post<Order>(path, { reason: 'Bounced' }, options);
    const alone = await service.api.post(`/v1/transactions/${transactionId}/reverse`, {});
    expect(alone).toMatchObject({ status: 409, body: { code: 'has_source' } });
    expect(alone.body['detail']).toContain(`POST /v1/orders/${order.id}/reverse-settlement`);
    expect(await service.api.post(path, {})).toMatchObject({ status: 400 });
    const before = await head();
    const same = await Promise.all(Array.from({ length: 5 }, () => undo({ idempotencyKey: 'u' })));
    const position = before + 2;
    for (const { status, body } of same) {
      expect([status, body]).toEqual([200, { ...order, version: 3, position }]);
    }
    expect(await head()).toBe(position);
    expect(await undo()).toMatchObject({ status: 409, body: { code: 'order_not_open' } });
    expect(await balance('cash')).toBe(cash);
    const { body: posted } = await service.api.get(`/v1/transactions/${transactionId}`);
    const source = { type: 'order_settlement', id: order.id };
    expect(posted).toMatchObject({ source, reversedBy: expect.any(String) as unknown });
    const reversal = `/v1/transactions/${posted['reversedBy'] as string}`;
    expect((await service.api.get(reversal)).body).toMatchObject({ source });
    expect(await service.api.post(`${reversal}/reverse`, {})).toMatchObject({ status: 409 });
    expect((await service.api.get(`/v1/events/${position}`)).body).toMatchObject({
      ...{ type: 'OrderSettlementReversed', tasks: [] },
      data: { orderId: order.id, transactionId, reason: 'Bounced' },
    });
    const again = await settle(reference);
    expect(again).toMatchObject({ status: 200, body: { status: 'settled', version: 4 } });
    expect(again.body.transactionId).not.toBe(transactionId);
    expect(await undo()).toMatchObject({ status: 200, body: { status: 'placed', version: 5 } });
    expect(await balance('cash')).toBe(cash);
  });

  it('answers a dry run in full, keeps nothing and asks for nothing', async () => {
    const { reference, order } = await placed();
    const before = await head();
    const dryRun = { dryRun: true };
    const settled = await settle(reference, {}, dryRun);
    expect(settled).toMatchObject({ status: 200, body: { status: 'settled', version: 2 } });
    expect(settled.headers.get('dry-run')).toBe('true');
    const cancel = `/v1/orders/${reference}/cancel`;
    const cancelled = await service.api.post(cancel, {}, dryRun);
    expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled' } });
    expect((await place({ clientId: 'dry' }, dryRun)).status).toBe(201);
    expect(await head()).toBe(before);
    expect(await tasks(before)).toEqual([]);
    expect((await service.api.get(`/v1/orders/${reference}`)).body).toEqual(order);
    expect((await service.api.get('/v1/orders/client:dry')).status).toBe(404);
  });

  it('cancels an order that is open, and nothing after that', async () => {
    const { reference, order } = await placed();
    const cancel = () => service.api.post(`/v1/orders/${reference}/cancel`);
    const { status, body } = await cancel();
    expect(status).toBe(200);
    const position = await head();
    expect(body).toEqual({ ...order, status: 'cancelled', version: 2, position });
    for (const again of [await cancel(), await settle(reference)]) {
      expect(again).toMatchObject({ status: 409, body: { code: 'order_not_open' } });
    }
    expect(await tasks(position - 1)).toEqual([]);
    expect(await head()).toBe(position);
  });

  it('lists orders by company, status and client id, page by page', async () => {
    const { order: a } = await placed({ companyId: ids.other });
    const { order: b, reference } = await placed({ companyId: 'client:other' });
    const list = async (filter: string) =>
      (await service.api.get<Page>(`/v1/orders?${filter}`)).body;
    const first = await list('companyId=client:other&limit=1');
    expect(first.data).toEqual([a]);
    const rest = await list(`companyId=client:other&limit=1&cursor=${first.nextCursor}`);
    expect((await list(`companyId=${ids.other}&limit=1`)).data).toEqual([a]);
    expect(rest).toEqual({ data: [b], nextCursor: null });
    await service.api.post(`/v1/orders/${reference}/cancel`);
    expect((await list('companyId=client:other&status=placed')).data).toEqual([a]);
    expect((await list('companyId=client:other&status=cancelled')).data).toMatchObject([
      { id: b.id },
    ]);
    expect((await list('companyId=client:other&status=settled')).data).toEqual([]);
    expect((await list(`clientId=${a.clientId}&status=placed`)).data).toEqual([a]);
    expect((await list('companyId=client:nobody')).data).toEqual([]);
    expect((await list('status=placed&limit=200')).data.every((o) => o.status === 'placed')).toBe(
      true,
    );
  });

  it.each<[object, number, string, string]>([
    [{ companyId: 'acme' }, 400, 'validation_failed', '/companyId'],
    [{ companyId: undefined }, 400, 'validation_failed', '/companyId'],
    [{ side: 'short' }, 400, 'validation_failed', '/side'],
    [{ symbol: 'B C' }, 400, 'validation_failed', '/symbol'],
    [{ symbol: 'x'.repeat(33) }, 400, 'validation_failed', '/symbol'],
    [{ quantity: '0' }, 400, 'validation_failed', '/quantity'],
    [{ quantity: '-1' }, 400, 'validation_failed', '/quantity'],
    [{ quantity: 10.5 }, 400, 'validation_failed', '/quantity'],
    [{ quantity: `0.${'1'.repeat(19)}` }, 400, 'validation_failed', '/quantity'],
    [{ limitAmount: '1e2' }, 400, 'validation_failed', '/limitAmount'],
    [{ limitAmount: '1.001' }, 400, 'validation_failed', '/limitAmount'],
    [{ price: '1' }, 400, 'validation_failed', '/price'],
    [{ settlementAccountId: 'client:cash' }, 400, 'validation_failed', '/settlementAccountId'],
    [{ companyId: 'client:nobody' }, 422, 'company_not_found', '/companyId'],
    [{ cashAccountId: 'client:nobody' }, 422, 'account_not_found', '/cashAccountId'],
    [{ settlementAccountId: 'client:x' }, 422, 'account_not_found', '/settlementAccountId'],
  ])('refuses the order %j with %i %s at %s', async (change, status, code, pointer) => {
    const answer = await place(change);
    expect(answer).toMatchObject({ status, body: { code, errors: [{ pointer }] } });
  });

  it.each<[object, number, string, string?]>([
    [{ feeAccountId: undefined }, 400, 'validation_failed', '/feeAccountId'],
    [{ feeAccountId: 'client:nobody' }, 422, 'account_not_found', '/feeAccountId'],
    [{ executedAmount: '-1' }, 400, 'validation_failed', '/executedAmount'],
    [{ executedAmount: '0.001' }, 400, 'validation_failed', '/executedAmount'],
    [{ fee: '0.001' }, 400, 'validation_failed', '/fee'],
    [{ settledAt: undefined }, 400, 'validation_failed', '/settledAt'],
    [{ settledAt: '2026-02-30T00:00:00Z' }, 400, 'validation_failed', '/settledAt'],
    [{ settledAt: '2026-01-31' }, 400, 'validation_failed', '/settledAt'],
    [{ executedAmount: '100.51' }, 422, 'limit_exceeded'],
    [{ executedAmount: '0' }, 422, 'zero_amount'],
  ])('refuses to settle with %j: %i %s', async (...[change, status, code, pointer]) => {
    const { reference } = await placed({ limitAmount: '100.5' });
    const answer = await settle(reference, change);
    const errors = pointer === undefined ? {} : { errors: [{ pointer }] };
    expect(answer).toMatchObject({ status, body: { code, ...errors } });
    expect((await service.api.post(`/v1/orders/${reference}/cancel`)).status).toBe(200);
  });

  it.each(['client:nobody', 'nonsense'])('does not find %s', async (reference) => {
    const cancel = () => service.api.post(`/v1/orders/${reference}/cancel`);
    const read = () => service.api.get(`/v1/orders/${reference}`);
    for (const answer of [await read(), await cancel(), await settle(reference)]) {
      expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
  });
});
