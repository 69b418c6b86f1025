import { isoCurrencies, type IsoCurrency } from '../../../src/books/currencies/iso-4217';
import { Registry } from '../../../src/engine/define/registry';
import { features } from '../../../src/features';
import { replay } from '../../../src/proof/replay/replay';
import { startTestService, type TestService } from '../../harness/service';
import { verifyOf } from '../../proof/replay/some-books';

/** What is in the books; the codes are removed from the table, or given other digits there. */
const CODES = ['BGN', 'USD', 'JPY', 'XAU', 'POINTS'];
const table = isoCurrencies as Map<string, IsoCurrency>;

/** Another release of the program, with another table. */
function changeTable(): void {
  table.delete('BGN');
  for (const [code, digits] of [
    ['USD', 0],
    ['JPY', 4],
    ['XAU', 0],
    // What ISO had not when it was defined here.
    ['OWN', 3],
  ] as const) {
    table.set(code, { name: `Other ${code}`, digits, isActive: true });
  }
}

/** Accounts, transactions, an order and interest in every one of the codes. */
async function makeBooks({ api }: TestService): Promise<void> {
  const post = async (path: string, body: object = {}) => {
    const answer = await api.post(path, body);
    expect([path, answer.status, answer.body]).toEqual([path, 201, answer.body]);
  };
  await post('/v1/currencies', { code: 'POINTS', digits: 1, name: 'Points' });
  await post('/v1/currencies', { code: 'OWN', digits: 5, name: 'Our own' });
  const address = { line1: 'Main St 1', city: 'Bonn', postalCode: '53113', country: 'DE' };
  const company = { clientId: 'acme', name: 'Acme', contactEmail: 'a@b.example', address };
  await post('/v1/companies', company);
  for (const currency of CODES) {
    for (const [name, type] of [
      ['cash', 'asset'],
      ['owed', 'liability'],
      ['cost', 'expense'],
    ]) {
      const limits = name === 'owed' ? { minBalance: '-7', maxBalance: '10000' } : {};
      const account = { clientId: `${name}-${currency}`, name, type, currency, ...limits };
      await post('/v1/accounts', account);
    }
    await post('/v1/transactions', transfer(currency, '500'));
    await post('/v1/orders', {
      ...{ clientId: `order-${currency}`, companyId: 'client:acme', side: 'buy', symbol: 'A' },
      ...{ cashAccountId: `client:cash-${currency}`, quantity: '1', limitAmount: '5' },
      settlementAccountId: `client:cost-${currency}`,
    });
    await post('/v1/interest-accruals', accrual(currency, '2024-06-30'));
  }
}

function transfer(currency: string, amount: string): object {
  return {
    description: 'A transfer',
    clientId: `${currency}-${amount}`,
    effectiveDate: '2024-01-01',
    postings: [
      { accountId: `client:cash-${currency}`, direction: 'debit', amount },
      { accountId: `client:owed-${currency}`, direction: 'credit', amount },
    ],
  };
}

function accrual(currency: string, through: string): object {
  return {
    ...{ through, annualRate: '0.1', dayCount: '30/360' },
    ...{ accountIds: [`client:owed-${currency}`], expenseAccountId: `client:cost-${currency}` },
  };
}

/** Everything that the API says of the books. */
async function everything({ api }: TestService): Promise<Record<string, unknown>> {
  const paths = [
    ...['/v1/accounts', '/v1/transactions', '/v1/orders', '/v1/reports/trial-balance'],
    ...['/v1/events?limit=200', '/v1/diff?from=1', '/v1/diff/client:owed-BGN/events?from=1'],
    ...CODES.map((code) => `/v1/accounts/client:owed-${code}/entries`),
    ...CODES.map((code) => `/v1/transactions/client:${code}-500`),
  ];
  const answers = await Promise.all(paths.map((path) => api.get(path)));
  return Object.fromEntries(answers.map(({ body }, i) => [paths[i]!, body as unknown]));
}

