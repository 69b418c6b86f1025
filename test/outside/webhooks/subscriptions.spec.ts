import { query } from '../../harness/cluster';
import { cloneDatabases } from '../../harness/databases';
import { startTestService, type TestService } from '../../harness/service';

interface Subscription {
  id: string;
  secret: string;
  secretVersion: number;
  status: string;
  position: number;
}
interface Page<T> {
  data: T[];
  nextCursor: string | null;
}

const PATH = '/v1/webhook-subscriptions';
const SUBSCRIPTION = { url: 'https://receiver.example/hook', eventTypes: ['AccountOpened'] };
const SECRET = /^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/;
const secretOf = (byte: number) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`;

describe('webhook subscriptions over HTTP', () => {
  let service: TestService;

  const subscribe = async (body: object = {}, idempotencyKey?: string): Promise<Subscription> => {
    const given = { ...SUBSCRIPTION, ...body };
    const answer = await service.api.post<Subscription>(PATH, given, { idempotencyKey });
    expect(answer).toMatchObject({ status: 201 });
    return answer.body;
  };
  const rotate = (id: string, body: object = {}, idempotencyKey?: string) =>
    service.api.post<Subscription>(`${PATH}/${id}/rotate-secret`, body, { idempotencyKey });

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
  });

  it('answers a subscription with its secret once, and afterwards without', async () => {
    const { status, headers, body } = await service.api.post(PATH, {
      ...SUBSCRIPTION,
      clientId: 'crm',
    });
    expect(status).toBe(201);
    const { secret, ...shown } = body;
    expect(shown).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
      clientId: 'crm',
      ...SUBSCRIPTION,
      status: 'active',
      secretVersion: 1,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown,
      position: Number(headers.get('ledger-position')),
    });
    expect(secret).toMatch(SECRET);
    for (const reference of ['client:crm', String(shown['id']).toUpperCase()]) {
      const read = await service.api.get(`${PATH}/${reference}`);
      expect(read).toMatchObject({ status: 200, body: shown });
      expect(read.body).toEqual(shown);
    }
    const { body: list } = await service.api.get<Page<object>>(`${PATH}?clientId=crm`);
    expect(list.data).toEqual([shown]);
  });

  it('makes another secret for every subscription and every version', async () => {
    const [first, second] = [await subscribe(), await subscribe()];
    const rotated = await rotate(first.id);
    expect(rotated).toMatchObject({ status: 200, body: { id: first.id, secretVersion: 2 } });
    const again = await rotate(first.id);
    const secrets = [first, second, rotated.body, again.body].map((s) => s.secret);
    for (const secret of secrets) expect(secret).toMatch(SECRET);
    expect(new Set(secrets).size).toBe(4);
    const { body } = await service.api.get(`${PATH}/${first.id}`);
    expect(body).toMatchObject({ secretVersion: 3, position: again.body.position });
    expect(body).not.toHaveProperty('secret');
  });

  it('keeps no secret that was given or made where anybody could read it', async () => {
    const given = await subscribe({ secret: secretOf(1) }, 'given');
    const made = await subscribe({}, 'made');
    const rotated = await rotate(given.id, { secret: secretOf(2) }, 'rotated');
    expect([given.secret, rotated.body.secret]).toEqual([secretOf(1), secretOf(2)]);
    const secrets = [given, made, rotated.body].map((s) => s.secret.slice('whsec_'.length));
    const { log, state } = service.databases.superUrls;
    const stored = [
      ...(await query(log, 'select e::text as row from event_log e')),
      ...(await query(log, 'select c::text as row from command_log c')),
      ...(await query(state, 'select s::text as row from state.webhook_subscriptions s')),
    ].map(({ row }) => row as string);
    expect(stored.filter((row) => row.includes(given.id)).length).toBeGreaterThanOrEqual(4);
    const { body: feed } = await service.api.get('/v1/events?limit=200');
    const shown = [...stored, ...service.logged, JSON.stringify(feed)];
    for (const secret of secrets) {
      expect(shown.filter((text) => text.includes(secret))).toEqual([]);
      const hex = Buffer.from(secret, 'base64').toString('hex');
      expect(shown.filter((text) => text.includes(hex))).toEqual([]);
    }
  });

  it('answers a repeated request with the secret that it answered first', async () => {
    const made = await subscribe({}, 'repeated');
    const rotated = await rotate(made.id, {}, 'rotated once');
    await rotate(made.id);
    const again = await service.api.post(PATH, SUBSCRIPTION, { idempotencyKey: 'repeated' });
    expect(again).toMatchObject({ status: 201, body: made });
    expect(again.headers.get('idempotency-hit')).toBe('true');
    const rotatedAgain = await rotate(made.id, {}, 'rotated once');
    expect(rotatedAgain.body).toEqual(rotated.body);
    expect(rotatedAgain.headers.get('idempotency-hit')).toBe('true');

    const secret = secretOf(3);
    const given = await subscribe({ secret }, 'given again');
    expect(await subscribe({ secret }, 'given again')).toEqual(given);
    const other = { ...SUBSCRIPTION, secret: secretOf(4) };
    const reused = await service.api.post(PATH, other, { idempotencyKey: 'given again' });
    expect(reused).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
  });

  it('disables and enables, once each', async () => {
    const { id } = await subscribe({ clientId: 'switched' });
    const act = (what: string) => service.api.post(`${PATH}/client:switched/${what}`);
    expect(await act('enable')).toMatchObject({
      status: 409,
      body: { code: 'webhook_already_active' },
    });
    expect(await act('disable')).toMatchObject({ status: 200, body: { id, status: 'disabled' } });
    expect(await act('disable')).toMatchObject({
      status: 409,
      body: { code: 'webhook_already_disabled' },
    });
    const { body: list } = await service.api.get<Page<object>>(`${PATH}?status=disabled`);
    expect(list.data).toMatchObject([{ id, status: 'disabled' }]);
    const enabled = await act('enable');
    expect(enabled).toMatchObject({ status: 200, body: { id, status: 'active' } });
    expect(enabled.body).not.toHaveProperty('secret');
  });

  it('keeps nothing of a dry run', async () => {
    const head = async () =>
      (await service.api.get('/v1/events?limit=1')).headers.get('ledger-position');
    const before = await head();
    const dry = await service.api.post(
      PATH,
      { ...SUBSCRIPTION, clientId: 'dry' },
      { dryRun: true },
    );
    expect(dry).toMatchObject({ status: 201, body: { status: 'active' } });
    expect(dry.headers.get('dry-run')).toBe('true');
    expect((await service.api.get(`${PATH}/client:dry`)).status).toBe(404);
    expect(await head()).toBe(before);
  });

  it('lists page by page in the order in which they were made', async () => {
    const own = await startTestService();
    const ids: unknown[] = [];
    for (let i = 0; i < 3; i++) ids.push((await own.api.post(PATH, SUBSCRIPTION)).body['id']);
    const first = (await own.api.get<Page<Subscription>>(`${PATH}?limit=2`)).body;
    const next = `${PATH}?limit=2&cursor=${first.nextCursor}`;
    const second = (await own.api.get<Page<Subscription>>(next)).body;
    expect([...first.data, ...second.data].map((s) => s.id)).toEqual(ids);
    expect(second.nextCursor).toBeNull();
  });

  it('takes "*" in a list and without', async () => {
    for (const eventTypes of ['*', ['*']]) {
      expect(await subscribe({ eventTypes })).toMatchObject({ eventTypes: ['*'] });
    }
  });

  it('refuses a clientId that is taken', async () => {
    await subscribe({ clientId: 'taken' });
    const again = await service.api.post(PATH, { ...SUBSCRIPTION, clientId: 'taken' });
    expect(again).toMatchObject({ status: 409, body: { code: 'client_id_taken' } });
  });

  it.each([
    [{ url: 'ftp://receiver.example/' }, '/url'],
    [{ url: 'receiver.example' }, '/url'],
    [{ url: 'http://receiver.example/' }, '/url'],
    [{ url: 'https://127.0.0.1:8443/' }, '/url'],
    [{ url: 'https://user:password@receiver.example/' }, '/url'],
    [{ url: undefined }, '/url'],
    [{ eventTypes: [] }, '/eventTypes'],
    [{ eventTypes: 'AccountOpened' }, '/eventTypes'],
    [{ eventTypes: ['NeverHappened'] }, '/eventTypes'],
    [{ eventTypes: ['toString'] }, '/eventTypes'],
    [{ eventTypes: ['AccountOpened', '*'] }, '/eventTypes'],
    [{ eventTypes: ['AccountOpened', 'AccountOpened'] }, '/eventTypes'],
    [{ eventTypes: ['WebhookSubscribed'] }, '/eventTypes'],
    [{ eventTypes: [1] }, '/eventTypes'],
    [{ eventTypes: Array.from({ length: 51 }, (_, i) => `Type${i}`) }, '/eventTypes'],
    [{ secret: 'secret' }, '/secret'],
    [{ secret: `whsec_${Buffer.alloc(23).toString('base64')}` }, '/secret'],
    [{ clientId: 'with space' }, '/clientId'],
    [{ sealedSecret: 'x' }, '/sealedSecret'],
  ])('refuses %j', async (change, pointer) => {
    const answer = await service.api.post(PATH, { ...SUBSCRIPTION, ...change });
    expect(answer).toMatchObject({ status: 400, body: { code: 'validation_failed' } });
    expect(answer.body['errors']).toMatchObject([{ pointer }]);
  });

  it.each(['', '/deliveries'])('does not find what nobody made: %s', async (rest) => {
    for (const id of ['client:nobody', '00000000-0000-7000-8000-00000000ffff', 'nonsense']) {
      const answer = await service.api.get(`${PATH}/${id}${rest}`);
      expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
  });
});
