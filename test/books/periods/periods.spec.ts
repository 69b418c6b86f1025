import { startTestService, type TestService } from '../../harness/service';
import { PeriodBooks } from './period-books';

interface Transaction {
  id: string;
  effectiveDate: string;
  reverses: string | null;
  closing: boolean;
  source: object | null;
  postings: object[];
}

describe('periods over HTTP', () => {
  let service: TestService;
  let books: PeriodBooks;

  const transaction = (id: string) => books.get<Transaction>(`/v1/transactions/${id}`);
  const code = ({ status, body }: { status: number; body: object }) => [
    status,
    (body as { code?: string }).code,
  ];

  beforeEach(async () => {
    service = await startTestService();
    books = new PeriodBooks(service.api);
    await books.open('cash', 'asset');
    await books.open('bea', 'liability');
    await books.open('sales', 'income');
    await books.open('rent', 'expense');
    await books.open('equity', 'equity');
    for (const [debit, credit, amount, date] of [
      ['cash', 'sales', '100.00', '2025-01-10'],
      ['rent', 'cash', '30.00', '2025-01-31'],
      ['cash', 'bea', '12.50', '2025-01-15'],
      ['cash', 'sales', '7.00', '2025-02-01'],
    ] as const) {
      expect(await books.post(debit, credit, amount, date)).toMatchObject({ status: 201 });
    }
  });

  it('are sealed with the trial balance of their last day, which anybody can compute', async () => {
    const before = await books.get<{ position: number }>('/v1/reports/trial-balance');
    const { status, body: close } = await books.close('2025-01-31');
    expect(status).toBe(201);
    expect(close).toMatchObject({
      ...{ through: '2025-01-31', position: before.position, transactionIds: [], reopened: null },
      currencies: [{ currency: 'USD', totalDebit: '112.50', totalCredit: '112.50' }],
    });
    const [event] = (
      await books.get<{ data: { hash: string }[] }>(
        `/v1/events?after=${close.position - 1}&limit=1`,
      )
    ).data;
    expect(close.hash).toBe(event!.hash);
    expect(await books.digestOf(close)).toBe(close.digest);
    await books.post('cash', 'sales', '1.00', '2025-02-02');
    expect(await books.digestOf(close)).toBe(close.digest);
    expect(await books.get(`/v1/period-closes/${close.id}`)).toEqual(close);
    expect(await books.get('/v1/period-closes')).toEqual({ data: [close], nextCursor: null });
  });

  it('leave zeros and other signs where they belong, in every currency of the books', async () => {
    for (const [clientId, type] of [
      ['yen', 'asset'],
      ['yen-loan', 'liability'],
      ['yen-spare', 'asset'],
    ] as const) {
      await books.open(clientId, type, { currency: 'JPY' });
    }
    await books.post('yen-loan', 'yen', '5', '2025-01-01');
    await books.open('tokens', 'asset', { currency: 'EUR' });
    const { body: close } = await books.close('2025-01-31', ['equity']);
    expect(close.currencies.map(({ currency, totalDebit }) => [currency, totalDebit])).toEqual([
      ['EUR', '0.00'],
      ['JPY', '5'],
      ['USD', '82.50'],
    ]);
    // Of a currency that came later the seal knows nothing.
    await books.open('francs', 'asset', { currency: 'CHF' });
    expect(await books.digestOf(close)).toBe(close.digest);
    const [carried] = close.transactionIds;
    const { postings, ...rest } = await transaction(carried!);
    expect(rest).toMatchObject({ closing: true, effectiveDate: '2025-01-31', reverses: null });
    expect(postings).toHaveLength(3);
    const alone = await service.api.post(`/v1/transactions/${carried}/reverse`);
    expect(code(alone)).toEqual([409, 'has_source']);
  });

  it('that were opened again list what came late, a page at a time', async () => {
    const { body: close } = await books.close('2025-01-31', ['equity']);
    const path = `/v1/period-closes/${close.id}/late-entries`;
    expect(await books.get(path)).toEqual({ data: [], nextCursor: null });
    const refused = await books.post('cash', 'bea', '1.00', '2025-01-31');
    expect(code(refused)).toEqual([422, 'period_closed']);
    expect(refused.body.detail).toContain(close.id);
    const { status, body: open } = await books.reopen(close);
    expect([status, open.reopened!.transactionIds.length]).toEqual([200, 1]);
    expect(await books.balanceOf('equity')).toBe('0.00');
    const late: string[] = [];
    for (const date of ['2025-01-31', '2025-02-01', '2024-12-31', '2025-01-02']) {
      const { body } = await books.post('cash', 'bea', '1.00', date);
      if (date !== '2025-02-01') late.push(body.id);
    }
    const seen: string[] = [];
    let query = '?limit=2';
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: { data: { transactionId: string }[]; nextCursor: string | null } =
        await books.get(`${path}${query}`);
      seen.push(...page.data.map((entry) => entry.transactionId));
      cursor = page.nextCursor;
      query = `?limit=2&cursor=${cursor}`;
    }
    expect(seen).toEqual(late);
    const { body: again } = await books.close('2025-01-31', ['equity']);
    expect(again.digest).not.toBe(close.digest);
    expect(await books.digestOf(again)).toBe(again.digest);
    expect((await books.get<{ data: object[] }>(path)).data).toHaveLength(3);
    expect((await books.get<{ data: object[] }>('/v1/period-closes')).data).toHaveLength(2);
    const other = await books.get(`/v1/period-closes/${again.id}/late-entries`);
    expect(other).toEqual({ data: [], nextCursor: null });
  });

  it('refuse what is no request', async () => {
    const path = '/v1/period-closes';
    const { api } = service;
    const { body: close } = await books.close('2025-01-31');
    for (const [answer, expected] of [
      [await api.post(path, {}), [400, 'validation_failed']],
      [await api.post(path, { through: '2025-02-30' }), [400, 'validation_failed']],
      [await api.post(path, { through: '2025-02-28', closeTo: [] }), [400, 'validation_failed']],
      [await api.post(`${path}/${close.id}/reopen`), [400, 'validation_failed']],
      [await api.post(`${path}/client:x/reopen`, { reason: 'x' }), [404, 'not_found']],
      [await api.get(`${path}/00000000-0000-7000-8000-000000000000`), [404, 'not_found']],
    ] as const) {
      expect(code(answer)).toEqual(expected);
    }
    const headers = { 'if-match': '"1"' };
    const versioned = await api.post(`${path}/${close.id}/reopen`, { reason: 'x' }, { headers });
    expect(code(versioned)).toEqual([400, 'validation_failed']);
  });
});
