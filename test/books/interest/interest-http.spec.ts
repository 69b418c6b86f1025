import { cloneDatabases } from '../../harness/databases';
import { startTestService, type TestService } from '../../harness/service';
import type { InterestAccrualDto } from '../../../src/books/interest/interest.dto';

const PATH = '/v1/interest-accruals';

describe('interest over HTTP', () => {
  let service: TestService;
  let savings: string;
  let accrual: Record<string, unknown>;

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    const open = async (clientId: string, type: string) => {
      const account = { clientId, name: clientId, type, currency: 'USD' };
      const { body } = await service.api.post('/v1/accounts', account);
      return body['id'] as string;
    };
    await open('cash', 'asset');
    await open('interest', 'expense');
    savings = await open('savings', 'liability');
    const { status } = await service.api.post('/v1/transactions', {
      description: 'A deposit',
      effectiveDate: '2026-01-01',
      postings: [
        { accountId: 'client:cash', direction: 'debit', amount: '1000' },
        { accountId: savings, direction: 'credit', amount: '1000' },
      ],
    });
    expect(status).toBe(201);
    accrual = {
      ...{ through: '2026-01-01', annualRate: '0.0425', dayCount: 'actual/365' },
      ...{ accountIds: ['client:savings'], expenseAccountId: 'client:interest' },
    };
  });

  const post = (body: object, options = {}) =>
    service.api.post<InterestAccrualDto & Record<string, unknown>>(PATH, body, options);

  it('is answered as the contract says, in a dry run and with a key', async () => {
    const dry = await post(accrual, { dryRun: true });
    expect([dry.status, dry.headers.get('dry-run')]).toEqual([201, 'true']);
    const first = await post(accrual, { idempotencyKey: 'day-1' });
    const [transactionId] = first.body.transactionIds;
    expect(first.status).toBe(201);
    expect(first.body).toEqual({
      ...{ id: first.body.id, position: first.body.position, recordedAt: first.body.recordedAt },
      ...{ through: '2026-01-01', annualRate: '0.0425', dayCount: 'actual/365' },
      ...{ compounding: 'none', expenseAccountId: expect.any(String) as string },
      incomeAccountId: null,
      accruals: [
        {
          ...{ accountId: savings, from: '2026-01-01', through: '2026-01-01' },
          ...{ principal: '1000.00', amount: '0.12', carriedFraction: '-0.00356164383561643836' },
        },
      ],
      adjustments: [],
      skipped: [],
      transactionIds: [transactionId],
      reversal: null,
    });
    const read = await service.api.get(`${PATH}/${first.body.id}`);
    expect(read.body).toEqual(first.body);
    const list = await service.api.get(`${PATH}?accountId=client:savings`);
    expect(list.body).toEqual({ data: [first.body], nextCursor: null });
    expect(dry.body.accruals).toEqual(first.body.accruals);
    const again = await post(accrual, { idempotencyKey: 'day-1' });
    expect([again.status, again.headers.get('idempotency-hit')]).toEqual([201, 'true']);
    expect(again.body).toEqual(first.body);
    const position = Number(first.headers.get('ledger-position'));
    const event = await service.api.get(`/v1/events/${position}`);
    expect(event.body).toMatchObject({
      type: 'InterestAccrued',
      data: { accountId: savings, transactionId, amount: '0.12' },
    });
    const transaction = await service.api.get(`/v1/transactions/${transactionId}`);
    expect(transaction.body).toMatchObject({ position: position - 1, effectiveDate: '2026-01-01' });
  });

  it('is refused with 409 for a day that is accrued, naming the account', async () => {
    const { status, body } = await post(accrual);
    expect([status, body['code'], body['accountId']]).toEqual([409, 'already_accrued', savings]);
    const other = await post({ ...accrual, accountIds: ['client:cash'], through: '2026-01-02' });
    expect([other.status, other.body['code']]).toEqual([422, 'account_not_eligible']);
    const future = await post({ ...accrual, through: '2206-01-31' });
    expect([future.status, future.body['code']]).toEqual([422, 'future_effective_date']);
  });

  it('is taken back as a whole, and as nothing less', async () => {
    const { body } = await post({ ...accrual, through: '2026-01-31' });
    const [transactionId] = body.transactionIds;
    const alone = await service.api.post(`/v1/transactions/${transactionId}/reverse`);
    const way = `POST ${PATH}/${body.id}/reverse`;
    expect(alone).toMatchObject({ status: 409, body: { code: 'has_source' } });
    expect(alone.body['detail']).toContain(way);
    const [day] = (await service.api.get<{ data: { id: string }[] }>(PATH)).body.data;
    const reason = { reason: 'A mistake' };
    const early = await service.api.post(`${PATH}/${day!.id}/reverse`, reason);
    expect([early.status, early.body['code']]).toEqual([409, 'accrual_not_latest']);
    const undone = await service.api.post(`${PATH}/${body.id}/reverse`, reason);
    expect(undone).toMatchObject({ status: 200, body: { id: body.id, reversal: reason } });
    const again = await service.api.post(`${PATH}/${body.id}/reverse`, reason);
    expect([again.status, again.body['code']]).toEqual([409, 'already_reversed']);
    const read = await service.api.get(`${PATH}/${body.id}`);
    expect(read.body).toEqual({ ...body, reversal: undone.body['reversal'] });
    for (const id of ['nothing', '00000000-0000-7000-8000-000000000000']) {
      expect((await service.api.get(`${PATH}/${id}`)).status).toBe(404);
      expect((await service.api.post(`${PATH}/${id}/reverse`, reason)).status).toBe(404);
    }
    expect((await service.api.post(`${PATH}/${body.id}/reverse`, {})).status).toBe(400);
  });

  it.each([
    ['/through', { through: '2026-02-30' }],
    ['/annualRate', { annualRate: 0.0425 }],
    ['/annualRate', { annualRate: '-0.01' }],
    ['/annualRate', { annualRate: '4.25%' }],
    ['/dayCount', { dayCount: 'actual/actual' }],
    ['/accountIds', { accountIds: [] }],
    ['/accountIds', { accountIds: ['client:savings', 'savings'] }],
    ['/accountIds', { accountIds: ['client:savings', 7] }],
    ['/accountIds', { accountIds: null }],
    ['/accountIds', { accountIds: undefined }],
    ['/compounding', { compounding: 'daily' }],
    ['/onRefusal', { onRefusal: 'ignore' }],
    ['/incomeAccountId', { incomeAccountId: 'income' }],
    ['/expenseAccountId', { expenseAccountId: undefined }],
    ['/compound', { compound: true }],
  ])('is refused with 400 for a wrong %s: %j', async (pointer, wrong) => {
    const { status, body } = await post({ ...accrual, ...wrong });
    expect([status, body['code']]).toEqual([400, 'validation_failed']);
    expect(body['errors']).toMatchObject([{ pointer }]);
  });

  it('takes a hundred thousand ids in one body', async () => {
    const ids = Array.from({ length: 100_000 }, (_, i) => {
      return `00000000-0000-7000-8000-${i.toString(16).padStart(12, '0')}`;
    });
    const { status, body } = await post({ ...accrual, accountIds: ids });
    expect([status, body['code'], body['accountId']]).toEqual([422, 'account_not_found', ids[0]]);
    const more = await post({ ...accrual, accountIds: [...ids, ids[0]] });
    expect(more.status).toBe(400);
  });

  it('stands in the OpenAPI document', async () => {
    const { body } = await service.api.get<{
      paths: Record<string, Record<string, { responses: object }>>;
      components: { schemas: Record<string, { properties: object }> };
    }>('/docs/json');
    const { responses } = body.paths[PATH]!['post']!;
    expect(Object.keys(responses)).toEqual(expect.arrayContaining(['201', '409', '422']));
    expect(Object.keys(body.components.schemas['AccrueInterestDto']!.properties)).toEqual([
      ...['through', 'annualRate', 'dayCount', 'accountIds', 'group', 'expenseAccountId'],
      ...['incomeAccountId', 'compounding', 'onRefusal'],
    ]);
  });
});
