import { encodeCursor } from '../../src/http/page';
import { cloneDatabases } from '../harness/databases';
import { startTestService, type TestService } from '../harness/service';
import { DocumentedClient, type Endpoint } from './documented-client';
import { FILTERED, makeEverything, rowsOf, type EntryPage, type List } from './every-list';

/** Lists that are refused backwards. */
const ONE_WAY = [
  ...['/v1/accounts/client:cash/statement', '/v1/currencies', '/v1/diff'],
  ...['/v1/reports/general-ledger', '/v1/tasks?status=recorded'],
];

describe('the cursor of a list', () => {
  let service: TestService;
  let closeId: string;
  const get = async (path: string, query: string) => {
    const at = `${path.replace('{id}', closeId)}?${query}`;
    const answer = await service.api.get<Partial<List> & EntryPage>(at);
    const { entries, accounts } = answer.body;
    if (entries || accounts) answer.body.data = rowsOf(answer.body);
    return answer;
  };
  const refusal = { status: 400, body: { errors: [{ pointer: '/cursor' }] } };

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    closeId = await makeEverything(service);
  }, 120_000);

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

  it.each(FILTERED)('goes both ways: %s', async (route, fit) => {
    const path = route.replace('{id}', closeId);
    const forwards = await get(path, `${fit}&limit=200&order=asc`);
    expect(forwards.status).toBe(200);
    const backwards = await get(path, `${fit}&limit=200&order=desc`);
    if (ONE_WAY.some((one) => `${path}?${fit}`.startsWith(one))) {
      const pointed = { status: 400, body: { errors: [{ pointer: '/order' }] } };
      expect(backwards).toMatchObject(pointed);
      return;
    }
    expect(backwards.body.data).toEqual(forwards.body.data!.toReversed());
    const { data, nextCursor } = (await get(path, `${fit}&limit=1&order=desc`)).body;
    expect(data).toEqual(backwards.body.data!.slice(0, 1));
    const rest = await get(path, `cursor=${nextCursor}&limit=200`);
    expect(rest.body.data).toEqual(backwards.body.data!.slice(1));
    expect(await get(path, `${fit}&order=asc&cursor=${nextCursor}`)).toMatchObject(refusal);
    const wrong = await get(path, `${fit}&order=newest`);
    expect(wrong).toMatchObject({ status: 400, body: { errors: [{ pointer: '/order' }] } });
  });

  it('of what belongs to one thing is none of what belongs to another', async () => {
    const lists: [string, string, string][] = [
      ['/v1/accounts/client:cash/entries', '/v1/accounts/client:equity/entries', ''],
      ['/v1/accounts/client:cash/statement', '/v1/accounts/client:equity/statement', ''],
      ['/v1/diff/client:cash/events', '/v1/diff/client:equity/events', 'from=0'],
      ['/v1/accounts/client:cash/history', '/v1/accounts/client:equity/history', ''],
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
