import { createConnection } from 'node:net';
import { gzipSync } from 'node:zlib';
import { encodeCursor } from '../../src/http/page';
import { cloneDatabases } from '../harness/databases';
import { startTestService, type TestService } from '../harness/service';

const POSTING = { accountId: 'client:a', direction: 'debit', amount: '1' };
const TRANSACTION = {
  description: 'x',
  postings: [POSTING, { ...POSTING, accountId: 'client:b', direction: 'credit' }],
};

/** A body whose first posting differs. */
function posting(change: object): string {
  return JSON.stringify({ ...TRANSACTION, postings: [{ ...POSTING, ...change }, POSTING] });
}

const MALFORMED_AMOUNTS = [
  '1e2',
  '+1',
  '-0',
  '-1',
  '01',
  '.5',
  '5.',
  '',
  ' 1',
  '1,5',
  '0x10',
  'NaN',
];

/** What is sent to POST /v1/transactions, and the pointer of the first error. */
const BODIES: readonly [string, string, string][] = [
  ...MALFORMED_AMOUNTS.map((amount): [string, string, string] => [
    `the amount "${amount}"`,
    posting({ amount }),
    '/postings/0/amount',
  ]),
  ['a number as amount', posting({ amount: 1 }), '/postings/0/amount'],
  ['31 digits', posting({ amount: '1'.repeat(31) }), '/postings/0/amount'],
  ['too many decimals', posting({ amount: '0.001' }), '/postings/0/amount'],
  ['an unknown direction', posting({ direction: 'up' }), '/postings/0/direction'],
  ['a malformed id', posting({ accountId: 'client:' }), '/postings/0/accountId'],
  ['an unknown field', JSON.stringify({ ...TRANSACTION, extra: 1 }), '/extra'],
  ['an unknown field in a posting', posting({ extra: 1 }), '/postings/0/extra'],
  ['lists as postings', '{"description":"x","postings":[[],[]]}', '/postings/0'],
  ['one posting', JSON.stringify({ ...TRANSACTION, postings: [POSTING] }), '/postings'],
  [
    '1001 postings',
    JSON.stringify({ ...TRANSACTION, postings: Array.from({ length: 1001 }, () => POSTING) }),
    '/postings',
  ],
  ['no description', '{"postings":[]}', '/description'],
  ['null as clientId', JSON.stringify({ ...TRANSACTION, clientId: null }), '/clientId'],
  [
    'a day that is none',
    JSON.stringify({ ...TRANSACTION, effectiveDate: '2026-02-30' }),
    '/effectiveDate',
  ],
  ['numbers as metadata', JSON.stringify({ ...TRANSACTION, metadata: { a: 1 } }), '/metadata'],
  ['a poisoned prototype', '{"__proto__":{"x":1},"description":"x","postings":[]}', '/__proto__'],
  ['a poisoned constructor', '{"constructor":{"prototype":{}},"description":"x"}', '/constructor'],
  ['broken JSON', '{"description":', ''],
  ['a list', '[]', ''],
  ['null', 'null', ''],
  ['a string', '"x"', ''],
  ['nothing', '', '/description'],
  ['a NUL', '{"description":"\\u0000","postings":[]}', '/description'],
  ['half a surrogate pair', '{"description":"\\ud83d","postings":[]}', '/description'],
  [
    'deep nesting',
    `{"metadata":${'['.repeat(1e6)}${']'.repeat(1e6)}}`,
    `/metadata${'/0'.repeat(31)}`,
  ],
];

