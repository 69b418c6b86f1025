import { once } from 'node:events';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { parse } from 'csv-parse/sync';
import type { StatementDto } from '../../../src/books/reports/statement.dto';
import { StateReader } from '../../../src/engine/session/state-reader';
import { cloneDatabases } from '../../harness/databases';
import { rounds } from '../../harness/rounds';
import { seededRandom, type Random } from '../../harness/seed';
import { startTestService, type TestService } from '../../harness/service';
import { waitFor } from '../../harness/waiting';
import { DatedModel, FIRST, LAST } from './dated-model';

describe('statements and balances by date (on real databases)', () => {
  let service: TestService;
  let random: Random;
  let model: DatedModel;

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    random = seededRandom();
    model = new DatedModel(service, random);
    await model.openAccounts(10);
    for (let i = 0; i < rounds(12, 20); i++) {
      await model.post(1 + random.below(60), random.pick([0, 0.1, 0.1, 0.5, 1]));
      if (random.chance(0.5)) await model.change();
    }
  }, 120_000);

  const get = <T>(path: string) => service.api.get<T & Record<string, unknown>>(path);

  /** All pages of a statement, while others post. */
  async function statement(id: string, query: string, limit: number) {
    const entries: StatementDto['entries'] = [];
    let [cursor, first] = ['', undefined as StatementDto | undefined];
    for (;;) {
      const asked = cursor === '' ? `?${query}&limit=${limit}` : `?cursor=${cursor}&limit=${limit}`;
      const { status, body } = await get<StatementDto>(`/v1/accounts/${id}/statement${asked}`);
      expect([status, body]).toEqual([200, expect.anything()]);
      first ??= body;
      const { entries: page, nextCursor, ...rest } = body;
      expect(rest).toEqual({ ...first, entries: undefined, nextCursor: undefined });
      entries.push(...page);
      if (nextCursor === null) return { ...first, entries };
      if (random.chance(0.3)) await model.post(2, 0.5);
      cursor = nextCursor;
    }
  }

  it('are those of an independent model, at any dates and positions', async () => {
    for (let i = 0; i < rounds(60, 90); i++) {
      const account = random.pick(model.accounts);
      const known = Math.max(account.openedAt, model.anyPosition());
      // Without one, what is posted between two pages is on none of them.
      const at = random.chance(0.6) ? known : undefined;
      const [from, to] = [model.anyDay(), model.anyDay()].sort() as [string, string];
      const [hasFrom, hasTo] = [random.chance(0.8), random.chance(0.8)];
      const query = [
        ...(at === undefined ? [] : [`atPosition=${at}`]),
        ...(hasFrom ? [`from=${from}`] : []),
        ...(hasTo ? [`to=${to}`] : []),
      ].join('&');
      const [first, last] = [hasFrom ? from : FIRST, hasTo ? to : LAST];
      const found = await statement(account.id, query, 1 + random.below(30));
      const { position } = found;
      if (at !== undefined) expect(position).toBe(at);
      expect(found).toMatchObject({
        ...model.statementOf(account, first, last, position),
        ...{ from: hasFrom ? from : null, to: hasTo ? to : null },
      });
    }
  });

  it('are the same as CSV, whose texts no spreadsheet runs', async () => {
    const account = model.accounts.reduce((a, b) => (a.entries.length > b.entries.length ? a : b));
    const path = `/v1/accounts/${account.id}/statement`;
    const { entries, position } = await statement(account.id, '', 200);
    const headers = { authorization: `Bearer ${service.key}` };
    for (const [query, accept] of [
      ['&format=csv', '*/*'],
      ['', 'text/csv, application/json;q=0.5'],
    ] as const) {
      // As it was known then: others posted meanwhile.
      const answer = await fetch(`${service.url}${path}?atPosition=${position}${query}`, {
        headers: { ...headers, accept },
      });
      expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8');
      const text = await answer.text();
      expect(text.split('\r\n')[0]).toMatch(/^effectiveDate,recordedAt,position,/);
      const rows = parse<Record<string, string>>(text, { columns: true });
      expect(rows).toHaveLength(entries.length);
      for (const [i, entry] of entries.entries()) {
        const isRun = /^[=+\-@\t\r]/.test(entry.description);
        expect(rows[i]).toMatchObject({
          ...{ effectiveDate: entry.effectiveDate, amount: entry.amount, balance: entry.balance },
          description: isRun ? `'${entry.description}` : entry.description,
          counterAccounts: entry.counterAccounts.map(({ name }) => name).join('; '),
          metadata: JSON.stringify(entry.metadata),
        });
      }
    }
  });
});