describe('a table of currencies that another release changes', () => {
  const before = new Map(table);
  afterEach(() => {
    table.clear();
    for (const [code, entry] of before) table.set(code, entry);
  });

  it('changes the meaning of nothing that is stored', async () => {
    const service = await startTestService();
    const { api, databases } = service;
    await makeBooks(service);
    const books = await everything(service);
    expect(books['/v1/accounts']).toMatchObject({
      data: expect.arrayContaining([
        expect.objectContaining({ clientId: 'owed-BGN', balance: '525.00', minBalance: '-7.00' }),
        expect.objectContaining({ clientId: 'owed-POINTS', balance: '525.0', minBalance: '-7.0' }),
      ]) as unknown,
    });
    changeTable();
    expect(await everything(service)).toEqual(books);
    expect(await verifyOf(service)).toMatchObject({ status: 'passed', log: [] });
    const { urls } = databases;
    const report = await replay({ urls, registry: new Registry(features) });
    expect(report).toMatchObject({ status: 'swapped', doom: null });
    expect(await everything(service)).toEqual(books);

    // What is written from now on has the digits of before, too.
    const smallest = { BGN: '0.01', USD: '0.01', JPY: '1', XAU: '0.000001', POINTS: '0.1' };
    for (const [currency, amount] of Object.entries(smallest)) {
      const tooFine = amount === '1' ? '1.1' : `${amount}1`;
      const posted = await api.post('/v1/transactions', transfer(currency, amount));
      expect([currency, posted.status]).toEqual([currency, 201]);
      expect(posted.body['postings']).toMatchObject([{ amount }, { amount }]);
      const tooSmall = await api.post('/v1/transactions', transfer(currency, tooFine));
      expect([currency, tooSmall.status]).toEqual([currency, 400]);
      const accrued = await api.post('/v1/interest-accruals', accrual(currency, '2024-12-31'));
      expect([currency, accrued.status]).toEqual([currency, 201]);
      const settled = await api.post(`/v1/orders/client:order-${currency}/settle`, {
        ...{ executedAmount: amount, settledAt: '2024-01-31T00:00:00Z' },
      });
      expect(settled.body).toMatchObject({ executedAmount: amount, cashAmount: amount });
      const reversed = await api.post(`/v1/transactions/client:${currency}-${amount}/reverse`);
      expect(reversed.body['postings']).toMatchObject([{ amount }, { amount }]);
      const opened = await api.post('/v1/accounts', { name: 'New', type: 'asset', currency });
      expect(opened.body).toMatchObject({ balance: amount.replace('1', '0') });
      const closed = await api.post(`/v1/accounts/${String(opened.body['id'])}/close`);
      expect(closed.body).toMatchObject({ balance: amount.replace('1', '0') });
    }
    expect(await verifyOf(service)).toMatchObject({ status: 'passed', log: [] });
  });

  it('changes nothing of what a ledger says of the codes that it has', async () => {
    const service = await startTestService();
    const { api } = service;
    await makeBooks(service);
    changeTable();
    const of = async (code: string) => (await api.get(`/v1/currencies/${code}`)).body;
    const gone = { code: 'BGN', digits: 2, name: 'BGN', source: 'iso', active: false };
    const own = { code: 'OWN', digits: 5, name: 'Our own', source: 'own', active: true };
    expect(await of('BGN')).toEqual(gone);
    expect(await of('OWN')).toEqual(own);
    expect(await of('JPY')).toMatchObject({ digits: 0, name: 'Other JPY' });
    const first = await api.get<{ data: object[]; nextCursor: string }>('/v1/currencies?limit=200');
    const rest = await api.get<{ data: object[] }>(
      `/v1/currencies?limit=200&cursor=${first.body.nextCursor}`,
    );
    const listed = [...first.body.data, ...rest.body.data] as { code: string }[];
    expect(listed.filter(({ code }) => code === 'BGN')).toEqual([gone]);
    expect(listed.filter(({ code }) => code === 'OWN')).toEqual([own]);
    for (const code of ['BGN', 'OWN']) {
      const { status } = await api.post('/v1/currencies', { code, digits: 1, name: 'Another' });
      expect([code, status]).toEqual([code, 409]);
    }
  });
});
