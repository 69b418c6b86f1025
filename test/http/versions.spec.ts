import { cloneDatabases } from '../harness/databases';
import { startTestService, type TestService } from '../harness/service';
import { DocumentedClient } from './documented-client';

const ADDRESS = { line1: 'Main Street 1', city: 'Bonn', postalCode: '53113', country: 'DE' };
const REASON = { reason: 'A reason' };
const NOBODY = '00000000-0000-4000-8000-000000000000';
const SETTLEMENT = { executedAmount: '1', settledAt: '2026-01-31T10:00:00Z' };

/** What has a version: how it is made, where it is read, and what changes it. */
const VERSIONED: readonly [string, (api: DocumentedClient) => Promise<Change>][] = [
  [
    'an account that is closed',
    async (api) => close(api, await made(api, '/v1/accounts', ACCOUNT)),
  ],
  [
    'an account that changes',
    async (api) => {
      const path = await made(api, '/v1/accounts', ACCOUNT);
      return { path, change: (o) => api.patch(path, { name: 'B' }, o) };
    },
  ],
  [
    'an account that is frozen',
    async (api) => {
      const path = await made(api, '/v1/accounts', ACCOUNT);
      return { path, change: (o) => api.post(`${path}/freeze`, { side: 'all', ...REASON }, o) };
    },
  ],
  [
    'an account that is frozen no more',
    async (api) => {
      const path = await made(api, '/v1/accounts', ACCOUNT);
      await api.post(`${path}/freeze`, { side: 'all', ...REASON });
      return { path, change: (o) => api.post(`${path}/unfreeze`, REASON, o) };
    },
  ],
  [
    'an account that is opened again',
    async (api) => {
      const path = await made(api, '/v1/accounts', ACCOUNT);
      await api.post(`${path}/close`);
      return { path, change: (o) => api.post(`${path}/reopen`, REASON, o) };
    },
  ],
  [
    'a company that moves',
    async (api) => {
      const company = { name: 'A', contactEmail: 'a@example.com', address: ADDRESS };
      const path = await made(api, '/v1/companies', company);
      return { path, change: (o) => api.put(`${path}/address`, { ...ADDRESS, city: 'Ulm' }, o) };
    },
  ],
  ['an order that is settled', async (api) => orderThat(api, 'settle', SETTLEMENT)],
  [
    'an order whose settlement is taken back',
    async (api) => {
      const { path, change } = await orderThat(api, 'settle', SETTLEMENT);
      expect((await change({})).status).toBe(200);
      return { path, change: (o) => api.post(`${path}/reverse-settlement`, REASON, o) };
    },
  ],
  ['an order that is cancelled', async (api) => orderThat(api, 'cancel', {})],
  ['a hold that is captured', async (api) => holdThat(api, 'capture')],
  ['a hold that is voided', async (api) => holdThat(api, 'void')],
  [
    'a limit that changes',
    async (api) => {
      const path = await limited(api);
      return { path, change: (o) => api.patch(path, { amount: '20' }, o) };
    },
  ],
  [
    'a limit that is removed',
    async (api) => {
      const path = await limited(api);
      return { path, change: (o) => api.post(`${path}/remove`, {}, o) };
    },
  ],
  [
    'a scheduled transaction that is cancelled',
    async (api) => {
      const scheduled = { description: 'A', postings: await postings(api), postOn: '2999-01-01' };
      const path = await made(api, '/v1/scheduled-transactions', scheduled);
      return { path, change: (o) => api.post(`${path}/cancel`, {}, o) };
    },
  ],
];
const ACCOUNT = { name: 'A', type: 'asset', currency: 'USD' };

interface Options {
  readonly headers?: Record<string, string>;
  readonly idempotencyKey?: string;
  readonly dryRun?: boolean;
}
interface Change {
  readonly path: string;
  readonly change: (options: Options) => ReturnType<DocumentedClient['post']>;
}

async function made(api: DocumentedClient, path: string, body: object): Promise<string> {
  const answer = await api.post<{ id: string }>(path, body);
  expect(answer.status).toBe(201);
  return `${path}/${answer.body.id}`;
}

function close(api: DocumentedClient, path: string): Change {
  return { path, change: (options) => api.post(`${path}/close`, {}, options) };
}

async function opened(api: DocumentedClient): Promise<string> {
  return (await made(api, '/v1/accounts', ACCOUNT)).split('/').at(-1)!;
}

async function limited(api: DocumentedClient): Promise<string> {
  const limit = { direction: 'debit', currency: 'USD', amount: '10', per: 'day' };
  return made(api, '/v1/limits', { accountId: await opened(api), ...limit });
}

async function postings(api: DocumentedClient): Promise<object[]> {
  const accountId = await opened(api);
  return ['debit', 'credit'].map((direction) => ({ accountId, direction, amount: '1' }));
}

