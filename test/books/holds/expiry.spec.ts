import { ChangeAccount } from '../../../src/books/accounts/account-change.creators';
import { CloseAccount } from '../../../src/books/accounts/account.creators';
import { CaptureHold } from '../../../src/books/holds/capture.creator';
import { ExpireHolds, VoidHold } from '../../../src/books/holds/hold.creators';
import { PostTransactionBatch } from '../../../src/books/transactions/batch.creator';
import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import { features } from '../../../src/features';
import { cloneDatabases } from '../../harness/databases';
import { startTestService } from '../../harness/service';
import { waitFor } from '../../harness/waiting';
import { logOf, startHolds } from './hold-books';

const SECOND = 1_000;

describe('a hold whose time is over', () => {
  it('expires before what needs that it held, and with nothing else', async () => {
    const { clock, ledger, place, payment, head } = await startHolds();
    const held = await place('80', 2 * SECOND);
    clock.ms += 2 * SECOND - 1;
    const refusal = await ledger.refuse(PostTransaction, payment('20.01'));
    expect(refusal.code).toBe('insufficient_funds');
    clock.ms += 1;
    await ledger.accept(PostTransaction, payment('20'));
    const before = head();
    const dry = await ledger.accept(PostTransaction, payment('50'), { dryRun: true });
    expect([head(), dry.position]).toEqual([before, before + 2]);
    const key = { idempotencyKey: 'pay' };
    const paid = await ledger.accept(PostTransaction, payment('50'), key);
    expect(paid.postings[0]).toMatchObject({ balanceAfter: '30.00' });
    expect(await ledger.accept(PostTransaction, payment('50'), key)).toEqual(paid);
    const { expiresAt } = held;
    expect(await logOf(ledger, before)).toMatchObject([
      {
        ...{ type: 'HoldExpired', actor: 'tester', occurred_at: expiresAt },
        ...{ recorded_at: expiresAt, data: { holdId: held.id, expiresAt } },
      },
      { type: 'TransactionPosted' },
    ]);
  });

  it('expires for a hold and an item of a batch that need it too', async () => {
    const { clock, ledger, place, payment, head } = await startHolds();
    await place('80', SECOND);
    const later = await place('20', 2 * SECOND);
    clock.ms += SECOND;
    expect((await place('70', SECOND)).position).toBe(head());
    clock.ms += SECOND;
    const transactions = [payment('1'), payment('99'), payment('0.01')];
    const results = await ledger.accept(PostTransactionBatch, {
      mode: 'independent',
      transactions,
    });
    expect(results).toMatchObject([
      { transaction: { postings: [{ balanceAfter: '99.00' }, {}] } },
      { transaction: { postings: [{ balanceAfter: '0.00' }, {}] } },
      { refusal: { code: 'insufficient_funds' } },
    ]);
    const expired = (await logOf(ledger)).filter(({ type }) => type === 'HoldExpired');
    expect(expired).toHaveLength(3);
    expect(expired[1]!.data.holdId).toBe(later.id);
  });

  it('can be neither captured nor voided from that instant on', async () => {
    const { clock, ledger, place, head } = await startHolds();
    const { id: holdId } = await place('80', SECOND);
    const { id: lasting } = await place('10');
    clock.ms += SECOND - 1;
    await ledger.accept(CaptureHold, { holdId, final: false, postings: partOf('1') });
    clock.ms += 1;
    const before = head();
    for (const creator of [CaptureHold, VoidHold]) {
      const { code } = await ledger.refuse(creator as typeof VoidHold, { holdId });
      expect(code).toBe('hold_not_open');
    }
    expect(head()).toBe(before);
    await ledger.accept(CaptureHold, { holdId: lasting });
  });

  it('keeps no account open, and no limit away', async () => {
    const { clock, ledger, place } = await startHolds();
    await place('80', SECOND);
    const limits = { accountId: 'client:anna', minBalance: '100' };
    expect((await ledger.refuse(ChangeAccount, limits)).code).toBe('limit_not_met');
    const close = { accountId: 'client:shop' };
    expect((await ledger.refuse(CloseAccount, close)).code).toBe('account_not_empty');
    clock.ms += SECOND;
    expect(await ledger.accept(ChangeAccount, limits)).toMatchObject({ available: '100.00' });
    expect(await ledger.accept(CloseAccount, close)).toMatchObject({ status: 'closed' });
    const types = (await logOf(ledger)).slice(-3).map(({ type }) => type);
    expect(types).toEqual(['HoldExpired', 'AccountChanged', 'AccountClosed']);
  });

  it('expires with all others that are needed, however many, the earliest first', async () => {
    const { clock, ledger, place, payment } = await startHolds();
    const holds = await Promise.all(
      Array.from({ length: 1_200 }, (_, i) => place('0.05', SECOND + ((i * 7) % 600))),
    );
    await ledger.restart();
    clock.ms += 2 * SECOND;
    await ledger.accept(PostTransaction, payment('100'));
    const expired = (await logOf(ledger)).filter(({ type }) => type === 'HoldExpired');
    expect(expired).toHaveLength(holds.length);
    const instants = expired.map(({ data }) => data.expiresAt!);
    expect(instants).toEqual(instants.toSorted());
  });

  it('expires once, whoever says so and how often, and not before its time', async () => {
    const { clock, ledger, place, head } = await startHolds();
    const holdIds = [(await place('1', 2 * SECOND)).id, (await place('1', SECOND)).id];
    holdIds.push((await place('1')).id, '00000000-0000-7000-8000-000000000000');
    const expire = async () => (await ledger.accept(ExpireHolds, { holdIds })).expired;
    clock.ms += SECOND - 1;
    expect(await expire()).toBe(0);
    clock.ms += 1;
    const many = await Promise.all(Array.from({ length: 5 }, expire));
    expect(many.toSorted()).toEqual([0, 0, 0, 0, 1]);
    clock.ms -= 5 * SECOND;
    expect(await expire()).toBe(0);
    clock.ms += 6 * SECOND;
    expect(await expire()).toBe(1);
    await ledger.restart();
    const before = head();
    expect(await expire()).toBe(0);
    expect(head()).toBe(before);
  });
});

