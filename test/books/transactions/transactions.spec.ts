import { cloneDatabases } from '../../harness/databases';
import { startTestService, type TestService } from '../../harness/service';

interface Transaction {
  id: string;
  position: number;
  reversedBy: string | null;
  postings: { accountId: string; balanceAfter: string }[];
}
interface BatchResult {
  status: number;
  transaction?: Transaction;
  problem?: Record<string, unknown>;
  idempotencyHit?: boolean;
}

/** A transaction from `credit` to `debit`, by client ids. */
function transfer(debit: string, credit: string, amount: string, rest: object = {}): object {
  return {
    description: 'A transfer',
    postings: [
      { accountId: `client:${debit}`, direction: 'debit', amount },
      { accountId: `client:${credit}`, direction: 'credit', amount },
    ],
    ...rest,
  };
}

describe('transactions over HTTP', () => {
  let service: TestService;
  const balance = async (clientId: string) =>
    (await service.api.get(`/v1/accounts/client:${clientId}`)).body['balance'];

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    const accounts = [
      { clientId: 'cash', type: 'asset', currency: 'USD' },
      { clientId: 'customer', type: 'liability', currency: 'USD', minBalance: '0' },
      { clientId: 'limited', type: 'liability', currency: 'USD', maxBalance: '5' },
      { clientId: 'yen', type: 'asset', currency: 'JPY' },
      { clientId: 'yen-equity', type: 'equity', currency: 'JPY' },
      { clientId: 'closed', type: 'asset', currency: 'USD' },
    ];
    for (const account of accounts) {
      const { status } = await service.api.post('/v1/accounts', { name: 'An account', ...account });
      expect(status).toBe(201);
    }
    expect((await service.api.post('/v1/accounts/client:closed/close')).status).toBe(200);
  });

  it('posts in several currencies at once, and reads what it posted', async () => {
    const posted = await service.api.post<Transaction>('/v1/transactions', {
      clientId: 'first',
      description: 'Dollars and yen',
      effectiveDate: '2026-02-28',
      metadata: { invoice: '17' },
      postings: [
        { accountId: 'client:yen', direction: 'debit', amount: '150' },
        { accountId: 'client:cash', direction: 'debit', amount: '100.5' },
        { accountId: 'client:yen-equity', direction: 'credit', amount: '150' },
        { accountId: 'client:customer', direction: 'credit', amount: '100.50' },
      ],
    });
    expect(posted.status).toBe(201);
    expect(posted.body).toMatchObject({
      clientId: 'first',
      effectiveDate: '2026-02-28',
      metadata: { invoice: '17' },
      reverses: null,
      reversedBy: null,
      postings: [
        { direction: 'debit', amount: '150', currency: 'JPY', balanceAfter: '150' },
        { direction: 'debit', amount: '100.50', currency: 'USD', balanceAfter: '100.50' },
        { direction: 'credit', amount: '150', currency: 'JPY', balanceAfter: '150' },
        { direction: 'credit', amount: '100.50', currency: 'USD', balanceAfter: '100.50' },
      ],
    });
    expect(posted.headers.get('ledger-position')).toBe(String(posted.body.position));
    for (const reference of [posted.body.id, 'client:first']) {
      const read = await service.api.get(`/v1/transactions/${reference}`);
      expect(read.body).toEqual(posted.body);
    }
    const listed = await service.api.get(
      '/v1/transactions?accountId=client:yen&from=2026-02-28&to=2026-02-28&clientId=first',
    );
    expect(listed.body).toEqual({ data: [posted.body], nextCursor: null });
  });

  it('lists page by page, also of an account, or of none', async () => {
    for (const amount of ['1', '2', '3']) {
      await service.api.post('/v1/transactions', transfer('cash', 'customer', amount));
    }
    const seen: number[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { body }: { body: { data: Transaction[]; nextCursor: string | null } } =
        await service.api.get(`/v1/transactions?accountId=client:cash&limit=2${query}`);
      seen.push(...body.data.map((t) => t.position));
      cursor = body.nextCursor;
    }
    expect(seen.length).toBeGreaterThanOrEqual(3);
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    const none = await service.api.get('/v1/transactions?accountId=client:nobody');
    expect(none).toMatchObject({ status: 200, body: { data: [], nextCursor: null } });
  });

  it('reverses a transaction once', async () => {
    const posted = await service.api.post<Transaction>(
      '/v1/transactions',
      transfer('cash', 'customer', '7'),
    );
    const before = await balance('cash');
    const path = `/v1/transactions/${posted.body.id}/reverse`;
    const reversal = await service.api.post<Transaction>(path, { clientId: 'undo' });
    expect(reversal.status).toBe(201);
    expect(reversal.body).toMatchObject({
      description: 'Reversal of A transfer',
      reverses: posted.body.id,
      postings: [
        { direction: 'credit', amount: '7.00' },
        { direction: 'debit', amount: '7.00' },
      ],
    });
    expect(Number(await balance('cash'))).toBe(Number(before) - 7);
    const again = await service.api.post(path);
    expect(again).toMatchObject({ status: 409, body: { code: 'already_reversed' } });
    const read = await service.api.get(`/v1/transactions/${posted.body.id}`);
    expect(read.body).toMatchObject({ reversedBy: reversal.body.id });
  });

  it.each([
    ['unbalanced_transaction', { amount: '2' }],
    ['account_not_found', { accountId: 'client:nobody' }],
    ['account_not_found', { accountId: '00000000-0000-7000-8000-000000000000' }],
    ['account_closed', { accountId: 'client:closed' }],
    ['insufficient_funds', { accountId: 'client:customer', direction: 'debit', amount: '9999' }],
    ['balance_limit_exceeded', { accountId: 'client:limited', amount: '6' }],
    ['zero_amount', { amount: '0.00' }],
  ])('refuses %s and changes nothing', async (code, change) => {
    const posting = { accountId: 'client:limited', direction: 'credit', amount: '1', ...change };
    const amount = code === 'unbalanced_transaction' ? '1' : posting.amount;
    const direction = posting.direction === 'credit' ? 'debit' : 'credit';
    const other = { accountId: 'client:cash', direction, amount };
    const before = await service.api.get('/v1/reports/trial-balance');
    const { status, headers, body } = await service.api.post('/v1/transactions', {
      description: 'Refused',
      postings: [posting, other],
    });
    expect(status).toBe(422);
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(body).toMatchObject({
      type: `/problems/${code}`,
      title: expect.any(String) as unknown,
      status: 422,
      detail: expect.stringMatching(/./) as unknown,
      instance: '/v1/transactions',
      code,
      accountId: expect.any(String) as unknown,
    });
    const after = await service.api.get('/v1/reports/trial-balance');
    expect(after.body).toEqual(before.body);
    expect(headers.get('ledger-position')).toBe(String(before.body['position']));
  });

  it('names the posting that has too many decimals', async () => {
    const { status, body } = await service.api.post(
      '/v1/transactions',
      transfer('yen', 'yen-equity', '1.5'),
    );
    expect(status).toBe(400);
    expect(body['errors']).toMatchObject([
      { pointer: '/postings/0/amount' },
      { pointer: '/postings/1/amount' },
    ]);
  });

  it('posts a batch, each for itself', async () => {
    const good = transfer('cash', 'customer', '1', { idempotencyKey: 'batch-1' });
    const bad = transfer('cash', 'customer', '0');
    const unfit = transfer('cash', 'customer', '0.001');
    const { status, body } = await service.api.post<{ results: BatchResult[] }>(
      '/v1/transactions/batch',
      { mode: 'independent', transactions: [good, bad, unfit, good] },
    );
    expect(status).toBe(200);
    expect(body.results).toMatchObject([
      { status: 201, transaction: { description: 'A transfer' } },
      { status: 422, problem: { code: 'zero_amount', status: 422, index: 1 } },
      { status: 400, problem: { errors: [{ pointer: '/transactions/2/postings/0/amount' }, {}] } },
      { status: 201, idempotencyHit: true },
    ]);
    expect(body.results[3]!.transaction).toEqual(body.results[0]!.transaction);
    expect(body.results[0]).not.toHaveProperty('idempotencyHit');
  });

  it('posts a batch as a whole or not at all', async () => {
    const before = await balance('cash');
    const refused = await service.api.post('/v1/transactions/batch', {
      mode: 'atomic',
      transactions: [transfer('cash', 'customer', '1'), transfer('closed', 'customer', '1')],
    });
    expect(refused.status).toBe(422);
    expect(refused.body).toMatchObject({ code: 'account_closed', index: 1 });
    expect(await balance('cash')).toBe(before);
    const posted = await service.api.post<{ results: BatchResult[] }>('/v1/transactions/batch', {
      mode: 'atomic',
      transactions: [transfer('cash', 'customer', '1'), transfer('cash', 'customer', '2')],
    });
    expect(posted.body.results.map((r) => r.status)).toEqual([201, 201]);
    expect(Number(await balance('cash'))).toBe(Number(before) + 3);
  });
});
