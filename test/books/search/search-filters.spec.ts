import type { AccountDto } from '../../../src/books/accounts/account.dto';
import type { Page } from '../../../src/http/page';
import type { ProblemDto } from '../../../src/http/problem.dto';
import { cloneDatabases } from '../../harness/databases';
import { startTestService, type TestService } from '../../harness/service';

type Named = { readonly id: string; readonly clientId: string | null };

describe('the filters of search (on real databases)', () => {
  let service: TestService;

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    const account = (clientId: string, name: string, metadata: Record<string, string> = {}) =>
      made('accounts', { clientId, name, type: 'asset', currency: 'USD', metadata });
    await account('cash', 'Cash at hand');
    await account('cust-4711', 'Ünal & Søns 100%', { region: 'north', tier: 'gold' });
    await account('cust-4712', 'ANNA Cashmere', { region: 'north' });
    for (const [i, description] of DESCRIPTIONS.entries()) {
      await made('transactions', posting(`t${i}`, description, { text: description }));
    }
    // So that the block in which the others are is full.
    for (let i = 0; i < 16; i++) await made('transactions', posting(`f${i}`, 'Filler', {}));
    await account('astral', `a${'𐐨'.repeat(40)}`);
    await made('holds', posting('h1', 'Taxi', { trip: 'a' }));
    await made('holds', posting('h2', 'Taxi', { trip: 'b' }));
    const postOn = '2999-01-01';
    await made('scheduled-transactions', { ...posting('s1', 'Rent', { flat: '1' }), postOn });
    await made('scheduled-transactions', { ...posting('s2', 'Rent', { flat: '2' }), postOn });
  }, 120_000);

  const made = async (path: string, body: object): Promise<Named> => {
    const answer = await service.api.post<Named>(`/v1/${path}`, body);
    expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
    return answer.body;
  };
  const posting = (clientId: string, description: string, metadata: object) => ({
    ...{ clientId, description, metadata },
    postings: [
      { accountId: 'client:cash', direction: 'debit', amount: '10.00' },
      { accountId: 'client:cust-4711', direction: 'credit', amount: '10.00' },
    ],
  });
  const get = async <T>(path: string, query: Record<string, string>) =>
    service.api.get<T>(`/v1/${path}?${new URLSearchParams(query).toString()}`);
  const names = async (path: string, query: Record<string, string>) => {
    const { status, body } = await get<Page<Named>>(path, query);
    expect([status, body]).toEqual([200, expect.anything()]);
    return body.data.map(({ clientId }) => clientId);
  };

  const DESCRIPTIONS = [
    '100% cotton',
    'snake_case name',
    'back\\slash',
    `it's "quoted"`,
    'party 🎉 time',
    '支払い 2025',
    'a\tb & <c>; drop table',
    'Straße ÉTÉ',
    // Characters of two units, whose word is cut where one of them would be halved.
    `a${'𐐨'.repeat(40)}`,
  ];

  it.each([
    ['%', ['t0']],
    ['100%', ['t0']],
    ['_', ['t1']],
    ['snake_c', ['t1']],
    ['\\', ['t2']],
    [`'`, ['t3']],
    ['"', ['t3']],
    ['"QUOTED"', ['t3']],
    ['🎉', ['t4']],
    ['支', ['t5']],
    ['払い 20', ['t5']],
    [';', ['t6']],
    ['b a', ['t6']],
    ['STRASSE', []],
    ['straß', ['t7']],
    ['été', ['t7']],
    ['e\u0301té', ['t7']],
    [':*', []],
    ['cotton & !name', []],
    ['otton', []],
    ['a𐐨', ['t8']],
    [`a${'𐐨'.repeat(7)}`, ['t8']],
    [`a${'𐐨'.repeat(40)}`, ['t8']],
    [`a${'𐐨'.repeat(6)}b`, []],
  ])('finds %j as it stands there', async (q, expected) => {
    expect(await names('transactions', { q })).toEqual(expected);
  });

  it('finds metadata as it is, whatever characters it has', async () => {
    for (const [i, text] of DESCRIPTIONS.entries()) {
      expect(await names('transactions', { 'metadata[text]': text })).toEqual([`t${i}`]);
    }
    expect(await names('transactions', { 'metadata[text]': '%' })).toEqual([]);
    expect(await names('transactions', { 'metadata[other]': '100% cotton' })).toEqual([]);
  });

  it('refuses what cannot exist, naming the filter', async () => {
    const refused: [string, string, string?][] = [
      ['q', '\0', '/q'],
      ['q', ' \t', '/q'],
      ['q', 'x'.repeat(201), '/q'],
      ['amountFrom', '1e3', '/amountFrom'],
      ['amountFrom', '-1', '/amountFrom'],
      ['amountTo', '', '/amountTo'],
      ['currency', 'usd', '/currency'],
      ['currency', 'QQQ', '/currency'],
      ['group', 'a::b', '/group'],
      ['recordedFrom', 'yesterday', '/recordedFrom'],
      ['recordedTo', '2025-13-01T00:00:00Z', '/recordedTo'],
      ['from', '2025-02-30', '/from'],
      ['actor', '', '/actor'],
      ['actor', 'a\0', '/actor'],
      ['order', 'up', '/order'],
      ['metadata[]', 'x', '/metadata[]'],
      ['metadata[a"b]', 'x', '/metadata[a"b]'],
      ['metadata[a]', 'x'.repeat(501), '/metadata[a]'],
      ['metadata[a]', '\0', '/metadata[a]'],
      ['metadata[__proto__]', 'x', '/metadata[__proto__]'],
      ['metadata', 'x', '/metadata'],
      ['color[a]', 'x', '/color[a]'],
    ];
    for (const [name, value, pointer] of refused) {
      const { status, body } = await get<ProblemDto>('transactions', { [name]: value });
      const pointers = body.errors?.map((error) => error.pointer);
      expect([name, value, status, pointers]).toEqual([name, value, 400, [pointer]]);
    }
    const twice = await service.api.get('/v1/transactions?metadata[a]=1&metadata[a]=2');
    expect(twice.status).toBe(400);
  });

  it('finds accounts by words of name and clientId, and by metadata', async () => {
    const accounts = (query: Record<string, string>) => names('accounts', query);
    expect(await accounts({ q: 'cash' })).toEqual(['cash', 'cust-4712']);
    expect(await accounts({ q: 'cash', order: 'desc' })).toEqual(['cust-4712', 'cash']);
    expect(await accounts({ q: 'CUST 47' })).toEqual(['cust-4711', 'cust-4712']);
    expect(await accounts({ q: '4711 ünal' })).toEqual(['cust-4711']);
    expect(await accounts({ q: '%' })).toEqual(['cust-4711']);
    expect(await accounts({ 'metadata[region]': 'north' })).toEqual(['cust-4711', 'cust-4712']);
    const gold = { 'metadata[region]': 'north', 'metadata[tier]': 'gold' };
    expect(await accounts(gold)).toEqual(['cust-4711']);
    expect(await accounts({ ...gold, q: 'anna' })).toEqual([]);
    expect((await get('accounts', { q: '\0' })).status).toBe(400);
  });

  it('finds accounts by what they are, or were at a position', async () => {
    const opened = await made('accounts', { name: 'Berta', type: 'asset', currency: 'USD' });
    const { body } = await service.api.get<AccountDto>(`/v1/accounts/${opened.id}`);
    const then = { atPosition: String(body.position) };
    const change = { name: 'Clara', metadata: { tier: 'new' } };
    const { status } = await service.api.patch(`/v1/accounts/${opened.id}`, change);
    expect(status).toBe(200);
    const found = async (query: Record<string, string>) =>
      (await get<Page<Named>>('accounts', query)).body.data.map(({ id }) => id);
    expect(await found({ q: 'berta' })).toEqual([]);
    expect(await found({ q: 'clara', 'metadata[tier]': 'new' })).toEqual([opened.id]);
    expect(await found({ q: 'berta', ...then })).toEqual([opened.id]);
    expect(await found({ q: 'clara', ...then })).toEqual([]);
  });

  it('finds holds and scheduled transactions by metadata', async () => {
    expect(await names('holds', { 'metadata[trip]': 'b' })).toEqual(['h2']);
    const both = { accountId: 'client:cash', status: 'held' };
    expect(await names('holds', { 'metadata[trip]': 'a', ...both })).toEqual(['h1']);
    expect(await names('holds', { 'metadata[trip]': 'a', status: 'voided' })).toEqual([]);
    const schedules = (query: Record<string, string>) => names('scheduled-transactions', query);
    expect(await schedules({ 'metadata[flat]': '1' })).toEqual(['s1']);
    expect(await schedules({ 'metadata[flat]': '2', accountId: 'client:cash' })).toEqual(['s2']);
    // Of another kind of thing the same pair is another one.
    expect(await names('transactions', { 'metadata[flat]': '1' })).toEqual([]);
  });

  it('goes on with the filters of a cursor', async () => {
    const query = { 'metadata[region]': 'north', limit: '1' };
    const first = (await get<Page<Named>>('accounts', query)).body;
    const second = (await get<Page<Named>>('accounts', { cursor: first.nextCursor! })).body;
    expect(second.data.map(({ clientId }) => clientId)).toEqual(['cust-4712']);
    const other = { cursor: first.nextCursor!, 'metadata[region]': 'south' };
    expect((await get<ProblemDto>('accounts', other)).body.errors).toMatchObject([
      { pointer: '/cursor' },
    ]);
  });
});
