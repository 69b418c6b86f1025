import { OpenAccount } from '../../../src/books/accounts/account.creators';
import { CalculateInterestOwed } from '../../../src/books/interest/interest.creators';
import { CreateLimit } from '../../../src/books/limits/limit.creators';
import { PostTransactionBatch } from '../../../src/books/transactions/batch.creator';
import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import { rounds } from '../../harness/rounds';
import { seededRandom } from '../../harness/seed';
import { startTestService } from '../../harness/service';
import { transfer } from '../../harness/books';
import { verifyOf } from '../../proof/replay/some-books';
import { HOUR_MS, Wallet } from './wallet';

const EXCEEDED = 'velocity_limit_exceeded';

describe('a velocity limit in the databases', () => {
  it('counts what was posted in its window before it was made, and no more', async () => {
    for (const per of ['day', 'rolling-24h'] as const) {
      const wallet = await Wallet.open();
      await wallet.pay('1000');
      await wallet.age(48 * HOUR_MS);
      for (const amount of ['20', '30']) await wallet.pay(amount);
      await wallet.limit(per, { amount: '100' });
      expect(await wallet.paid('50.01')).toEqual([EXCEEDED, '50.00']);
      expect(await wallet.paid('50')).toEqual(['100.00', 3]);
      expect(await wallet.paid('0.01')).toEqual([EXCEEDED, '100.00']);
    }
  });

  it('that rolls has each payment leave after 24 hours, in turn', async () => {
    const wallet = await Wallet.open();
    await wallet.limit('rolling-24h', { amount: '100', count: 4 });
    const payments: { amount: number; hours: number }[] = [];
    let hours = 0;
    const random = seededRandom();
    const outcomes = new Set<string>();
    for (let round = 0; round < rounds(12, 24); round++) {
      const step = random.below(9);
      if (step > 0) await wallet.age(step * HOUR_MS);
      hours += step;
      const amount = 5 + random.below(40);
      // An hour is a whole one, so that nothing is at the boundary by the length of the test.
      const inWindow = payments.filter((p) => hours - p.hours < 24);
      const used = inWindow.reduce((sum, p) => sum + p.amount, 0);
      const [first] = await wallet.paid(String(amount));
      const isOver = used + amount > 100 || inWindow.length >= 4;
      outcomes.add(isOver ? 'over' : 'under');
      if (isOver) expect(first).toBe(EXCEEDED);
      else {
        payments.push({ amount, hours });
        expect(first).toBe(`${used + amount}.00`);
        const { resetsAt } = await wallet.used();
        const oldest = Math.min(...inWindow.map((p) => p.hours), hours);
        const inHours = (Date.parse(resetsAt) - Date.now()) / HOUR_MS;
        expect(Math.round(inHours)).toBe(24 - (hours - oldest));
      }
    }
    expect(outcomes.size).toBe(2);
  });

  it('lets interest pass, and does not count it', async () => {
    const wallet = await Wallet.open();
    const { ledger, id, shop } = wallet;
    const deposit = transfer({ id: shop }, { id }, '1000', { effectiveDate: '2024-01-01' });
    await ledger.accept(PostTransaction, deposit);
    const of = { accountId: id, direction: 'credit', currency: 'EUR', per: 'day' } as const;
    await ledger.accept(CreateLimit, { ...of, amount: '1050' });
    const expense = { name: 'Interest', type: 'expense', currency: 'EUR' } as const;
    const { id: expenseAccountId } = await ledger.accept(OpenAccount, expense);
    const { accruals } = await ledger.accept(CalculateInterestOwed, {
      ...{ through: '2024-12-31', annualRate: '0.3', dayCount: '30/360' },
      ...{ accountIds: [id], expenseAccountId },
    });
    expect(accruals).toMatchObject([{ amount: '300.00' }]);
    const credit = (amount: string) =>
      ledger.submit(PostTransaction, transfer({ id: shop }, { id }, amount));
    expect(await credit('50.01')).toMatchObject({ refusal: { details: { used: '1000.00' } } });
    expect(await credit('50')).toMatchObject({ kind: 'accepted' });
  });

  it('is never passed by many at once, nor by the items of a batch', async () => {
    const wallet = await Wallet.open();
    const { ledger, id, shop } = wallet;
    await wallet.limit('day', { amount: '100' });
    const outcomes = await Promise.all(Array.from({ length: 60 }, () => wallet.pay('3')));
    expect(outcomes.filter((o) => o.kind === 'accepted')).toHaveLength(33);
    const item = transfer({ id }, { id: shop }, '0.40');
    const transactions = [item, item, item, item];
    const independent = { mode: 'independent' as const, transactions };
    const results = await ledger.accept(PostTransactionBatch, independent);
    expect(results.map((r) => ('refusal' in r ? r.refusal.code : 'posted'))).toEqual([
      ...['posted', 'posted', EXCEEDED, EXCEEDED],
    ]);
    const refusal = await ledger.refuse(PostTransactionBatch, { mode: 'atomic', transactions });
    expect(refusal).toMatchObject({ code: EXCEEDED, details: { index: 0, used: '99.80' } });
    await ledger.restart();
    expect(await wallet.paid('0.21')).toEqual([EXCEEDED, '99.80']);
    expect(await wallet.paid('0.20')).toEqual(['100.00', 36]);
    expect(await verifyOf(ledger.databases)).toMatchObject({ status: 'passed' });
  });
});

