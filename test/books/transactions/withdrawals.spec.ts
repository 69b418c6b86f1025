import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import { currentAccount, openAccount, transfer } from '../../harness/books';
import { startTestLedger } from '../../harness/ledger';

describe('withdrawals in parallel', () => {
  it('accepts exactly as many as the balance covers', async () => {
    const ledger = await startTestLedger();
    const cash = await openAccount(ledger);
    const customer = await openAccount(ledger, { type: 'liability', minBalance: '0' });
    await ledger.accept(PostTransaction, transfer(cash, customer, '100.00'));

    const outcomes = await Promise.all(
      Array.from({ length: 50 }, () =>
        ledger.submit(PostTransaction, transfer(customer, cash, '10.00')),
      ),
    );

    const accepted = outcomes.filter((o) => o.kind === 'accepted');
    const codes = outcomes.flatMap((o) => (o.kind === 'refused' ? [o.refusal.code] : []));
    expect(accepted).toHaveLength(10);
    expect(new Set(codes)).toEqual(new Set(['insufficient_funds']));
    expect(await currentAccount(ledger, customer.id)).toMatchObject({ balance: '0.00' });
    expect(await currentAccount(ledger, cash.id)).toMatchObject({ balance: '0.00', version: 12 });
  });
});
