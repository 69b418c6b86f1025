import { cloneDatabases } from '../../harness/databases';
import { startTestService, type TestService } from '../../harness/service';

interface Currency {
  code: string;
  digits: number;
  name: string;
  source: 'iso' | 'own';
  active: boolean;
}

describe('currencies over HTTP', () => {
  let service: TestService;
  const open = (currency: string, rest: object = {}) =>
    service.api.post('/v1/accounts', { name: 'An account', type: 'asset', currency, ...rest });
  const define = (code: string, digits = 2, options = {}) =>
    service.api.post('/v1/currencies', { code, digits, name: `Name of ${code}` }, options);
  const post = (amount: string) =>
    service.api.post('/v1/transactions', {
      description: 'Tokens',
      postings: [
        { accountId: 'client:vault', direction: 'debit', amount },
        { accountId: 'client:owed', direction: 'credit', amount },
      ],
    });

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    expect((await define('WEI', 18)).status).toBe(201);
    for (const [clientId, type] of [
      ['vault', 'asset'],
      ['owed', 'liability'],
    ] as const) {
      expect((await open('WEI', { clientId, type })).status).toBe(201);
    }
  });

  it.each([
    ['HRK', 2, 'Kuna', false],
    ['ZWL', 2, 'Zimbabwe Dollar', false],
    ['BGN', 2, 'Bulgarian Lev', false],
    ['ANG', 2, 'Netherlands Antillean Guilder', false],
    ['CUC', 2, 'Peso Convertible', false],
    ['ITL', 0, 'Italian Lira', false],
    ['XCG', 2, 'Caribbean Guilder', true],
    ['XAD', 2, 'Arab Accounting Dinar', true],
    ['ZWG', 2, 'Zimbabwe Gold', true],
    ['JPY', 0, 'Yen', true],
    ['KWD', 3, 'Kuwaiti Dinar', true],
    ['XAU', 6, 'Gold', true],
  ])('of ISO can be used: %s', async (code, digits, name, active) => {
    const currency = { code, digits, name, source: 'iso', active };
    expect(await service.api.get(`/v1/currencies/${code}`)).toMatchObject({
      status: 200,
      body: currency,
    });
    const { status, body } = await open(code);
    const balance = digits === 0 ? '0' : `0.${'0'.repeat(digits)}`;
    expect([status, body]).toEqual([201, expect.objectContaining({ currency: code, balance })]);
    expect((await service.api.get(`/v1/currencies/${code}`)).body).toEqual(currency);
  });

  it('of metals take parts of an ounce', async () => {
    const [a, b] = [await open('XAU'), await open('XAU', { minBalance: '-0.5' })];
    const { status, body } = await service.api.post('/v1/transactions', {
      description: 'Half an ounce',
      postings: [
        { accountId: a.body['id'], direction: 'debit', amount: '0.5' },
        { accountId: b.body['id'], direction: 'credit', amount: '0.5' },
      ],
    });
    expect(status).toBe(201);
    expect(body['postings']).toMatchObject([{ amount: '0.500000' }, { balanceAfter: '-0.500000' }]);
  });

  it("of the ledger's own are defined once, by an event", async () => {
    const token = { code: '1TOKEN', digits: 4, name: 'A token' };
    const dry = await service.api.post('/v1/currencies', token, { dryRun: true });
    expect(dry).toMatchObject({ status: 201, body: { ...token, source: 'own', active: true } });
    const first = await service.api.post('/v1/currencies', token, { idempotencyKey: 'token' });
    expect(first.body).toEqual(dry.body);
    const event = await service.api.get(`/v1/events/${first.headers.get('ledger-position')}`);
    expect(event.body).toMatchObject({ type: 'CurrencyDefined', version: 1, data: token });
    const again = await service.api.post('/v1/currencies', token, { idempotencyKey: 'token' });
    expect([again.body, again.headers.get('idempotency-hit')]).toEqual([first.body, 'true']);
    for (const code of ['1TOKEN', 'USD', 'HRK', 'XAU', 'WEI']) {
      const { status, body } = await define(code);
      expect([code, status, body['code']]).toEqual([code, 409, 'currency_exists']);
    }
    expect((await service.api.get('/v1/currencies/1TOKEN')).body).toEqual(first.body);
    const twice = await Promise.all([define('TWICE'), define('TWICE')]);
    expect(twice.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  it.each([
    [{ code: 'AB' }, '/code'],
    [{ code: 'abc' }, '/code'],
    [{ code: 'ABCDEFGHIJKLM' }, '/code'],
    [{ code: undefined }, '/code'],
    [{ digits: 19 }, '/digits'],
    [{ digits: -1 }, '/digits'],
    [{ digits: 1.5 }, '/digits'],
    [{ digits: '2' }, '/digits'],
    [{ name: '' }, '/name'],
    [{ active: true }, '/active'],
  ])('are not defined by %j', async (change, pointer) => {
    const currency = { code: 'WRONG', digits: 2, name: 'Wrong', ...change };
    const { status, body } = await service.api.post('/v1/currencies', currency);
    expect([status, body['code'], body['errors']]).toEqual([
      ...[400, 'validation_failed'],
      [expect.objectContaining({ pointer })],
    ]);
    expect((await service.api.get('/v1/currencies/WRONG')).status).toBe(404);
  });

  it('that nobody knows have no account, and are not found', async () => {
    for (const code of ['ZZZ', 'BTC', 'USDX']) {
      expect(await open(code)).toMatchObject({
        status: 400,
        body: { code: 'validation_failed', errors: [{ pointer: '/currency' }] },
      });
      expect((await service.api.get(`/v1/currencies/${code}`)).body['code']).toBe('not_found');
    }
    for (const code of ['usd', 'US', '%00', 'x'.repeat(100)]) {
      expect((await service.api.get(`/v1/currencies/${code}`)).status).toBe(404);
    }
    expect((await service.api.get('/v1/accounts?currency=usd')).status).toBe(400);
    expect((await service.api.get('/v1/accounts?currency=ZZZ')).body['data']).toEqual([]);
    expect((await service.api.get('/v1/accounts?currency=WEI')).body['data']).toHaveLength(2);
  });

  it('of 18 digits are exact to the last of them', async () => {
    const [most, least] = [`${'9'.repeat(12)}.${'9'.repeat(18)}`, `0.${'0'.repeat(17)}1`];
    for (const amount of [most, least, most]) expect((await post(amount)).status).toBe(201);
    const { body } = await service.api.get('/v1/accounts/client:owed');
    expect(body['balance']).toBe(`1${'9'.repeat(12)}.${'9'.repeat(18)}`);
    const { body: report } = await service.api.get<{
      currencies: { currency: string; totalDebit: string }[];
    }>('/v1/reports/trial-balance');
    const total = report.currencies.find(({ currency }) => currency === 'WEI')!.totalDebit;
    expect(total).toBe(body['balance']);
  });

  it.each([
    ['1000000000000', 'must have at most 12 digits before the point in WEI'],
    [`0.${'0'.repeat(18)}1`, 'must have at most 18 decimals in WEI'],
  ])('of 18 digits have no amount %s', async (amount, message) => {
    const { status, body } = await post(amount);
    const error = { pointer: '/postings/0/amount', message };
    expect([status, body['code']]).toEqual([400, 'validation_failed']);
    expect(body['errors']).toContainEqual(error);
    const limited = await open('WEI', { minBalance: `-${amount}` });
    expect(limited.body['errors']).toEqual([{ pointer: '/minBalance', message }]);
  });

  it("are listed by pages: ISO's by code, then the ledger's own as they came", async () => {
    const { body } = await service.api.get<{ data: Currency[]; nextCursor: string | null }>(
      '/v1/currencies?limit=200',
    );
    const rest = await service.api.get<{ data: Currency[] }>(
      `/v1/currencies?limit=200&cursor=${body.nextCursor}`,
    );
    const all = [...body.data, ...rest.body.data];
    const iso = all.filter(({ source }) => source === 'iso');
    expect(iso).toHaveLength(307);
    expect(iso.filter(({ active }) => active)).toHaveLength(178);
    const codes = all.map(({ code }) => code);
    expect(codes.slice(0, 307)).toEqual(codes.slice(0, 307).sort());
    expect(codes.slice(307)).toEqual(['WEI', '1TOKEN', 'TWICE']);
    const paged: Currency[] = [];
    for (let cursor: string | null = '', path = 'limit=103'; cursor !== null;) {
      const page = await service.api.get<typeof body>(`/v1/currencies?${path}`);
      expect(page.body.data.length).toBeLessThanOrEqual(103);
      paged.push(...page.body.data);
      cursor = page.body.nextCursor;
      path = `limit=103&cursor=${cursor}`;
    }
    expect(paged).toEqual(all);
  });
});