describe('the statement of an account with a late entry', () => {
  it('closes with what the books say of its days', async () => {
    const { api } = await startTestService();
    for (const [clientId, type] of [
      ['bank', 'asset'],
      ['other', 'equity'],
    ]) {
      await api.post('/v1/accounts', { clientId, name: clientId, type, currency: 'USD' });
    }
    for (const [effectiveDate, amount, side] of [
      ['2025-03-01', '100.00', 'debit'],
      ['2025-03-02', '90.00', 'credit'],
      ['2025-03-10', '200.00', 'debit'],
      ['2025-03-02', '50.00', 'credit'],
    ]) {
      const other = side === 'debit' ? 'credit' : 'debit';
      const { status } = await api.post('/v1/transactions', {
        ...{ description: 'x', effectiveDate },
        postings: [
          { accountId: 'client:bank', direction: side, amount },
          { accountId: 'client:other', direction: other, amount },
        ],
      });
      expect(status).toBe(201);
    }
    const path = '/v1/accounts/client:bank';
    const { body } = await api.get<StatementDto>(`${path}/statement?to=2025-03-05`);
    const found = body.entries.map(({ effectiveDate, balance }) => [effectiveDate, balance]);
    expect(found).toEqual([
      ['2025-03-01', '100.00'],
      ['2025-03-02', '10.00'],
      ['2025-03-02', '-40.00'],
    ]);
    expect(body).toMatchObject({ opening: '0.00', closing: '-40.00' });
    const asOf = await api.get(`${path}?asOf=2025-03-05`);
    const dated = { balance: '-40.00', available: '-40.00', debits: '100.00', credits: '140.00' };
    expect(asOf.body).toMatchObject(dated);
    const { position } = body;
    const before = `${path}/statement?from=2025-03-02&to=2025-03-02&atPosition=${position - 1}`;
    expect((await api.get(before)).body).toMatchObject({ opening: '100.00', closing: '10.00' });
    // In the order of recording, as ever.
    const { body: entries } = await api.get<{ data: { balanceAfter: string }[] }>(
      `${path}/entries?to=2025-03-05`,
    );
    expect(entries.data.at(-1)!.balanceAfter).toBe('160.00');
  });
});

describe('a long statement as CSV', () => {
  const TRANSACTIONS = rounds(25, 200);
  const POSTINGS = 998;

  /** How many reads there were, once there are no more of them. */
  async function settled(reads: { mock: { calls: unknown[] } }): Promise<number> {
    let [before, since] = [-1, 0];
    await waitFor('the reading to stop', () => {
      const now = reads.mock.calls.length;
      if (now !== before) [before, since] = [now, performance.now()];
      return now > 0 && performance.now() - since > 1_000;
    });
    return before;
  }

  it('is read as its reader takes it, and no faster', async () => {
    const started = await startTestService();
    const { api, url } = started;
    for (const clientId of ['busy', 'other']) {
      const account = { clientId, name: clientId, type: 'equity', currency: 'USD' };
      await api.post('/v1/accounts', account);
    }
    const credits = Array.from({ length: POSTINGS }, () => {
      return { accountId: 'client:busy', direction: 'credit', amount: '0.01' };
    });
    const debit = { accountId: 'client:other', direction: 'debit', amount: '9.98' };
    for (let i = 0; i < TRANSACTIONS; i++) {
      const body = { description: 'x'.repeat(500), postings: [...credits, debit] };
      expect((await api.post('/v1/transactions', body)).status).toBe(201);
    }
    const reads = jest.spyOn(started.get(StateReader), 'read');
    const headers = { ...api.authorization, accept: 'text/csv' };
    const request = httpGet(`${url}/v1/accounts/client:busy/statement`, { headers });
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(200);
    const waiting = await settled(reads);
    // What is posted meanwhile is not on it.
    const late = { description: 'late', postings: [{ ...credits[0]!, amount: '9.98' }, debit] };
    expect((await api.post('/v1/transactions', late)).status).toBe(201);
    let [lines, last] = [0, ''];
    for await (const line of createInterface({ input: answer })) {
      lines++;
      last = line;
    }
    expect(lines).toBe(1 + TRANSACTIONS * POSTINGS);
    expect(last).toContain(`,0.01,${((TRANSACTIONS * POSTINGS) / 100).toFixed(2)},other,`);
    const pages = Math.ceil((TRANSACTIONS * POSTINGS) / 500);
    // The system's own buffers have some megabytes; all of it has twenty and more.
    expect(waiting).toBeLessThan(pages * 0.6);
    expect(reads.mock.calls.length).toBeGreaterThanOrEqual(pages);
  });
});
