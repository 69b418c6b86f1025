import { PlaceHold } from '../../../src/books/holds/hold.creators';
import { PostTransactionBatch } from '../../../src/books/transactions/batch.creator';
import {
  PostTransaction,
  ReverseTransaction,
} from '../../../src/books/transactions/transaction.creators';
import { transfer } from '../../harness/books';
import { command, NOTHING, runAhead } from '../../harness/run-ahead';
import { HOUR_MS, Wallet } from './wallet';

function payments({ id, shop }: Wallet, count: number, amount = '1') {
  return Array.from({ length: count }, () =>
    command(PostTransaction, transfer({ id }, { id: shop }, amount)),
  );
}

describe('what velocity limits need to know', () => {
  it('is there before postings, each of which has others leave a rolling window', async () => {
    const wallet = await Wallet.open();
    await wallet.limit('rolling-24h', { amount: '100' });
    for (let i = 0; i < 30; i++) await wallet.pay('1');
    await wallet.age(25 * HOUR_MS);
    // Each of these has nothing leave, of which the first has 30 leave.
    const run = await runAhead(wallet.ledger, payments(wallet, 5), ['TransactionPosted']);
    expect(run.outcomes.map((o) => o.kind)).toEqual(Array(5).fill('accepted'));
    expect(run.while).toEqual(NOTHING);
    // Accounts, closed days; what is used; what leaves: its head and two lists.
    expect(run.before).toEqual({ log: 0, state: 7 });
  });

  it('is there for many pages of what leaves, in part too', async () => {
    const wallet = await Wallet.open();
    await wallet.limit('rolling-24h', { count: 3_000 });
    const { ledger } = wallet;
    const pay = async (count: number) => {
      await Promise.all(Array.from({ length: count }, () => wallet.pay('1')));
    };
    await pay(1_100);
    await wallet.age(HOUR_MS);
    await pay(550);
    await wallet.age(12 * HOUR_MS);
    await pay(20);
    expect(await wallet.paid('1')).toEqual(['1671.00', 1_671]);
    await wallet.age(11.5 * HOUR_MS);
    expect(await wallet.paid('1')).toEqual(['572.00', 572]);
    const { leftThrough, left } = await wallet.used();
    expect([leftThrough! > 0, left]).toEqual([true, 100]);
    await wallet.age(HOUR_MS);
    await ledger.restart();
    expect(await wallet.paid('1')).toEqual(['23.00', 23]);
    await wallet.age(12 * HOUR_MS);
    expect(await wallet.paid('1')).toEqual(['3.00', 3]);
  });

  it('is what a batch before it left, which is not committed yet', async () => {
    const wallet = await Wallet.open();
    await wallet.limit('rolling-24h', { count: 50 });
    await wallet.pay('1');
    await wallet.age(25 * HOUR_MS);
    const outcomes = await Promise.all(Array.from({ length: 200 }, () => wallet.pay('1')));
    expect(outcomes.filter((o) => o.kind === 'accepted')).toHaveLength(50);
  });

  it('is summed up once where a new limit is passed at once, again and again', async () => {
    for (const per of ['month', 'rolling-24h'] as const) {
      const wallet = await Wallet.open();
      for (let i = 0; i < 5; i++) await wallet.pay('10');
      await wallet.limit(per, { amount: '20' });
      const run = await runAhead(wallet.ledger, payments(wallet, 20));
      expect(run.outcomes.map((o) => o.kind === 'refused' && o.refusal.details.used)).toEqual(
        Array(20).fill('50.00'),
      );
      // A rolling window asks which of them leaves first, once.
      const state = per === 'month' ? 0 : 3;
      expect(run.while).toEqual({ log: 0, state });
    }
  });

  it('is there for accounts of a group, in whatever command', async () => {
    const wallet = await Wallet.open('wallets:eu');
    const { ledger, id, shop } = wallet;
    const input = transfer({ id }, { id: shop }, '1');
    const { id: transactionId } = await ledger.accept(PostTransaction, input);
    await wallet.limit('day', { amount: '100' }, 'wallets');
    await wallet.limit('rolling-24h', { amount: '100' }, 'wallets:eu');
    const commands = [
      command(PostTransaction, input),
      command(PostTransactionBatch, { mode: 'atomic', transactions: [input] }),
      command(PlaceHold, input),
      command(ReverseTransaction, { transactionId }),
    ];
    await ledger.accept(PostTransaction, input);
    for (const one of commands) {
      const run = await runAhead(ledger, [one], ['TransactionPosted', 'HoldPlaced']);
      expect([run.outcomes[0]!.kind, run.while]).toEqual(['accepted', NOTHING]);
    }
  });
});
