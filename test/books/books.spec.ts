import { cloneDatabases } from '../harness/databases';
import { startTestService, type TestService } from '../harness/service';

interface Event {
  position: number;
  type: string;
  hash: string;
}
interface Events {
  data: Event[];
  nextCursor: string | null;
}

describe('the books over HTTP', () => {
  let service: TestService;
  const ids: Record<string, string> = {};
  const post = async (debit: string, credit: string, amount: string, effectiveDate: string) => {
    const { status } = await service.api.post('/v1/transactions', {
      description: 'A transfer',
      effectiveDate,
      postings: [
        { accountId: ids[debit], direction: 'debit', amount },
        { accountId: ids[credit], direction: 'credit', amount },
      ],
    });
    expect(status).toBe(201);
  };

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    for (const [name, type, currency] of [
      ['cash', 'asset', 'USD'],
      ['equity', 'equity', 'USD'],
      ['yen', 'asset', 'JPY'],
      ['yen-equity', 'equity', 'JPY'],
    ]) {
      const { body } = await service.api.post('/v1/accounts', { name, type, currency });
      ids[name!] = body['id'] as string;
    }
    await post('cash', 'equity', '10', '2026-03-02');
    await post('equity', 'cash', '2.50', '2026-03-01');
    await post('yen', 'yen-equity', '7', '2026-03-02');
    await post('equity', 'cash', '20', '2026-03-05');
  });

  const rows = (usd: [string, string][], yen: [string, string][]) => {
    const row = (name: string, type: string, [debit, credit]: [string, string]) => ({
      accountId: ids[name],
      clientId: null,
      group: null,
      name,
      type,
      debit,
      credit,
    });
    return [
      [row('yen', 'asset', yen[0]!), row('yen-equity', 'equity', yen[1]!)],
      [row('cash', 'asset', usd[0]!), row('equity', 'equity', usd[1]!)],
    ];
  };

  it('balances everything', async () => {
    const { status, headers, body } = await service.api.get('/v1/reports/trial-balance');
    const [jpy, usd] = rows(
      [
        ['0.00', '12.50'],
        ['12.50', '0.00'],
      ],
      [
        ['7', '0'],
        ['0', '7'],
      ],
    );
    expect(status).toBe(200);
    expect(headers.get('ledger-position')).toBe('8');
    expect(body).toEqual({
      position: 8,
      asOf: null,
      from: null,
      currencies: [
        { currency: 'JPY', rows: jpy, totalDebit: '7', totalCredit: '7' },
        { currency: 'USD', rows: usd, totalDebit: '12.50', totalCredit: '12.50' },
      ],
    });
  });

  it.each([
    ['asOf=2026-02-28', 8, ['0.00', '0.00']],
    ['asOf=2026-03-01', 8, ['0.00', '2.50']],
    ['asOf=2026-03-02', 8, ['7.50', '0.00']],
    ['asOf=2026-03-05', 8, ['0.00', '12.50']],
    ['atPosition=5', 5, ['10.00', '0.00']],
    ['atPosition=6&asOf=2026-03-01', 6, ['0.00', '2.50']],
    ['atPosition=5&asOf=2026-03-01', 5, ['0.00', '0.00']],
  ])('balances with %s', async (query, position, [debit, credit]) => {
    type Row = { name: string; debit: string; credit: string };
    type Currency = { currency: string; rows: Row[]; totalDebit: string; totalCredit: string };
    const { body } = await service.api.get<{ position: number; currencies: Currency[] }>(
      `/v1/reports/trial-balance?${query}`,
    );
    expect(body.position).toBe(position);
    const usd = body.currencies.find((c) => c.currency === 'USD')!;
    expect(usd.rows.find((r) => r.name === 'cash')).toMatchObject({ debit, credit });
    for (const { totalDebit, totalCredit } of body.currencies) expect(totalDebit).toBe(totalCredit);
  });

  it('knows only the accounts that were open at a position', async () => {
    const { body } = await service.api.get('/v1/reports/trial-balance?atPosition=1');
    expect(body).toMatchObject({ currencies: [{ currency: 'USD', rows: [{ name: 'cash' }] }] });
  });

  it('answers the events in order, from any position, page by page', async () => {
    const all = (await service.api.get<Events>('/v1/events')).body;
    expect(all.data.map((e) => e.position)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(all.nextCursor).toBeNull();
    expect(all.data[4]).toEqual({
      position: 5,
      eventId: expect.any(String) as unknown,
      amended: null,
      type: 'TransactionPosted',
      version: 3,
      data: expect.objectContaining({ effectiveDate: '2026-03-02' }) as unknown,
      occurredAt: expect.any(String) as unknown,
      recordedAt: expect.any(String) as unknown,
      actor: 'admin',
      commandId: expect.any(String) as unknown,
      correlationId: expect.any(String) as unknown,
      causationId: null,
      hash: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
      tasks: [],
    });
    const first = (await service.api.get<Events>('/v1/events?after=2&limit=3')).body;
    expect(first.data).toEqual(all.data.slice(2, 5));
    const next = `/v1/events?limit=3&cursor=${first.nextCursor}`;
    expect((await service.api.get<Events>(next)).body).toEqual({
      data: all.data.slice(5),
      nextCursor: null,
    });
    const opened = (await service.api.get<Events>('/v1/events?type=AccountOpened&after=1')).body;
    expect(opened.data).toEqual(all.data.slice(1, 4));
    expect((await service.api.get<Events>('/v1/events?type=OrderSettled')).body.data).toEqual([]);
    expect(await service.api.get('/v1/events?type=Nothing')).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/type' }] },
    });
    expect((await service.api.get('/v1/events/5')).body).toEqual(all.data[4]);
  });

  it.each(['0', '9', '05', '-1', 'x', '1e0', '99999999999999999999'])(
    'has no event %s',
    async (position) => {
      const { status, headers, body } = await service.api.get(`/v1/events/${position}`);
      expect(status).toBe(404);
      expect(headers.get('ledger-position')).toBe('8');
      expect(body).toMatchObject({ code: 'not_found' });
    },
  );

  it('keeps the id of the request with the event', async () => {
    const named = await service.api.post(
      '/v1/accounts',
      { name: 'named', type: 'asset', currency: 'EUR' },
      { headers: { 'x-request-id': 'order-17' } },
    );
    expect(named.headers.get('x-request-id')).toBe('order-17');
    const { body } = await service.api.get(`/v1/events/${named.headers.get('ledger-position')}`);
    expect(body).toMatchObject({ correlationId: 'order-17' });
  });
});
