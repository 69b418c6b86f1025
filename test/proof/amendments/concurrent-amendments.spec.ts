import { amend } from '../../../src/proof/amendments/amend';
import { Registry } from '../../../src/engine/define/registry';
import { features } from '../../../src/features';
import { Rebuild } from '../../../src/proof/replay/rebuild';
import { query } from '../../harness/cluster';
import { startTestService } from '../../harness/service';
import { verifyOf } from '../replay/some-books';
import { AmendedBooks, startAmendedBooks } from './amended-books';

describe('requests to amend', () => {
  it('with the same key are carried out once', async () => {
    const books = await startAmendedBooks();
    const position = await books.transfer('100.00');
    const request = { data: await books.withAmount(position, '70.00'), reason: 'x' };
    const options = { idempotencyKey: 'k' };
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => books.amend(position, request, options)),
    );
    const hits = answers.filter(({ headers }) => headers.get('idempotency-hit') === 'true');
    expect(hits).toHaveLength(3);
    for (const { status, body, headers } of answers) {
      expect({ status, body }).toEqual({ status: 200, body: answers[0]!.body });
      expect(headers.get('ledger-position')).toBe(String(body.amendedAtPosition));
    }
    expect((await books.backups()).data).toHaveLength(1);
    const reused = await books.amend(position, { ...request, reason: 'y' }, options);
    expect(reused).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
    // A refusal is remembered too, a request that was not valid is not.
    const again = { idempotencyKey: 'again' };
    expect((await books.amend(position, { ...request, data: {} }, again)).status).toBe(400);
    const refused = await books.amend(position, request, again);
    expect(refused.body.code).toBe('nothing_to_amend');
    await books.restore(position, 1);
    const repeated = await books.amend(position, request, again);
    expect(repeated).toMatchObject({ status: 422, body: refused.body });
    expect(repeated.headers.get('idempotency-hit')).toBe('true');
    // Restoring has keys as well.
    await books.amend(position, request);
    const [first, second] = [
      await books.restore(position, 1, { idempotencyKey: 'r' }),
      await books.restore(position, 1, { idempotencyKey: 'r' }),
    ];
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('idempotency-hit')).toBe('true');
  });

  it('with the same key are refused once, also by several processes', async () => {
    const { urls } = (await startAmendedBooks()).service;
    const options = { urls, registry: new Registry(features) };
    const input = { position: 99, data: {}, reason: 'x' };
    const command = { name: 'AmendEvent', input, actor: 'tester', idempotencyKey: 'k' } as const;
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => amend(options, command)));
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ kind: 'refused', refusal: { code: 'not_found' } });
    }
    expect(outcomes.filter(({ isHit }) => !isHit)).toHaveLength(1);
  });

  it('leave the answers of before as they were, for those who repeat their requests', async () => {
    const books = await startAmendedBooks();
    const { api } = books.service;
    const request = {
      description: 'Once',
      postings: [
        { accountId: 'client:cash', direction: 'debit', amount: '9.00' },
        { accountId: 'client:equity', direction: 'credit', amount: '9.00' },
      ],
    };
    const options = { idempotencyKey: 'once' };
    const first = await api.post<{ position: number }>('/v1/transactions', request, options);
    const { position } = first.body;
    const data = await books.withAmount(position, '7.00');
    expect((await books.amend(position, { data, reason: 'x' })).status).toBe(200);
    expect(await books.balance()).toBe('7.00');
    const repeated = await api.post('/v1/transactions', request, options);
    expect(repeated.headers.get('idempotency-hit')).toBe('true');
    expect(repeated.body).toEqual(first.body);
  });

  it('are told to come again while another run is under way', async () => {
    const books = await startAmendedBooks();
    const position = await books.transfer('100.00');
    const request = { data: await books.withAmount(position, '70.00'), reason: 'x' };
    const { urls } = books.service;
    const other = await Rebuild.open({ urls, registry: new Registry(features) });
    const options = { idempotencyKey: 'k' };
    for (const dryRun of [false, true]) {
      const { status, body, headers } = await books.amend(position, request, {
        ...options,
        dryRun,
      });
      expect([status, body.code]).toEqual([503, 'ledger_unavailable']);
      expect(body.detail).toContain('under way');
      expect(headers.get('retry-after')).toBe('1');
    }
    other.close();
    expect((await books.amend(position, request, options)).status).toBe(200);
  });

  it('are made one at a time, and refused where many wait, whoever reads meanwhile', async () => {
    const books = await startAmendedBooks();
    const position = await books.transfer('100.00');
    const request = { data: await books.withAmount(position, '70.00'), reason: 'x' };
    const amendments = Array.from({ length: 60 }, () =>
      books.amend(position, request, { dryRun: true }),
    );
    let isOver = false;
    const answers = Promise.all(amendments).finally(() => (isOver = true));
    let most = 0;
    while (!isOver) {
      const [{ count }] = (await query<{ count: number }>(
        books.service.urls.log,
        `select count(*)::int as count from pg_stat_activity
         where datname = current_database() and application_name = 'truebook log_amender'`,
      )) as [{ count: number }];
      most = Math.max(most, count);
      expect(await books.balance()).toBe('100.00');
    }
    const statuses = (await answers).map(({ status }) => status);
    expect(most).toBeLessThanOrEqual(1);
    expect(new Set(statuses)).toEqual(new Set([200, 503]));
    expect(statuses.filter((status) => status === 503).length).toBeGreaterThan(50);
  });

  it('of several people change an event one after the other', async () => {
    const books = await startAmendedBooks();
    const position = await books.transfer('100.00');
    const requests = await Promise.all(
      ['1.00', '2.00', '3.00'].map((amount) => books.withAmount(position, amount)),
    );
    const answers = await Promise.all(
      requests.map((data) => books.amend(position, { data, reason: 'x' })),
    );
    const done = answers.filter(({ status }) => status === 200);
    expect(done.length).toBeGreaterThan(0);
    for (const { status } of answers) expect([200, 503]).toContain(status);
    expect((await books.backups()).data).toHaveLength(done.length);
    expect((await verifyOf(books.service)).status).toBe('passed');
  });

  it('lose no transaction of writers at full speed in two processes', async () => {
    const books = await startAmendedBooks({ limits: { lockTimeoutMs: 20_000 } });
    const { databases } = books.service;
    const second = new AmendedBooks(
      await startTestService({ databases, limits: { lockTimeoutMs: 20_000 } }),
    );
    const position = await books.transfer('100.00');
    let isAmending = true;
    let written = 0;
    const write = async (to: AmendedBooks) => {
      while (isAmending) {
        await to.transfer('1.00');
        written++;
      }
    };
    const writers = [
      ...Array.from({ length: 8 }, () => write(books)),
      write(second),
      write(second),
    ];
    const amounts = ['70.00', '50.00', '30.00'];
    for (const amount of amounts) {
      const data = await books.withAmount(position, amount);
      const { status } = await books.amend(position, { data, reason: amount });
      expect(status).toBe(200);
      // Everything from now on rests on the amended books, in both processes.
      for (const each of [books, second]) expect(Number(await each.balance())).toBeGreaterThan(0);
    }
    isAmending = false;
    await Promise.all(writers);
    expect(written).toBeGreaterThan(20);
    for (const each of [books, second]) {
      expect(Number(await each.balance())).toBe(written + 30);
    }
    const [{ events }] = (await query<{ events: number }>(
      databases.urls.log,
      `select count(*) as events from event_log where type = 'TransactionPosted'`,
    )) as [{ events: number }];
    expect(events).toBe(written + 1);
    expect(await verifyOf(books.service)).toMatchObject({ status: 'passed', log: [] });
  });
});