function partOf(amount: string) {
  return [
    { accountId: 'client:anna', direction: 'debit' as const, amount },
    { accountId: 'client:shop', direction: 'credit' as const, amount },
  ];
}

describe('the service', () => {
  it('lets holds expire by itself after an outage, once among several', async () => {
    const databases = await cloneDatabases();
    // Half a minute ago, as far as the services are concerned.
    const { ledger, clock, place } = await startHolds({ databases, behindMs: 40 * SECOND });
    const count = 450;
    const inOrder = Array.from({ length: count }, (_, i) => place('0.01', 1 + ((i * 7) % 500)));
    await Promise.all(inOrder);
    const { id: lasting } = await place('1', 3_600 * SECOND);
    clock.ms += SECOND;
    await ledger.close();
    const runs = { databases, features, runs: true };
    const services = [await startTestService(runs), await startTestService(runs)];
    const anna = async () => (await services[1]!.api.get('/v1/accounts/client:anna')).body;
    await waitFor('holds to expire', async () => (await anna())['available'] === '99.00');
    const expired = (await logOf(ledger)).filter(({ type }) => type === 'HoldExpired');
    expect(expired).toHaveLength(count);
    expect(new Set(expired.map(({ data }) => data.holdId)).size).toBe(count);
    expect(new Set(expired.map(({ actor }) => actor))).toEqual(new Set(['system:holds']));
    const instants = expired.map(({ occurred_at }) => occurred_at);
    expect(instants).toEqual(instants.toSorted());
    const held = await services[0]!.api.get<{ data: { id: string }[] }>('/v1/holds?status=held');
    expect(held.body.data.map(({ id }) => id)).toEqual([lasting]);
  });
});
