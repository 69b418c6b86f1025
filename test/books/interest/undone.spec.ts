import { CloseAccount } from '../../../src/books/accounts/account.creators';
import { ReverseInterestAccrual } from '../../../src/books/interest/reverse.creator';
import { ReverseTransaction } from '../../../src/books/transactions/transaction.creators';
import { readTransaction } from '../../../src/books/transactions/transaction.queries';
import { currentAccount } from '../../harness/books';
import { startInterestBooks, type InterestBooks } from './interest-books';

async function transactionOf({ ledger }: InterestBooks, id: string) {
  const { value } = await ledger.open.stateReader.read((db) => readTransaction(db, id));
  return value!;
}

describe('an accrual that is taken back', () => {
  it('gives its days free, and later adjustments do not know it', async () => {
    const books = await startInterestBooks();
    const account = await books.openWith(['1000.00', '2026-01-01']);
    const wrong = await books.accrue({ through: '2026-01-31', annualRate: '0.425' });
    expect(wrong.accruals).toMatchObject([{ amount: '36.10' }]);
    const { id, reversal } = await books.reverse(wrong, 'A rate of 4.25 % was meant');
    expect(id).toBe(wrong.id);
    expect(await currentAccount(books.ledger, account.id)).toMatchObject({ balance: '1000.00' });
    expect(await books.accrualOf(id)).toEqual({ ...wrong, reversal });
    expect(reversal).toMatchObject({ reason: 'A rate of 4.25 % was meant' });

    const right = await books.accrue({ through: '2026-01-31', annualRate: '0.0425' });
    expect(right.accruals).toMatchObject([
      { from: '2026-01-01', amount: '3.61', carriedFraction: '-0.00041095890410958904' },
    ]);
    await books.post(account, '10000.00', '2026-01-02');
    const next = await books.accrue({ through: '2026-02-28', annualRate: '0.0425' });
    expect(next.adjustments).toMatchObject([{ from: '2026-01-02', amount: '34.93' }]);
  });

  it('is undone on its own day, as part of the accrual, once', async () => {
    const books = await startInterestBooks();
    await books.openWith(['1000.00', '2026-01-01']);
    const accrual = await books.accrue({ through: '2026-01-31' });
    const { reversal } = await books.reverse(accrual);
    const [transactionId] = reversal.transactionIds;
    expect(await transactionOf(books, transactionId!)).toMatchObject({
      ...{ reverses: accrual.transactionIds[0], effectiveDate: '2026-01-31' },
      ...{ source: { type: 'interest_accrual', id: accrual.id }, reversedBy: null },
      description: 'Reversal of Interest through 2026-01-31',
    });
    expect(await books.reverseRefusal(accrual)).toBe('already_reversed');
    const again = { transactionId: transactionId! };
    expect(await books.ledger.refuse(ReverseTransaction, again)).toMatchObject({
      code: 'has_source',
    });
    const unknown = { ...accrual, id: '00000000-0000-7000-8000-000000000000' };
    expect(await books.reverseRefusal(unknown)).toBe('not_found');
  });

  it('is the latest of all its accounts, or none', async () => {
    const books = await startInterestBooks();
    const [a, b] = [
      await books.openWith(['1000.00', '2026-01-01']),
      await books.openWith(['1000.00', '2026-01-01']),
    ];
    const both = await books.accrue({ through: '2026-01-31' });
    const later = await books.accrue({ through: '2026-02-28', accountIds: [b.id] });
    const input = { accrualId: both.id!, reason: 'A mistake' };
    const refusal = await books.ledger.refuse(ReverseInterestAccrual, input);
    expect(refusal).toMatchObject({ code: 'accrual_not_latest', details: { accountId: b.id } });
    expect(refusal.detail).toContain(later.id);
    await books.reverse(later);
    await books.reverse(both);
    for (const { id } of [a, b]) {
      expect(await currentAccount(books.ledger, id)).toMatchObject({ balance: '1000.00' });
    }
    const { accruals } = await books.accrue({ through: '2026-02-28' });
    expect(accruals.map((one) => [one.from, one.amount])).toEqual([
      ['2026-01-01', '5.90'],
      ['2026-01-01', '5.90'],
    ]);
  });

  it('takes what it adjusted back too, which the next one makes good again', async () => {
    const books = await startInterestBooks();
    const account = await books.openWith(['1000.00', '2026-01-01']);
    await books.accrue({ through: '2026-01-31' });
    await books.post(account, '500.00', '2026-01-22');
    const first = await books.accrue({ through: '2026-02-10' });
    expect(first.adjustments).toMatchObject([{ amount: '0.50' }]);
    await books.reverse(first);
    expect(await currentAccount(books.ledger, account.id)).toMatchObject({ balance: '1503.10' });
    await books.post(account, '100.00', '2026-01-31');
    const second = await books.accrue({ through: '2026-02-10' });
    expect(second.adjustments).toMatchObject([{ from: '2026-01-22', amount: '0.51' }]);
    expect(second.accruals).toMatchObject([{ principal: '1600.00', amount: '1.60' }]);
  });

  it('stays where its money cannot be taken back', async () => {
    const books = await startInterestBooks();
    const account = await books.open({ minBalance: '0' });
    await books.post(account, '1000.00', '2026-01-01');
    const accrual = await books.accrue({ through: '2026-01-31' });
    await books.post(account, '-1003.10', '2026-02-01');
    expect(await books.reverseRefusal(accrual)).toBe('insufficient_funds');
    await books.ledger.accept(CloseAccount, { accountId: account.id });
    expect(await books.reverseRefusal(accrual)).toBe('account_closed');
    expect(await books.accrualOf(accrual.id!)).toEqual(accrual);
  });

  it('in a dry run stays, and with a key is answered the same again', async () => {
    const books = await startInterestBooks();
    await books.openWith(['1000.00', '2026-01-01']);
    const accrual = await books.accrue({ through: '2026-01-31' });
    const input = { accrualId: accrual.id!, reason: 'A mistake' };
    await books.ledger.accept(ReverseInterestAccrual, input, { dryRun: true });
    expect(await books.accrualOf(accrual.id!)).toEqual(accrual);
    const options = { idempotencyKey: 'undo' };
    const answer = await books.ledger.accept(ReverseInterestAccrual, input, options);
    await books.ledger.restart();
    const again = await books.ledger.submit(ReverseInterestAccrual, input, options);
    expect(again).toMatchObject({ kind: 'accepted', isHit: true, answer });
  });
});