async function holdThat(api: DocumentedClient, verb: string): Promise<Change> {
  const hold = { description: 'A', postings: await postings(api) };
  const path = await made(api, '/v1/holds', hold);
  return { path, change: (options) => api.post(`${path}/${verb}`, {}, options) };
}

async function orderThat(api: DocumentedClient, verb: string, body: object): Promise<Change> {
  const idOf = async (path: string, what: object) =>
    (await made(api, path, what)).split('/').at(-1);
  const company = { name: 'A', contactEmail: 'a@example.com', address: ADDRESS };
  const path = await made(api, '/v1/orders', {
    ...{ companyId: await idOf('/v1/companies', company), side: 'buy', symbol: 'A', quantity: '1' },
    cashAccountId: await idOf('/v1/accounts', ACCOUNT),
    settlementAccountId: await idOf('/v1/accounts', ACCOUNT),
  });
  return { path, change: (options) => api.post(`${path}/${verb}`, body, options) };
}

describe('If-Match', () => {
  let service: TestService;
  let api: DocumentedClient;
  const headAt = async (path: string) => (await api.get(path)).headers.get('ledger-position');
  const ifMatch = (tag: string) => ({ headers: { 'if-match': tag } });

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    api = await DocumentedClient.of(service);
  });

  it.each(VERSIONED)('lets a caller change %s as it was seen, or not at all', async (_, make) => {
    const { path, change } = await make(api);
    const before = await api.get<{ version: number }>(path);
    const tag = before.headers.get('etag')!;
    expect(tag).toBe(`"${before.body.version}"`);
    const head = before.headers.get('ledger-position');
    const refused = { status: 412, body: { code: 'version_mismatch' } };
    for (const other of ['"0"', `W/${tag}`, '"x", "y"', '""']) {
      expect(await change(ifMatch(other))).toMatchObject(refused);
      expect(await change({ ...ifMatch(other), dryRun: true })).toMatchObject(refused);
    }
    for (const broken of [tag.slice(1, -1), '', '"1', '*, "1"', '"1" "2"']) {
      expect(await change(ifMatch(broken))).toMatchObject({
        status: 400,
        body: { errors: [{ pointer: '/If-Match' }] },
      });
    }
    expect([200, 201]).toContain((await change({ ...ifMatch('*'), dryRun: true })).status);
    expect(await headAt(path)).toBe(head);

    const options = { ...ifMatch(`"0", ${tag}`), idempotencyKey: path };
    const changed = await change(options);
    expect([200, 201]).toContain(changed.status);
    expect((await api.get(path)).headers.get('etag')).toBe(`"${before.body.version + 1}"`);
    // The version is another one by now, and the key comes first.
    for (const again of [options, { ...ifMatch('"0"'), idempotencyKey: path }]) {
      const repeated = await change(again);
      expect(repeated).toMatchObject({ status: changed.status, body: changed.body });
      expect(repeated.headers.get('idempotency-hit')).toBe('true');
    }
    expect(await change(ifMatch(tag))).toMatchObject(refused);
  });

  it('is looked at in the step that changes, so one of many at once wins', async () => {
    const { path, change } = await VERSIONED.find(([what]) => what === 'a company that moves')![1](
      api,
    );
    const tag = (await api.get(path)).headers.get('etag')!;
    const answers = await Promise.all(Array.from({ length: 10 }, () => change(ifMatch(tag))));
    expect(answers.map((a) => a.status).sort()).toEqual([200, ...Array<number>(9).fill(412)]);
  });

  it('says of what is not there that it is not there', async () => {
    const nothing = await api.post(`/v1/accounts/${NOBODY}/close`, {}, ifMatch('"1"'));
    expect(nothing).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });

  it('and everything else that would be ignored is refused wherever it would be', async () => {
    for (const { method, path, operation } of api.endpoints.filter((e) => e.operation.security)) {
      const send = method as 'get' | 'post' | 'put' | 'patch';
      const at = path.replace(/\{(position|amendment)\}/g, '1').replace(/\{\w+\}/g, NOBODY);
      const isVersioned = JSON.stringify(operation).includes('"If-Match"');
      const refused =
        send === 'get'
          ? ['If-Match', 'If-Unmodified-Since', 'Idempotency-Key']
          : ['If-None-Match', 'If-Modified-Since', 'If-Unmodified-Since'];
      if (send !== 'get' && !isVersioned) refused.push('If-Match');
      for (const name of refused) {
        const headers = { [name]: '"1"' };
        const answer =
          send === 'get'
            ? await api.get<Record<string, unknown>>(at, { headers })
            : await api[send]<Record<string, unknown>>(at, {}, { headers });
        expect([path, answer.status]).toEqual([path, 400]);
        expect(answer.body['errors']).toContainEqual({
          pointer: `/${name}`,
          message: expect.stringMatching(/./) as unknown,
        });
      }
    }
  });
});
