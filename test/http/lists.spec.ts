import { encodeCursor } from '../../src/http/page';
import { cloneDatabases } from '../harness/databases';
import { startTestService, type TestService } from '../harness/service';
import { DocumentedClient, type Endpoint } from './documented-client';

interface List {
  data: object[];
  nextCursor: string | null;
}

const ADDRESS = { line1: 'Main Street 1', city: 'Bonn', postalCode: '53113', country: 'DE' };
/** Where several of everything are, and a filter that fits them and another that does not. */
const FILTERED: readonly [string, string, string][] = [
  ['/v1/accounts', 'currency=USD', 'type=asset'],
  ['/v1/accounts/client:cash/entries', 'from=2000-01-01', 'to=2000-01-01'],
  ['/v1/transactions', 'accountId=client:cash', 'clientId=nobody'],
  ['/v1/companies', '', 'clientId=acme'],
  ['/v1/currencies', '', 'source=own'],
  ['/v1/interest-accruals', '', 'accountId=client:cash'],
  ['/v1/limits', 'accountId=client:cash', 'accountId=client:equity'],
  ['/v1/orders', 'status=placed', 'status=settled'],
  ['/v1/period-closes', '', 'status=open'],
  ['/v1/period-closes/{id}/late-entries', '', 'status=open'],
  ['/v1/holds', 'accountId=client:cash', 'status=voided'],
  ['/v1/events', 'type=AccountOpened', 'after=3'],
  ['/v1/tasks', 'status=recorded', 'subject=nobody'],
  ['/v1/webhook-subscriptions', 'status=active', 'status=disabled'],
  ['/v1/webhook-subscriptions/client:hook/deliveries', '', 'status=done'],
  ['/v1/diff', 'from=0', 'from=1'],
  ['/v1/diff/client:cash/events', 'from=0', 'from=1'],
  ['/v1/admin/replay-verifications', 'status=aborted', 'status=passed'],
  ['/v1/admin/replays', 'status=aborted', 'status=swapped'],
  ['/v1/admin/event-backups', '', 'status=done'],
];