describe('velocity limits over HTTP', () => {
  it('are made, refused by, changed, listed and removed', async () => {
    const { api } = await startTestService();
    for (const clientId of ['wallet', 'shop']) {
      const account = { clientId, name: clientId, type: 'asset', currency: 'EUR' };
      await api.post('/v1/accounts', account);
    }
    const of = { accountId: 'client:wallet', direction: 'credit', currency: 'EUR', per: 'day' };
    const made = await api.post<Record<string, unknown>>('/v1/limits', {
      ...{ ...of, clientId: 'daily', amount: '10.5' },
    });
    expect(made).toMatchObject({
      status: 201,
      body: { clientId: 'daily', amount: '10.50', count: null, group: null, version: 1 },
    });
    const pay = (amount: string, query = '') =>
      api.post<Record<string, unknown>>(`/v1/transactions${query}`, {
        description: 'A purchase',
        postings: [
          { accountId: 'client:shop', direction: 'debit', amount },
          { accountId: 'client:wallet', direction: 'credit', amount },
        ],
      });
    expect((await pay('10', '?dryRun=true')).status).toBe(201);
    expect((await pay('10')).status).toBe(201);
    const { status, body } = await pay('1');
    const { id: limitId, accountId } = made.body;
    expect(status).toBe(422);
    expect(body).toMatchObject({ code: EXCEEDED, limitId, accountId, used: '10.00' });
    const tomorrow = new Date(Date.now() + 24 * HOUR_MS).toISOString().slice(0, 10);
    expect(body['resetsAt']).toBe(`${tomorrow}T00:00:00.000Z`);

    const path = '/v1/limits/client:daily';
    const { body: read, headers } = await api.get(path);
    expect([read, headers.get('etag')]).toEqual([made.body, '"1"']);
    const changed = await api.patch(path, { amount: null, count: 2 });
    expect(changed).toMatchObject({ status: 200, body: { amount: null, count: 2, version: 2 } });
    expect((await pay('1000')).status).toBe(201);
    expect((await pay('1')).body).toMatchObject({ code: EXCEEDED, used: '2' });
    const listed = await api.get<{ data: object[] }>('/v1/limits?accountId=client:wallet');
    expect(listed.body.data).toEqual([changed.body]);
    expect((await api.get<{ data: [] }>('/v1/limits?accountId=client:shop')).body.data).toEqual([]);
    expect(await api.post(`${path}/remove`)).toMatchObject({ status: 200, body: { version: 3 } });
    expect(await api.post(`${path}/remove`)).toMatchObject({ body: { code: 'limit_removed' } });
    expect((await pay('1')).status).toBe(201);
    for (const [wrong, pointer] of [
      [{ ...of }, '/amount'],
      [{ ...of, count: -1 }, '/count'],
      [{ ...of, count: 1, per: 'year' }, '/per'],
      [{ ...of, count: 1, accountId: undefined }, '/accountId'],
    ] as const) {
      const refused = await api.post('/v1/limits', wrong);
      expect(refused).toMatchObject({ status: 400, body: { errors: [{ pointer }] } });
    }
  });
});