describe('what is wrong with a request', () => {
  let service: TestService;
  const send = async (
    method: string,
    path: string,
    body?: string | Buffer,
    headers: Record<string, string> = { 'content-type': 'application/json' },
  ) => {
    const response = await fetch(`${service.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${service.key}`, ...(body !== undefined && headers) },
      ...(body !== undefined && { body }),
    });
    const problem = (await response.json()) as Record<string, unknown>;
    expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(problem).toMatchObject({
      type: `/problems/${problem['code'] as string}`,
      status: response.status,
      title: expect.any(String) as unknown,
      detail: expect.any(String) as unknown,
      instance: path.split('?')[0],
    });
    return { status: response.status, headers: response.headers, problem };
  };

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    for (const clientId of ['a', 'b']) {
      const account = { clientId, name: clientId, type: 'asset', currency: 'USD' };
      expect((await service.api.post('/v1/accounts', account)).status).toBe(201);
    }
  });

  afterAll(async () => {
    const { body } = await service.api.get('/v1/health/ready');
    // Nothing that was refused left anything behind, and nothing was unforeseen.
    expect(body).toMatchObject({ status: 'ready', logPosition: 2, statePosition: 2 });
    expect(service.logged.filter((line) => line.includes('unforeseen'))).toEqual([]);
  });

  it.each(BODIES)('is told for %s', async (_, body, pointer) => {
    const { status, problem } = await send('POST', '/v1/transactions', body);
    expect(status).toBe(400);
    expect(problem['code']).toBe('validation_failed');
    const errors = problem['errors'] as { pointer: string; message: string }[];
    expect(errors[0]).toMatchObject({ pointer, message: expect.stringMatching(/./) as unknown });
  });

  it('is told for bytes that are no UTF-8', async () => {
    const body = Buffer.concat([
      Buffer.from('{"description":"'),
      Buffer.of(0xff),
      Buffer.from('"}'),
    ]);
    expect(await send('POST', '/v1/transactions', body)).toMatchObject({ status: 400 });
  });

  it('is told for a batch, with the place of the mistake', async () => {
    const transactions = [TRANSACTION, { ...TRANSACTION, postings: [{}, POSTING] }];
    const body = JSON.stringify({ mode: 'independent', transactions });
    const { status, problem } = await send('POST', '/v1/transactions/batch', body);
    expect(status).toBe(400);
    expect(problem['errors']).toContainEqual({
      pointer: '/transactions/1/postings/0/amount',
      message: 'is missing',
    });
  });

  it.each([
    ['{"mode":"both","transactions":[]}', ['/mode', '/transactions']],
    ['{"mode":"atomic","transactions":[[]]}', ['/transactions/0']],
    [
      JSON.stringify({ mode: 'atomic', transactions: [{ ...TRANSACTION, idempotencyKey: 'ü' }] }),
      ['/transactions/0/idempotencyKey'],
    ],
    [
      JSON.stringify({ mode: 'atomic', transactions: Array.from({ length: 1001 }, () => ({})) }),
      ['/transactions'],
    ],
  ])('is told for the batch %.60s', async (body, pointers) => {
    const { problem } = await send('POST', '/v1/transactions/batch', body);
    const errors = problem['errors'] as { pointer: string }[];
    expect(errors.map((e) => e.pointer)).toEqual(pointers);
  });

  it('is told for an account', async () => {
    const bad = {
      name: '',
      type: 'cash',
      currency: 'usd',
      minBalance: '1e2',
      maxBalance: 5,
      metadata: [],
    };
    const { status, problem } = await send('POST', '/v1/accounts', JSON.stringify(bad));
    expect(status).toBe(400);
    const errors = problem['errors'] as { pointer: string }[];
    expect(errors.map((e) => e.pointer)).toEqual(Object.keys(bad).map((name) => `/${name}`));
    const limits = { name: 'x', type: 'asset', currency: 'JPY', minBalance: '0.5' };
    expect(await send('POST', '/v1/accounts', JSON.stringify(limits))).toMatchObject({
      status: 400,
      problem: { errors: [{ pointer: '/minBalance' }] },
    });
  });

  it.each([
    ['/v1/accounts?limit=0', '/limit'],
    ['/v1/accounts?limit=201', '/limit'],
    ['/v1/accounts?limit=1&limit=2', '/limit'],
    ['/v1/accounts?cursor=nonsense', '/cursor'],
    ['/v1/accounts?cursor=WzEsMV0', '/cursor'],
    ['/v1/accounts?colour=red', '/colour'],
    ['/v1/accounts?__proto__=1', '/__proto__'],
    ['/v1/accounts?status=shut', '/status'],
    ['/v1/accounts?clientId=%00', '/clientId'],
    ['/v1/accounts/client:a?atPosition=0', '/atPosition'],
    ['/v1/accounts/client:a?atPosition=1.0', '/atPosition'],
    ['/v1/accounts/client:a?atPosition=3', '/atPosition'],
    ['/v1/accounts/client:a/entries?from=yesterday', '/from'],
    ['/v1/transactions?accountId=a', '/accountId'],
    ['/v1/accounts?atPosition=3', '/atPosition'],
    ['/v1/accounts/client:a/entries?atPosition=3', '/atPosition'],
    ['/v1/transactions/client:t?at=1', '/at'],
    ['/v1/transactions/client:t?atPosition=3', '/atPosition'],
    ['/v1/transactions?atPosition=3', '/atPosition'],
    ['/v1/reports/trial-balance?asOf=2026-02-30', '/asOf'],
    ['/v1/reports/trial-balance?atPosition=3', '/atPosition'],
    ['/v1/reports/trial-balance?from=2026-13-01', '/from'],
    ['/v1/reports/trial-balance?from=2026-02-01&asOf=2026-01-31', '/from'],
    ['/v1/reports/trial-balance?group=a::b', '/group'],
    ['/v1/reports/trial-balance?format=xml', '/format'],
    ['/v1/reports/balance-sheet?asOf=0', '/asOf'],
    ['/v1/reports/balance-sheet?compareTo=2026-02-30', '/compareTo'],
    ['/v1/reports/balance-sheet?atPosition=0', '/atPosition'],
    ['/v1/reports/income-statement?from=now', '/from'],
    ['/v1/reports/general-ledger?group=a:', '/group'],
    ['/v1/reports/general-ledger?format=csv&cursor=W10', '/cursor'],
    ['/v1/reports/income-statement?from=2026-02-01&to=2026-01-01', '/to'],
    ['/v1/balances?group=%20', '/group'],
    ['/v1/balances?depth=9', '/depth'],
    ['/v1/balances?asOf=2026-1-1', '/asOf'],
    ['/v1/accounts/client:a?asOf=2026-02-29', '/asOf'],
    ['/v1/accounts/client:a/balances?to=2026-01-01', '/from'],
    ['/v1/accounts/client:a/balances?from=2026-01-01&to=x', '/to'],
    ['/v1/accounts/client:a/balances?from=2020-01-01&to=2026-01-01', '/to'],
    ['/v1/accounts/client:a/balances?from=2026-01-01&to=2026-01-01&interval=year', '/interval'],
    ['/v1/accounts/client:a/statement?from=%00', '/from'],
    ['/v1/accounts/client:a/statement?from=2026-02-01&to=2026-01-01', '/to'],
    ['/v1/accounts/client:a/statement?atPosition=3', '/atPosition'],
    ['/v1/accounts/client:a/statement?format=xml', '/format'],
    ['/v1/accounts/client:a/statement?format=csv&limit=5', '/limit'],
    ['/v1/accounts/client:a/statement?format=pdf&limit=5', '/limit'],
    ['/v1/events?after=-1', '/after'],
    ['/v1/events?type=%00', '/type'],
    ['/v1/events?type=Nothing', '/type'],
  ])('is told for %s', async (path, pointer) => {
    const { status, problem } = await send('GET', path);
    expect(status).toBe(400);
    expect(problem).toMatchObject({ code: 'validation_failed', errors: [{ pointer }] });
  });

  const lists: [string, string, number[]][] = [
    ['/v1/accounts/client:a/entries', '/v1/accounts/:id/entries', [1, 1]],
    ['/v1/tasks', '/v1/tasks', [1]],
  ];
  it.each(lists)('is no cursor of %s behind every row', async (path, route, key) => {
    const cursor = encodeCursor({ route, filters: {} }, [...key, Number.MAX_SAFE_INTEGER]);
    const { status, body } = await service.api.get(`${path}?cursor=${cursor}`);
    expect(status).toBe(200);
    expect(body).toEqual({ data: [], nextCursor: null });
  });

  it.each([
    [20261301, 1, 1],
    [20260101, 2 ** 31, 1],
    [20260101, 1, 2],
  ])('is no cursor of a statement at %d, %d, %d', async (day, ordinal, late) => {
    const [path, route] = ['/v1/accounts/client:a/statement', '/v1/accounts/:id/statement'];
    const cursor = encodeCursor({ route, filters: {} }, [1, 1, day, 1, ordinal, late]);
    const { status, body } = await service.api.get(`${path}?cursor=${cursor}`);
    expect([status, body]).toMatchObject([400, { errors: [{ pointer: '/cursor' }] }]);
  });

  it('is told for what a write is asked with', async () => {
    const path = '/v1/transactions?dryRun=yes&x=1';
    const headers = { 'content-type': 'application/json', 'idempotency-key': '"open' };
    const { problem } = await send('POST', path, JSON.stringify(TRANSACTION), headers);
    const errors = problem['errors'] as { pointer: string }[];
    expect(errors.map((e) => e.pointer).sort()).toEqual(['/Idempotency-Key', '/dryRun', '/x']);
  });

  it.each([
    ['GET', '/v1/accounts/nonsense'],
    ['GET', '/v1/accounts/client:nobody'],
    ['GET', '/v1/accounts/client:%00'],
    ['GET', '/v1/accounts/00000000-0000-7000-8000-000000000000'],
    ['GET', '/v1/accounts/client:nobody/entries'],
    ['POST', '/v1/accounts/nonsense/close'],
    ['POST', '/v1/accounts/client:nobody/close'],
    ['GET', '/v1/transactions/nonsense'],
    ['POST', '/v1/transactions/client:nobody/reverse'],
    ['GET', `/v1/accounts/${'x'.repeat(300)}`],
    ['GET', '/v1/nothing'],
    ['GET', '/'],
  ])('%s %.60s is not found', async (method, path) => {
    const { status, problem } = await send(method, path);
    expect(status).toBe(404);
    expect(problem['code']).toBe('not_found');
  });

  it.each([
    ['DELETE', '/v1/accounts/client:a', 'GET, HEAD, PATCH'],
    ['PUT', '/v1/accounts', 'GET, HEAD, POST'],
    ['PATCH', '/v1/transactions/batch', 'GET, HEAD, POST'],
    ['OPTIONS', '/v1/events', 'GET, HEAD'],
    ['PROPFIND', '/v1/events', 'GET, HEAD'],
    ['POST', '/docs/json', 'GET, HEAD'],
    ['DELETE', '/metrics', 'GET, HEAD'],
  ])('%s %s is told what the path has', async (method, path, allowed) => {
    const { status, problem, headers } = await send(method, path);
    expect(status).toBe(405);
    expect(problem['code']).toBe('method_not_allowed');
    expect(headers.get('allow')).toBe(allowed);
  });

  it('is told for a path that cannot be decoded', async () => {
    expect(await send('GET', '/v1/accounts/%zz')).toMatchObject({ status: 400 });
  });

  it('takes nothing but JSON', async () => {
    const types = ['text/plain', 'application/x-www-form-urlencoded', 'application/xml'];
    for (const type of types) {
      const { status, problem } = await send('POST', '/v1/accounts', '{}', {
        'content-type': type,
      });
      expect(status).toBe(415);
      expect(problem['code']).toBe('unsupported_media_type');
    }
    const json = { 'content-type': 'application/json' };
    for (const coding of ['gzip', 'br', 'deflate', 'gzip, gzip']) {
      const headers = { ...json, 'content-encoding': coding };
      const { status, problem } = await send('POST', '/v1/accounts', gzipSync('{}'), headers);
      expect(status).toBe(415);
      expect(problem['code']).toBe('unsupported_media_type');
    }
  });

  it('reads no more than four MiB', async () => {
    const body = `{"description":"${'x'.repeat(10 * 1024 * 1024)}"}`;
    // The server answers before it has been sent everything, which fetch may take for an error.
    const answer = await answerTo(service, head(service, body.length), body);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toMatch(/content-type: application\/problem\+json/);
    expect(answer).toMatch(/"code":"payload_too_large"/);
  });

  it.each([
    ['no HTTP', 'HELLO\r\n\r\n', 400, 'validation_failed'],
    [
      'endless headers',
      `GET / HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'headers_too_large',
    ],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
      400,
      'validation_failed',
    ],
  ])('is told for %s', async (_, text, status, code) => {
    const answer = await answerTo(service, text);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toMatch(/content-type: application\/problem\+json/);
    expect(answer).toMatch(/cache-control: no-store/);
    expect(JSON.parse(answer.split('\r\n\r\n')[1]!)).toMatchObject({ code, status });
  });
});

function head({ url, key }: TestService, length: number): string {
  return (
    `POST /v1/transactions HTTP/1.1\r\nhost: ${new URL(url).host}\r\n` +
    `content-type: application/json\r\nauthorization: Bearer ${key}\r\n` +
    `content-length: ${length}\r\n\r\n`
  );
}

/** Sends bytes, as many as the server takes, until it closes the connection. */
function answerTo({ url }: TestService, ...parts: string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = createConnection(Number(port), hostname);
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
    for (const part of parts) socket.write(part);
  });
}