describe('the cursor of a list', () => {
  let service: TestService;
  /** A close that was opened again: closes have no client ids. */
  let closeId: string;
  const get = (path: string, query: string) =>
    service.api.get<Partial<List>>(`${path.replace('{id}', closeId)}?${query}`);
  const post = async (path: string, body: object = {}) => {
    const { status, body: made } = await service.api.post<{ id: string }>(path, body);
    expect(Math.floor(status / 100)).toBe(2);
    return made;
  };
  const refusal = { status: 400, body: { errors: [{ pointer: '/cursor' }] } };

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    for (const name of ['hook', 'other']) {
      const url = `https://example.com/${name}`;
      await post('/v1/webhook-subscriptions', { clientId: name, url, eventTypes: '*' });
    }
    for (const clientId of ['cash', 'equity', 'more']) {
      await post('/v1/accounts', { clientId, name: clientId, type: 'equity', currency: 'USD' });
    }
    const postings = [
      { accountId: 'client:cash', direction: 'debit', amount: '1' },
      { accountId: 'client:equity', direction: 'credit', amount: '1' },
    ];
    for (let i = 0; i < 3; i++) await post('/v1/transactions', { description: 'x', postings });
    for (const clientId of ['acme', 'bcme', undefined]) {
      const mail = { name: 'A', contactEmail: 'a@example.com', address: ADDRESS };
      await post('/v1/companies', { ...mail, ...(clientId && { clientId }) });
    }
    const order = { companyId: 'client:acme', side: 'buy', symbol: 'ACME', quantity: '1' };
    const accounts = { cashAccountId: 'client:cash', settlementAccountId: 'client:more' };
    for (let i = 0; i < 3; i++) await post('/v1/orders', { ...order, ...accounts });
    await accruals();
    await lateEntries();
    const limit = { direction: 'debit', currency: 'USD', count: 9, per: 'day' };
    for (let i = 0; i < 3; i++) await post('/v1/limits', { accountId: 'client:cash', ...limit });
    const held = ['debit', 'credit'].map((direction) => {
      return { accountId: 'client:cash', direction, amount: '1' };
    });
    for (let i = 0; i < 3; i++) await post('/v1/holds', { description: 'A', postings: held });
    for (const runs of ['/v1/admin/replay-verifications', '/v1/admin/replays']) {
      for (let i = 0; i < 3; i++) await queuedAndAborted(runs);
    }
    for (const reason of ['one', 'two', 'three']) {
      const data = { ...(await eventData(6)), description: reason };
      await post('/v1/admin/events/6/amend', { data, reason });
    }
  }, 120_000);

  async function accruals(): Promise<void> {
    const savings = { clientId: 'savings', name: 'Savings', type: 'liability', currency: 'USD' };
    await post('/v1/accounts', savings);
    await post('/v1/accounts', { ...savings, clientId: 'interest', type: 'expense' });
    const terms = { annualRate: '0.01', dayCount: 'actual/365', accountIds: ['client:savings'] };
    for (const through of ['1950-01-31', '1950-02-28', '1950-03-31']) {
      const accrual = { ...terms, through, expenseAccountId: 'client:interest' };
      await post('/v1/interest-accruals', accrual);
    }
  }

  async function lateEntries(): Promise<void> {
    for (const through of ['1950-01-31', '1950-02-28', '1950-03-31']) {
      closeId = (await post('/v1/period-closes', { through })).id;
    }
    await post(`/v1/period-closes/${closeId}/reopen`, { reason: 'Late' });
    const postings = [
      { accountId: 'client:cash', direction: 'debit', amount: '1' },
      { accountId: 'client:more', direction: 'credit', amount: '1' },
    ];
    for (const description of ['one', 'two', 'three']) {
      await post('/v1/transactions', { description, effectiveDate: '1950-03-01', postings });
    }
  }

  /** A replay's request waits for its end, so it is aborted while that waits. */
  async function queuedAndAborted(path: string): Promise<void> {
    const asked = post(path);
    let id: string | undefined;
    while (id === undefined) {
      const { body } = await get(path, 'status=queued');
      id = (body.data as { id: string }[])[0]?.id;
    }
    await post(`${path}/${id}/abort`);
    await asked;
  }

  async function eventData(position: number): Promise<object> {
    return (await service.api.get<{ data: object }>(`/v1/events/${position}`)).body.data;
  }

  const paged = ({ method, operation }: Endpoint) =>
    method === 'get' && JSON.stringify(operation).includes('"cursor"');

  it('is tried on every list', async () => {
    const { endpoints } = await DocumentedClient.of(service);
    const lists = endpoints.filter(paged).map(({ path }) => path);
    const tried = FILTERED.map(([path]) => path.replace(/client:\w+/, '{id}'));
    expect(tried.sort()).toEqual(lists.sort());
  });

  it.each(FILTERED)('of %s goes on with its filters, and with no others', async (path, fit, no) => {
    const all = await get(path, `${fit}&limit=200`);
    expect(all.status).toBe(200);
    expect(all.body.data!.length).toBeGreaterThanOrEqual(2);
    const first = await get(path, `${fit}&limit=1`);
    const cursor = first.body.nextCursor!;
    expect(cursor).toMatch(/^[\w-]+$/);
    const rest = all.body.data!.slice(1);
    // Of a difference, an account's own number of events is the same on every page.
    for (const [onward, size] of [
      [`cursor=${cursor}`, 50],
      [`${fit}&limit=100&cursor=${cursor}`, 100],
    ] as const) {
      const next = await get(path, onward);
      expect([next.status, next.body.data]).toEqual([200, rest.slice(0, size)]);
    }
    for (const other of [no, `${fit}&${no}`]) {
      const answer = await get(path, `${other}&cursor=${cursor}`);
      expect(answer).toMatchObject(refusal);
    }
  });

  it('of what belongs to one thing is none of what belongs to another', async () => {
    const lists: [string, string, string][] = [
      ['/v1/accounts/client:cash/entries', '/v1/accounts/client:equity/entries', ''],
      ['/v1/diff/client:cash/events', '/v1/diff/client:equity/events', 'from=0'],
      [
        '/v1/webhook-subscriptions/client:hook/deliveries',
        '/v1/webhook-subscriptions/client:other/deliveries',
        '',
      ],
    ];
    for (const [one, other, query] of lists) {
      const { nextCursor } = (await get(one, `limit=1&${query}`)).body;
      expect(await get(other, `cursor=${nextCursor}`)).toMatchObject(refusal);
      expect((await get(one, `cursor=${nextCursor}`)).status).toBe(200);
    }
    const { nextCursor } = (await get('/v1/accounts', 'limit=1')).body;
    expect(await get('/v1/companies', `cursor=${nextCursor}`)).toMatchObject(refusal);
    expect(await get('/v1/accounts/client:cash', `cursor=${nextCursor}`)).toMatchObject(refusal);
  });

  it('cannot bring a filter that the list would refuse', async () => {
    const route = '/v1/accounts';
    const made = (filters: Record<string, string>) => encodeCursor({ route, filters }, [1]);
    const unknown = await get(route, `cursor=${made({ colour: 'red' })}`);
    expect(unknown).toMatchObject({ status: 400, body: { errors: [{ pointer: '/colour' }] } });
    const unfit = await get(route, `cursor=${made({ currency: 'usd' })}`);
    expect(unfit).toMatchObject({ status: 400, body: { errors: [{ pointer: '/currency' }] } });
    expect(await get(route, `cursor=${made({ limit: '9999' })}`)).toMatchObject(refusal);
    const twice = await get(route, `cursor=${made({})}&cursor=${made({})}`);
    expect(twice).toMatchObject(refusal);
  });
});

describe('a page', () => {
  const LARGE = 36;

  it('is shorter where its rows are large, and the next one goes on', async () => {
    const { api } = await startTestService();
    const account = { type: 'equity', currency: 'USD' };
    for (const clientId of ['one', 'other']) {
      await api.post('/v1/accounts', { ...account, clientId, name: clientId });
    }
    const both = [
      { accountId: 'client:one', direction: 'debit', amount: '1' },
      { accountId: 'client:other', direction: 'credit', amount: '1' },
    ];
    const postings = Array.from({ length: 500 }, () => both).flat();
    const posted: number[] = [];
    for (let i = 0; i < LARGE; i++) {
      const { body } = await api.post<{ position: number }>('/v1/transactions', {
        ...{ description: 'large', postings },
      });
      posted.push(body.position);
    }
    for (const path of [
      '/v1/transactions?limit=200',
      '/v1/events?type=TransactionPosted&limit=200',
    ]) {
      const pages = await pagesOf(api, path);
      expect(pages.flat()).toEqual(posted);
      expect(pages.length).toBeGreaterThan(1);
    }
    expect(await pagesOf(api, '/v1/events?limit=2')).toContainEqual(posted.slice(0, 2));
  });
});

/** The positions on each page of a list. */
async function pagesOf(api: TestService['api'], path: string): Promise<number[][]> {
  const pages: number[][] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const [, limit] = /(limit=\d+)/.exec(path)!;
    const at: string = cursor === '' ? path : `${path.split('?')[0]}?${limit}&cursor=${cursor}`;
    const { body } = await api.get<{ data: { position: number }[]; nextCursor: string | null }>(at);
    pages.push(body.data.map(({ position }) => position));
    cursor = body.nextCursor;
  }
  return pages;
}
