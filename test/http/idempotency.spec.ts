import { cloneDatabases } from '../harness/databases';
import { startTestService, type TestService } from '../harness/service';

const ACCOUNT = { name: 'An account', type: 'asset', currency: 'USD' };

describe('idempotency keys and dry runs', () => {
  let service: TestService;
  const open = (idempotencyKey: string, body: object = ACCOUNT) =>
    service.api.post('/v1/accounts', body, { idempotencyKey });
  const head = async () =>
    Number((await service.api.get('/v1/events?limit=1')).headers.get('ledger-position'));

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
  });

  it('answers a repeated request with the first answer', async () => {
    const first = await open('one');
    await open('in between');
    const again = await open('one', { currency: 'USD', type: 'asset', name: 'An account' });
    expect(again).toMatchObject({ status: 201, body: first.body });
    expect(first.headers.get('idempotency-hit')).toBeNull();
    expect(again.headers.get('idempotency-hit')).toBe('true');
    expect(again.headers.get('ledger-position')).toBe(first.headers.get('ledger-position'));
  });

  it('takes a quoted key for the same key', async () => {
    const first = await open('"quoted \\"key\\""');
    const again = await open('quoted "key"');
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('idempotency-hit')).toBe('true');
  });

  it('refuses the key of another request', async () => {
    await open('reused');
    const other = await open('reused', { ...ACCOUNT, name: 'Another' });
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
    const elsewhere = await service.api.post(
      '/v1/transactions/batch',
      {
        mode: 'atomic',
        transactions: [
          {
            description: 'x',
            postings: ['debit', 'credit'].map((direction) => ({
              accountId: 'client:x',
              direction,
              amount: '1',
            })),
          },
        ],
      },
      { idempotencyKey: 'reused' },
    );
    expect(elsewhere).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
  });

  it('repeats a refusal, whatever has changed since', async () => {
    const post = () =>
      service.api.post(
        '/v1/transactions',
        {
          description: 'x',
          postings: [
            { accountId: 'client:later', direction: 'debit', amount: '1' },
            { accountId: 'client:later', direction: 'credit', amount: '1' },
          ],
        },
        { idempotencyKey: 'refused' },
      );
    const first = await post();
    expect(first).toMatchObject({ status: 422, body: { code: 'account_not_found' } });
    await open('later', { ...ACCOUNT, clientId: 'later' });
    const again = await post();
    expect(again).toMatchObject({ status: 422, body: first.body });
    expect(again.headers.get('idempotency-hit')).toBe('true');
    expect(again.headers.get('content-type')).toMatch(/problem\+json/);
  });

  it('does not remember what was not valid', async () => {
    const { status } = await open('corrected', { ...ACCOUNT, type: 'nonsense' });
    expect(status).toBe(400);
    const unfit = await open('corrected', { ...ACCOUNT, minBalance: '0.001' });
    expect(unfit).toMatchObject({ status: 400, body: { code: 'validation_failed' } });
    expect(await open('corrected')).toMatchObject({ status: 201 });
  });

  it('does a thing once where the same request comes many times at once', async () => {
    const before = await head();
    const answers = await Promise.all(Array.from({ length: 20 }, () => open('at once')));
    expect(new Set(answers.map((a) => a.body['id'])).size).toBe(1);
    expect(answers.filter((a) => a.headers.get('idempotency-hit') === 'true')).toHaveLength(19);
    expect(await head()).toBe(before + 1);
  });

  it.each(['', 'x'.repeat(256), '"', '""', '"x', 'a\tb'])('refuses the key %j', async (key) => {
    const { status, body } = await open(key);
    expect(status).toBe(400);
    expect(body).toMatchObject({ errors: [{ pointer: '/Idempotency-Key' }] });
  });

  it('answers a dry run in full and keeps nothing', async () => {
    const before = await head();
    const body = { ...ACCOUNT, clientId: 'dry' };
    const dry = await service.api.post('/v1/accounts', body, {
      dryRun: true,
      idempotencyKey: 'dry',
    });
    expect(dry).toMatchObject({ status: 201, body: { clientId: 'dry', balance: '0.00' } });
    expect(dry.headers.get('dry-run')).toBe('true');
    expect(await head()).toBe(before);
    expect((await service.api.get('/v1/accounts/client:dry')).status).toBe(404);
    const real = await service.api.post('/v1/accounts', body, { idempotencyKey: 'dry' });
    expect(real.status).toBe(201);
    expect(real.headers.get('dry-run')).toBeNull();
    expect(real.headers.get('idempotency-hit')).toBeNull();
    const refused = await service.api.post('/v1/accounts', body, { dryRun: true });
    expect(refused).toMatchObject({ status: 409, body: { code: 'client_id_taken' } });
    expect(refused.headers.get('dry-run')).toBe('true');
  });

  it('answers a dry run with a used key as the key was answered, and as no dry run', async () => {
    const accepted = await open('used');
    const refuse = (options: object) =>
      service.api.post('/v1/accounts/client:nobody/close', {}, options);
    const refused = await refuse({ idempotencyKey: 'used and refused' });
    const runs = '/v1/admin/replay-verifications';
    const asked = await service.api.post(runs, {}, { idempotencyKey: 'used by an admin' });
    const repeated = [
      [accepted, { path: '/v1/accounts', body: ACCOUNT, key: 'used' }],
      [refused, { path: '/v1/accounts/client:nobody/close', body: {}, key: 'used and refused' }],
      [asked, { path: runs, body: {}, key: 'used by an admin' }],
    ] as const;
    const before = await head();
    for (const [first, { path, body, key }] of repeated) {
      const dry = await service.api.post(path, body, { dryRun: true, idempotencyKey: key });
      expect([dry.status, dry.body]).toEqual([first.status, first.body]);
      expect(dry.headers.get('idempotency-hit')).toBe('true');
      expect(dry.headers.get('dry-run')).toBeNull();
      expect(dry.headers.get('ledger-position')).toBe(first.headers.get('ledger-position'));
    }
    expect(await head()).toBe(before);
  });
});
