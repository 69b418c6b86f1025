import { PermanentFailure } from '../../src/engine/define/task-handler';
import { startWithPretendedWork, withTimings } from '../proof/runs/run-service';
import { cloneDatabases } from '../harness/databases';
import { startTestService, type TestService } from '../harness/service';
import { waitFor } from '../harness/waiting';
import { Receiver } from '../outside/webhooks/receiver';
import { DocumentedClient } from './documented-client';
import {
  ADDRESS,
  ORDER,
  posting,
  REPLAYS,
  requiredQuery,
  RUNS,
  somewhere,
} from './documented-bodies';
import type { List, Named, Task } from './documented-bodies';
import { FOUND } from './pretended-findings';
import { withEmail } from '../outside/tasks/task-service';

describe('the OpenAPI document', () => {
  let service: TestService;
  let api: DocumentedClient;
  let receiver: Receiver;

  beforeAll(async () => {
    receiver = await Receiver.start();
    service = await startTestService({
      databases: await cloneDatabases({ lifetime: 'file' }),
      tasks: 'work',
      replace: [
        withEmail(() => Promise.reject(new PermanentFailure('No such mailbox'))),
        withTimings(),
      ],
      runs: true,
      env: { WEBHOOK_ALLOW_HTTP: 'true', WEBHOOK_ALLOW_PRIVATE_ADDRESSES: 'true' },
    });
    api = await DocumentedClient.of(service);
  });

  afterAll(() => receiver.close());

  /** What a POST made, where it must make something. */
  const made = async <Body = Named>(path: string, body: object = {}, options = {}) => {
    const answer = await api.post<Body>(path, body, options);
    expect(Math.floor(answer.status / 100)).toBe(2);
    return answer.body;
  };
  const get = async <Body = Record<string, unknown>>(path: string, status = 200) => {
    const answer = await api.get<Body>(path);
    expect(answer.status).toBe(status);
    return answer.body;
  };
  const ended = (path: string) =>
    waitFor('the run to end', async () => {
      const run = await get<{ status: string }>(path);
      return !['queued', 'running'].includes(run.status) && run;
    });

  it('says what is answered while there is nothing', async () => {
    await get('/v1/health/live');
    expect(await get('/v1/health/ready')).toMatchObject({ lastVerification: null });
    for (const { method, path, operation } of api.endpoints) {
      if (method !== 'get' || path.includes('{') || path.startsWith('/v1/health')) continue;
      const expected = path.startsWith('/v1/explain') ? 404 : 200;
      await get(path + requiredQuery(operation), expected);
    }
  });

  it('says what is answered of accounts', async () => {
    const account = { clientId: 'cash', name: 'Cash', type: 'asset', currency: 'USD' };
    const limits = { minBalance: '-500', maxBalance: null, metadata: { branch: '17' } };
    await made('/v1/accounts', { ...account, ...limits }, { idempotencyKey: 'cash' });
    await made('/v1/accounts', { ...account, ...limits }, { idempotencyKey: 'cash' });
    expect((await api.post('/v1/accounts', account)).status).toBe(409);
    const others = { equity: 'equity', broker: 'asset', fees: 'expense', savings: 'liability' };
    for (const [clientId, type] of Object.entries(others)) {
      await made('/v1/accounts', { clientId, name: clientId, type, currency: 'USD' });
    }
    const { id } = await made('/v1/accounts', { name: 'Old', type: 'asset', currency: 'JPY' });
    expect(await made(`/v1/accounts/${id}/close`)).toMatchObject({ clientId: null });
    expect((await api.post(`/v1/accounts/${id}/close`)).status).toBe(409);
    const reason = 'Closed the wrong one';
    expect(await made(`/v1/accounts/${id}/reopen`, { reason })).toMatchObject({ status: 'open' });
    expect((await api.post(`/v1/accounts/${id}/reopen`, { reason })).status).toBe(409);
    expect((await api.patch(`/v1/accounts/${id}`, { name: 'New', minBalance: '0' })).status).toBe(
      200,
    );
    expect((await api.patch(`/v1/accounts/${id}`, { minBalance: '1' })).status).toBe(422);
    await made(`/v1/accounts/${id}/freeze`, { side: 'credits', reason });
    await made(`/v1/accounts/${id}/unfreeze`, { reason });
    expect((await api.post(`/v1/accounts/${id}/unfreeze`, { reason })).status).toBe(409);
    await get('/v1/accounts/client:cash?atPosition=1');
    expect((await get('/v1/accounts?limit=1'))['nextCursor']).toEqual(expect.any(String));
  });

  it('says what is answered of currencies', async () => {
    const points = { code: 'POINTS', digits: 1, name: 'Loyalty points' };
    await made('/v1/currencies', points);
    expect((await api.post('/v1/currencies', points)).status).toBe(409);
    for (const code of ['POINTS', 'USD', 'HRK']) await get(`/v1/currencies/${code}`);
    await get('/v1/currencies/ZZZ', 404);
  });

  it('says what is answered of transactions', async () => {
    const { id } = await made('/v1/transactions', { clientId: 't', ...posting('100') });
    const saved = posting('1000', 'cash', 'savings');
    await made('/v1/transactions', { ...saved, effectiveDate: '2026-01-01' });
    await made(`/v1/transactions/${id}/reverse`, { description: 'Back' });
    expect((await api.post(`/v1/transactions/${id}/reverse`)).status).toBe(409);
    expect(await get('/v1/transactions/client:t')).toMatchObject({ reverses: null });
    await get('/v1/transactions?accountId=client:cash&limit=1');
    await get('/v1/accounts/client:cash/entries');
    for (const of of ['accounts/client:cash', 'transactions/client:t'])
      await get(`/v1/${of}/history`);
    await get('/v1/explain/balance?accountId=client:cash&asOf=2026-01-31');
    await get('/v1/reports/trial-balance?asOf=2026-01-31&atPosition=2');
    await get('/v1/reports/trial-balance?from=2026-01-01&asOf=2026-01-31');
    await get('/v1/reports/balance-sheet?asOf=2026-01-31&compareTo=2025-12-31');
    await get('/v1/reports/income-statement?from=2026-01-01');
    await get('/v1/reports/general-ledger?from=2026-01-01&limit=2');
    await get('/v1/balances?depth=1');
    await get('/v1/accounts/client:cash/balances?from=2026-01-01&to=2026-01-31&interval=week');
    await get('/v1/accounts/client:cash/statement?from=2026-01-01&limit=1');
    const wrong = { ...posting('1'), postings: posting('999999').postings };
    const keyed = { ...posting('1'), idempotencyKey: 'item' };
    const transactions = [keyed, keyed, wrong];
    const { results } = await made<{ results: object[] }>('/v1/transactions/batch', {
      mode: 'independent',
      transactions,
    });
    expect(results).toMatchObject([{ status: 201 }, { idempotencyHit: true }, { status: 201 }]);
    await api.post('/v1/transactions/batch', {
      mode: 'independent',
      transactions: [posting('0'), posting('1', 'cash', 'nobody')],
    });
    const atomic = { mode: 'atomic', transactions: [posting('1'), posting('0')] };
    expect((await api.post('/v1/transactions/batch', atomic)).status).toBe(422);
    const overdrawn = posting('99999999', 'equity', 'cash');
    expect((await api.post('/v1/transactions', overdrawn)).status).toBe(422);
  });

  it('says what is answered of holds', async () => {
    await made('/v1/holds', { ...posting('3'), clientId: 'held' });
    const part = { ...posting('1'), final: false };
    expect(await made('/v1/holds/client:held/capture', part)).toHaveProperty('holdId');
    await made('/v1/holds/client:held/void', { reason: 'No sale' });
    await get('/v1/holds?status=voided&accountId=client:cash');
    for (const of of ['', '/history']) await get(`/v1/holds/client:held${of}`);
    expect(await api.post('/v1/holds/client:held/void')).toMatchObject({
      ...{ status: 409, body: { code: 'hold_not_open' } },
    });
  });

  it('says what is answered of companies, orders and interest', async () => {
    const company = { name: 'Acme', contactEmail: 'acme@example.com', address: ADDRESS };
    await made('/v1/companies', { clientId: 'acme', ...company });
    await made('/v1/companies', { ...company, address: { ...ADDRESS, line2: null, region: 'NW' } });
    await api.put('/v1/companies/client:acme/address', { ...ADDRESS, city: 'Ulm' });
    await get('/v1/companies/client:acme');
    await get('/v1/companies/client:acme/history');
    const placed = await made('/v1/orders', { clientId: 'o', ...ORDER, limitAmount: '50' });
    const fee = { fee: '1', feeAccountId: 'client:fees' };
    const settlement = { executedAmount: '40', ...fee, settledAt: '2026-01-31T10:00:00Z' };
    await made('/v1/orders/client:o/settle', settlement);
    expect((await api.post('/v1/orders/client:o/settle', settlement)).status).toBe(409);
    expect((await api.post('/v1/orders/client:o/cancel')).status).toBe(409);
    const settled = await get<{ transactionId: string }>(`/v1/orders/${placed.id}`);
    expect(settled).toMatchObject({ status: 'settled' });
    const alone = `/v1/transactions/${settled.transactionId}/reverse`;
    expect((await api.post(alone, {})).status).toBe(409);
    const undo = '/v1/orders/client:o/reverse-settlement';
    expect(await made(undo, { reason: 'Too early' })).toMatchObject({ status: 'placed' });
    expect((await api.post(undo, { reason: 'Too early' })).status).toBe(409);
    const { id } = await made('/v1/orders', { ...ORDER, side: 'sell' });
    expect(await made(`/v1/orders/${id}/cancel`)).toMatchObject({ transactionId: null });
    await get('/v1/orders?companyId=client:acme');
    await get('/v1/orders/client:o/history');
    const accrual = {
      ...{ through: '2026-01-31', annualRate: '0.0425', dayCount: 'actual/365' },
      ...{ accountIds: ['client:savings'], expenseAccountId: 'client:fees' },
    };
    const deposit = posting('100', 'cash', 'savings');
    await made('/v1/interest-accruals', accrual);
    await made('/v1/transactions', { ...deposit, effectiveDate: '2026-01-02' });
    const next = { ...accrual, through: '2026-02-28' };
    const { adjustments, id: accrualId } = await made<{ adjustments: object[]; id: string }>(
      '/v1/interest-accruals',
      next,
    );
    expect(adjustments).toHaveLength(1);
    expect((await api.post('/v1/interest-accruals', accrual)).status).toBe(409);
    const skipping = { ...accrual, onRefusal: 'skip', compounding: 'posted' };
    const { skipped } = await made<{ skipped: object[] }>('/v1/interest-accruals', skipping);
    expect(skipped).toHaveLength(1);
    await made(`/v1/interest-accruals/${accrualId}/reverse`, { reason: 'A mistake' });
    expect(await get(`/v1/interest-accruals/${accrualId}`)).toMatchObject({
      reversal: { reason: 'A mistake' },
    });
    await get('/v1/interest-accruals?accountId=client:savings');
  });

  it('says what is answered of periods and groups', async () => {
    const path = '/v1/period-closes';
    await made(path, { through: '2026-01-31' });
    expect((await api.post(path, { through: '2026-01-31' })).status).toBe(409);
    const dated = { ...posting('1', 'fees'), effectiveDate: '2026-01-31' };
    expect((await api.post('/v1/transactions', dated)).status).toBe(422);
    const february = { through: '2026-02-28', closeTo: ['client:equity'] };
    await made('/v1/transactions', { ...dated, effectiveDate: '2026-02-01' });
    const { id } = await made(path, february);
    const { transactionIds } = await get<{ transactionIds: string[] }>(`${path}/${id}`);
    expect(await get(`/v1/transactions/${transactionIds[0]}`)).toMatchObject({ closing: true });
    const [first] = (await get<List<Named>>(path)).data;
    const reason = 'A late invoice';
    expect((await api.post(`${path}/${first!.id}/reopen`, { reason })).status).toBe(409);
    await made(`${path}/${id}/reopen`, { reason });
    expect((await api.post(`${path}/${id}/reopen`, { reason })).status).toBe(409);
    const late = await made('/v1/transactions', { ...dated, effectiveDate: '2026-02-28' });
    const { data } = await get<List<object>>(`${path}/${id}/late-entries`);
    expect(data).toMatchObject([{ transactionId: late.id }]);
    expect((await api.patch('/v1/accounts/client:fees', { group: 'costs:bank' })).status).toBe(200);
    expect((await get<List<Named>>('/v1/accounts?group=costs')).data).toHaveLength(1);
  });

  it('says what is answered of scheduled transactions', async () => {
    const path = '/v1/scheduled-transactions';
    const today = new Date().toISOString().slice(0, 10);
    const monthly = { clientId: 'rent', postOn: today, repeat: 'monthly', until: '2999-12-31' };
    const { id } = await made(path, { ...posting('1', 'broker'), ...monthly });
    await made(path, { ...posting('999999999', 'equity', 'cash'), postOn: today });
    await waitFor('the postings', async () => {
      const { data } = await get<List<{ runs: object[] }>>(path);
      return data.every((one) => one.runs.length > 0);
    });
    await made(`${path}/${id}/cancel`);
    await get(`${path}/client:rent`);
  });

  it('says what is answered of velocity limits', async () => {
    const of = { accountId: 'client:broker', direction: 'debit', currency: 'USD', per: 'month' };
    await made('/v1/limits', { ...of, clientId: 'monthly', amount: '500' });
    const { id } = await made('/v1/limits', { ...of, count: 5, per: 'rolling-24h' });
    await made('/v1/transactions', posting('1', 'broker', 'equity'));
    const over = posting('499.01', 'broker', 'equity');
    expect((await api.post('/v1/transactions', over)).status).toBe(422);
    expect((await api.patch('/v1/limits/client:monthly', { amount: '400' })).status).toBe(200);
    await made('/v1/limits/client:monthly/remove');
    await get(`/v1/limits/${id}`);
    await made(`/v1/limits/${id}/remove`);
  });

  it('says what is answered of webhooks and tasks', async () => {
    const path = '/v1/webhook-subscriptions';
    const url = `${receiver.origin}/hook`;
    const { id } = await made(path, { clientId: 'w', url, eventTypes: ['AccountOpened'] });
    await made(path, { url, eventTypes: '*' });
    await made(`${path}/${id}/rotate-secret`);
    await made('/v1/accounts', { name: 'New', type: 'asset', currency: 'USD' });
    const { taskId } = await waitFor('the delivery', async () => {
      const { data } = await get<List<Task>>(`${path}/${id}/deliveries`);
      return data.find((delivery) => delivery.status === 'done');
    });
    await made(`${path}/${id}/deliveries/${taskId}/redeliver`);
    await made(`${path}/${id}/disable`);
    await made(`${path}/${id}/enable`);
    expect((await api.post(`${path}/${id}/enable`)).status).toBe(409);
    await get(`${path}/${id}`);
    await get(`${path}/${id}/history`);
    const failed = await waitFor('the mail to fail', async () => {
      return (await get<List<Task>>('/v1/tasks?status=failed')).data[0];
    });
    await get(`/v1/tasks/${failed.taskId}`);
    await made(`/v1/tasks/${failed.taskId}/retry`);
    expect((await api.post(`/v1/tasks/${taskId}/retry`)).status).toBe(409);
    expect(await get(`/v1/events/${failed.position}`)).toMatchObject({ amended: null });
  });

  it('says what is answered of events, amendments and differences', async () => {
    const { position } = await made('/v1/transactions', { clientId: 'x', ...posting('7') });
    const { data } = await get<{ data: object }>(`/v1/events/${position}`);
    const amendment = { data: { ...data, description: 'Other' }, reason: 'A mistake' };
    const path = `/v1/admin/events/${position}/amend`;
    await made(path, amendment, { dryRun: true });
    await made(path, amendment);
    expect((await api.post(path, amendment)).status).toBe(422);
    expect(await get(`/v1/events/${position}`)).toMatchObject({ amended: { amendment: 1 } });
    await made(`/v1/admin/event-backups/${position}/1/restore`, { reason: 'It was none' });
    await get('/v1/events?limit=200');
    await get('/v1/admin/event-backups');
    const { data: all } = await get<List<object>>('/v1/diff?from=0&limit=200');
    expect(all).toContainEqual(expect.objectContaining({ before: null }));
    const { data: last } = await get<List<object>>(`/v1/diff?from=${position - 1}`);
    expect(last).toContainEqual(expect.objectContaining({ before: expect.anything() as unknown }));
    await get('/v1/diff/client:cash/events?from=0&limit=200');
  });

  it('says what is answered of verifications and replays', async () => {
    const { id } = await made(RUNS);
    expect(await ended(`${RUNS}/${id}`)).toMatchObject({ status: 'passed', doom: null });
    // What readiness says is kept for a second.
    await waitFor('readiness to tell of it', async () => {
      const { lastVerification } = await get<{ lastVerification: { id: string } | null }>(
        '/v1/health/ready',
      );
      return lastVerification?.id === id;
    });
    const replay = await made(REPLAYS);
    expect(await ended(`${REPLAYS}/${replay.id}`)).toMatchObject({ status: 'swapped' });
    expect((await api.post(`${REPLAYS}/${replay.id}/abort`)).status).toBe(409);
    await made(`${REPLAYS}/swap-back`);
    expect((await api.post(`${REPLAYS}/swap-back`)).status).toBe(409);
    await get(RUNS);
    await get(REPLAYS);
  });

  it('says what is answered of runs, however they end', async () => {
    const { service: own, begun } = await startWithPretendedWork({ replayAnswerMs: 10_000 });
    const client = await DocumentedClient.of(own);
    const newest = async (path: string) =>
      (await client.get<List<Named>>(`${path}?order=desc`)).body.data[0]!.id;
    const failed = client.post<Named>(RUNS);
    (await begun(1)).end({ ...FOUND, status: 'failed' });
    const { id } = (await failed).body;
    await waitFor('the end', async () => {
      return (await client.get<Named & { doom: unknown }>(`${RUNS}/${id}`)).body.doom !== null;
    });
    await client.post(RUNS, { toPosition: 0 });
    await begun(2);
    expect((await client.post(`${RUNS}/${await newest(RUNS)}/abort`)).status).toBe(200);
    const accepted = client.post(REPLAYS, { acceptDifferences: true, reason: 'by hand' });
    (await begun(3)).end({ ...FOUND, status: 'failed' });
    expect(await accepted).toMatchObject({ status: 202, body: { reason: 'by hand' } });
    const refused = client.post(REPLAYS);
    (await begun(4)).end({ status: 'differs', tables: FOUND.tables });
    expect(await refused).toMatchObject({ status: 409, body: { code: 'replay_differs' } });
    const aborted = client.post(REPLAYS);
    await begun(5);
    expect((await client.post(`${REPLAYS}/${await newest(REPLAYS)}/abort`)).status).toBe(200);
    expect((await aborted).status).toBe(202);
    for (const name of client.seen) api.seen.add(name);
  });

  it('says what is refused', async () => {
    const stranger = await DocumentedClient.of({ ...service, key: 'tb_nobody' });
    for (const { method, path, operation } of api.endpoints.filter((e) => e.operation.security)) {
      const at = somewhere(path);
      const send = method as 'get' | 'post' | 'put';
      expect((await stranger[send](at)).status).toBe(401);
      const unknown = send === 'get' ? await api.get(`${at}?x=1`) : await api[send](at, { x: 1 });
      expect(unknown).toMatchObject({ status: 400, body: { code: 'validation_failed' } });
      if (!path.includes('{')) continue;
      const nothing = await api[send](at + requiredQuery(operation));
      expect([400, 404]).toContain(nothing.status);
    }
    const account = { name: 'x', type: 'asset', currency: 'USD' };
    const headers = { 'content-type': 'text/plain' };
    expect((await api.post('/v1/accounts', account, { headers })).status).toBe(415);
    const reused = await api.post('/v1/accounts', account, { idempotencyKey: 'cash' });
    expect(reused.body).toMatchObject({ code: 'idempotency_key_reused' });
  });

  it('says which bodies may be left out', async () => {
    const commands = api.endpoints.filter(({ method }) => method !== 'get');
    for (const { method, path, operation } of commands) {
      const { status } = await fetch(`${service.url}${somewhere(path)}?dryRun=true`, {
        method: method.toUpperCase(),
        headers: { authorization: `Bearer ${service.key}` },
      });
      const isRequired = status === 400;
      expect([path, operation.requestBody?.required]).toEqual([path, isRequired]);
    }
  });

  it('does not say what an API key looks like', () => {
    const { bearer } = api.document.components.securitySchemes;
    expect(bearer).toEqual({ type: 'http', scheme: 'bearer', description: 'An API key' });
  });

  // Rests on the tests before it, which are to leave no endpoint out.
  it('was held against an answer of every endpoint', () => {
    const answered = [...api.seen].filter((name) => / 2\d\d$/.test(name));
    const names = answered.map((name) => name.replace(/ \d+$/, ''));
    const all = api.endpoints.map(({ method, path }) => `${method} ${path}`);
    expect(all.filter((name) => !names.includes(name))).toEqual([]);
  });
});
