import { cloneDatabases } from '../../harness/databases';
import { startTestService, type TestService } from '../../harness/service';

interface Account {
  id: string;
  clientId: string | null;
  balance: string;
  position: number;
}
interface Page<T> {
  data: T[];
  nextCursor: string | null;
}

describe('accounts over HTTP', () => {
  let service: TestService;
  let cash: Account;
  let equity: Account;

  const open = async (body: object): Promise<Account> => {
    const { status, body: account } = await service.api.post<Account>('/v1/accounts', {
      name: 'An account',
      type: 'asset',
      currency: 'USD',
      ...body,
    });
    expect(status).toBe(201);
    return account;
  };
  const post = async (amount: string, effectiveDate: string): Promise<number> => {
    const { status, body } = await service.api.post<{ position: number }>('/v1/transactions', {
      description: `Pay ${amount}`,
      effectiveDate,
      postings: [
        { accountId: 'client:cash', direction: 'debit', amount },
        { accountId: equity.id.toUpperCase(), direction: 'credit', amount },
      ],
    });
    expect(status).toBe(201);
    return body.position;
  };

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    cash = await open({ clientId: 'cash', name: 'Cash', minBalance: '0', metadata: { a: 'ü' } });
    equity = await open({ clientId: 'equity', name: 'Equity', type: 'equity' });
    await post('10', '2026-01-02');
    await post('0.5', '2026-01-01');
    await post('1.25', '2026-01-03');
  });

  it('answers an account with everything that the API promises', async () => {
    const { status, headers, body } = await service.api.get('/v1/accounts/client:cash');
    expect(status).toBe(200);
    expect(headers.get('ledger-position')).toBe('5');
    expect(body).toEqual({
      id: cash.id,
      clientId: 'cash',
      name: 'Cash',
      type: 'asset',
      normalSide: 'debit',
      currency: 'USD',
      status: 'open',
      frozen: null,
      group: null,
      balance: '11.75',
      ...{ available: '11.75', pendingDebits: '0.00', pendingCredits: '0.00' },
      debits: '11.75',
      credits: '0.00',
      minBalance: '0.00',
      maxBalance: null,
      version: 4,
      metadata: { a: 'ü' },
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown,
      position: 5,
    });
    const { body: byId } = await service.api.get(`/v1/accounts/${cash.id}`);
    expect(byId).toEqual(body);
  });

  it('answers an account as it was after an event', async () => {
    const at = async (position: number) =>
      (await service.api.get<Account>(`/v1/accounts/${cash.id}?atPosition=${position}`)).body;
    expect(await at(1)).toEqual({ ...cash });
    expect(await at(3)).toMatchObject({ balance: '10.00', version: 2, position: 3 });
    expect(await at(4)).toMatchObject({ balance: '10.50', version: 3, position: 4 });
    const before = await service.api.get(`/v1/accounts/client:equity?atPosition=1`);
    expect(before.status).toBe(404);
    const beyond = await service.api.get(`/v1/accounts/${cash.id}?atPosition=6`);
    expect(beyond.status).toBe(400);
    expect(beyond.body['errors']).toEqual([
      { pointer: '/atPosition', message: "must not be above the ledger's position, 5" },
    ]);
  });

  it('lists entries, newest last, page by page and between dates', async () => {
    type Entry = { amount: string; balanceAfter: string; effectiveDate: string };
    const path = `/v1/accounts/client:cash/entries`;
    const first = (await service.api.get<Page<Entry>>(`${path}?limit=2`)).body;
    expect(first.data.map((e) => [e.amount, e.balanceAfter])).toEqual([
      ['10.00', '10.00'],
      ['0.50', '10.50'],
    ]);
    const next = `${path}?limit=2&cursor=${first.nextCursor}`;
    const second = (await service.api.get<Page<Entry>>(next)).body;
    expect(second.data).toEqual([
      {
        transactionId: expect.any(String) as unknown,
        position: 5,
        effectiveDate: '2026-01-03',
        direction: 'debit',
        amount: '1.25',
        balanceAfter: '11.75',
        description: 'Pay 1.25',
      },
    ]);
    expect(second.nextCursor).toBeNull();
    const dated = await service.api.get<Page<Entry>>(`${path}?from=2026-01-01&to=2026-01-02`);
    expect(dated.body.data.map((e) => e.effectiveDate)).toEqual(['2026-01-02', '2026-01-01']);
  });

  it('lists accounts by what they are, page by page', async () => {
    const list = async (query: string) =>
      (await service.api.get<Page<Account>>(`/v1/accounts?${query}`)).body;
    expect((await list('type=equity')).data).toMatchObject([{ id: equity.id }]);
    expect((await list('clientId=cash')).data).toMatchObject([{ id: cash.id, balance: '11.75' }]);
    expect((await list('clientId=nobody')).data).toEqual([]);
    expect((await list('currency=JPY&status=open')).data).toEqual([]);
    const first = await list('limit=1');
    expect(first.data).toMatchObject([{ id: cash.id }]);
    const rest = await list(`limit=1&cursor=${first.nextCursor}`);
    expect(rest).toMatchObject({ data: [{ id: equity.id }], nextCursor: null });
  });

  it('closes an account without a balance, once', async () => {
    const spare = await open({ clientId: 'spare', currency: 'KWD' });
    const full = await service.api.post('/v1/accounts/client:cash/close');
    expect(full.status).toBe(422);
    expect(full.body).toMatchObject({ code: 'account_not_empty', accountId: cash.id });
    // Without a body, and without saying what kind of body that is.
    const authorization = `Bearer ${service.key}`;
    const closed = await fetch(`${service.url}/v1/accounts/client:spare/close`, {
      method: 'POST',
      headers: { authorization },
    });
    expect(closed.status).toBe(200);
    expect(await closed.json()).toMatchObject({ id: spare.id, status: 'closed', balance: '0.000' });
    const again = await service.api.post('/v1/accounts/client:spare/close');
    expect(again).toMatchObject({ status: 409, body: { code: 'account_already_closed' } });
    const position = Number(closed.headers.get('ledger-position'));
    const before = await service.api.get(`/v1/accounts/${spare.id}?atPosition=${position - 1}`);
    expect(before.body).toMatchObject({ status: 'open' });
  });
});
