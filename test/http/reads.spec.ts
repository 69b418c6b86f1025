import { query, testCluster, withClient } from '../harness/cluster';
import { startTestService, type TestService } from '../harness/service';
import { gate, waitFor } from '../harness/waiting';

const ACCOUNT = { name: 'x', type: 'asset', currency: 'USD' } as const;
const EXPENSIVE = [
  '/v1/reports/trial-balance',
  '/v1/reports/balance-sheet',
  '/v1/reports/income-statement',
  '/v1/reports/general-ledger?format=csv',
  '/v1/accounts/client:cash/statement?format=csv',
  '/v1/balances',
  '/v1/accounts/client:cash/balances?from=2026-01-01&to=2026-01-31',
  '/v1/accounts?type=asset',
  '/v1/accounts/client:cash/entries?from=2026-01-01',
  '/v1/transactions?from=2026-01-01',
  '/v1/orders?status=placed',
  '/v1/diff?from=0',
  '/v1/diff/client:cash/events?from=0',
  '/v1/tasks?status=done',
];
const CHEAP = [
  '/v1/accounts',
  '/v1/accounts/client:cash',
  '/v1/accounts/client:cash/entries',
  '/v1/accounts/client:cash?asOf=2026-01-01',
  '/v1/accounts/client:cash/statement?from=2026-01-01',
  '/v1/reports/general-ledger?from=2026-01-01',
  '/v1/transactions?accountId=client:cash',
  '/v1/orders',
  '/v1/currencies',
  '/v1/currencies/USD',
  '/v1/events',
  '/v1/events?type=AccountOpened&actor=admin&order=desc',
  '/v1/events?accountId=client:cash',
  '/v1/events/1',
  '/v1/tasks',
  '/v1/webhook-subscriptions',
];
/** Nothing is read for somebody who has left for so long. */
const LEFT_MS = 1_000;

/** Asks as a client that may hang up. */
function ask({ url, key }: TestService, path: string, signal?: AbortSignal): Promise<Response> {
  const headers = { authorization: `Bearer ${key}` };
  return fetch(`${url}${path}`, { headers, ...(signal && { signal }) });
}

describe('the reads of the API', () => {
  it('that are expensive are refused where too many wait, the cheap ones answered', async () => {
    const env = { EXPENSIVE_READS: '1', READ_QUEUE_LIMIT: '0' };
    const service = await startTestService({ env });
    await service.api.post('/v1/accounts', { ...ACCOUNT, clientId: 'cash' });
    const released = gate();
    const reading = service.open.stateReader.read(() => released.opened, { cost: 'expensive' });
    for (const path of EXPENSIVE) {
      const answer = await ask(service, path);
      expect([path, answer.status, answer.headers.get('retry-after')]).toEqual([path, 503, '1']);
      expect(await answer.json()).toMatchObject({ code: 'ledger_unavailable' });
    }
    for (const path of CHEAP)
      expect([path, (await ask(service, path)).status]).toEqual([path, 200]);
    released.open();
    await reading;
    for (const path of EXPENSIVE) {
      expect([path, (await ask(service, path)).status]).toEqual([path, 200]);
    }
  });

  it('end on the server when their callers hang up, and wait no more', async () => {
    const service = await startTestService({ env: { EXPENSIVE_READS: '2' } });
    await service.api.post('/v1/accounts', ACCOUNT);
    const { state } = service.databases.urls;
    const running = async () => {
      const rows = await query(
        testCluster().superUrl,
        `select from pg_stat_activity
         where datname = $1 and wait_event_type = 'Lock' and query like '%accounts%'`,
        [new URL(state).pathname.slice(1)],
      );
      return rows.length;
    };
    await withClient(state, async (client) => {
      await client.query('begin; lock table accounts in access exclusive mode');
      const leaving = new AbortController();
      const callers = Array.from({ length: 30 }, () =>
        ask(service, '/v1/reports/trial-balance', leaving.signal).catch(() => undefined),
      );
      await waitFor('two to be read', async () => (await running()) === 2);
      leaving.abort();
      const began = performance.now();
      await waitFor('nothing to be read', async () => (await running()) === 0);
      expect(performance.now() - began).toBeLessThan(LEFT_MS);
      await Promise.all(callers);
      // All have left the queue: the next one is read at once.
      const next = ask(service, '/v1/reports/trial-balance');
      await waitFor('the next one to be read', async () => (await running()) === 1, LEFT_MS);
      await client.query('rollback');
      expect((await next).status).toBe(200);
    });
    const complaints = service.logged.filter((line) => /"level":(4|5)0/.test(line));
    expect(complaints).toEqual([]);
  });

  it('of accounts, asked for at once, answer each with its own as it was left', async () => {
    const service = await startTestService({});
    const names = Array.from({ length: 40 }, (_, i) => `account-${i}`);
    for (const name of names)
      await service.api.post('/v1/accounts', { ...ACCOUNT, name, clientId: name });
    const [from, to] = [names[0]!, names[1]!].map((name) => `client:${name}`);
    const readAll = async (round: number) => {
      const rest = names.slice(2).map((name) => `client:${name}`);
      const asked = [from!, to!, 'client:nobody', ...rest].map(async (id) => {
        const answer = await ask(service, `/v1/accounts/${id}`);
        return [id, answer.headers.get('ledger-position'), await answer.json()] as const;
      });
      for (const [id, position, body] of await Promise.all(asked)) {
        const { name, balance, code } = body as Record<string, string>;
        if (id === 'client:nobody') expect(code).toBe('not_found');
        else expect(`client:${name}`).toBe(id);
        if (id === to) expect(Number(balance)).toBeGreaterThanOrEqual(round);
        if (code === undefined) expect(Number(position)).toBeGreaterThanOrEqual(40 + round);
      }
    };
    const posted = (round: number) =>
      service.api.post('/v1/transactions', {
        description: `round ${round}`,
        postings: [
          { accountId: from, direction: 'credit', amount: '1.00' },
          { accountId: to, direction: 'debit', amount: '1.00' },
        ],
      });
    for (let round = 1; round <= 20; round++) {
      await posted(round);
      // The next one is posted while these are read.
      await Promise.all([readAll(round), ...(round % 2 === 0 ? [posted(0)] : [])]);
    }
  });
});
