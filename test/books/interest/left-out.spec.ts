import { CloseAccount } from '../../../src/books/accounts/account.creators';
import { CalculateInterestOwed } from '../../../src/books/interest/interest.creators';
import { listAccruals } from '../../../src/books/interest/accrual.queries';
import { currentAccount, openAccount } from '../../harness/books';
import { startInterestBooks } from './interest-books';

describe('an account that cannot be accrued', () => {
  it('stops the others, or is left out where the caller says so', async () => {
    const books = await startInterestBooks('EUR');
    const [a, b] = [await books.open({ minBalance: '0' }), await books.open()];
    for (const account of [a, b]) await books.post(account, '1000.00', '2026-01-01');
    const terms = { annualRate: '0.1' };
    await books.accrue({ through: '2026-01-31', ...terms });
    // Emptied as of the second of January: 8.22 of its 8.49 were too much.
    await books.post(a, '-1008.49', '2026-01-02');
    const february = { through: '2026-02-28', ...terms };
    const code = 'insufficient_funds';
    expect(await books.refusal(february)).toEqual({ code, accountId: a.id });
    const answer = await books.accrue({ ...february, onRefusal: 'skip' });
    expect(answer).toMatchObject({
      accruals: [{ accountId: b.id, amount: '7.67' }],
      adjustments: [],
      skipped: [{ accountId: a.id, code }],
    });
    expect(answer.skipped[0]!.detail).toContain('would fall to -8.22');
    expect(await currentAccount(books.ledger, a.id)).toMatchObject({ balance: '0.00' });
    expect(await books.accrualOf(answer.id!)).toEqual(answer);
    // Nothing of it is lost.
    await books.post(a, '100.00', '2026-03-01');
    const march = await books.accrue({ through: '2026-03-31', ...terms });
    expect(march.adjustments).toMatchObject([{ accountId: a.id, amount: '-8.22' }]);
    expect(march.accruals.map((one) => one.from)).toEqual(['2026-02-01', '2026-03-01']);
  });

  it('may be one of any kind, and is listed with the refusal of each', async () => {
    const books = await startInterestBooks();
    const { ledger, cash, expense } = books;
    const [done, good] = [
      await books.openWith(['1000.00', '2026-01-01']),
      await books.openWith(['1000.00', '2026-01-01']),
    ];
    await books.accrue({ through: '2026-01-31', accountIds: [done.id] });
    const closed = await books.open();
    await ledger.accept(CloseAccount, { accountId: closed.id });
    const full = await books.open({ maxBalance: '1000.00' });
    await books.post(full, '1000.00', '2026-01-01');
    const euros = await openAccount(ledger, { type: 'liability', currency: 'EUR' });
    const accountIds = ['client:nobody', closed.id, euros.id, cash.id, done.id, full.id, good.id];
    const input = { through: '2026-01-31', accountIds, onRefusal: 'skip' } as const;
    const options = { idempotencyKey: 'january' };
    const answer = await books.accrue(input, options);
    expect(answer.accruals).toMatchObject([{ accountId: good.id }]);
    expect(answer.skipped.map(({ accountId, code }) => [accountId, code])).toEqual([
      ['client:nobody', 'account_not_found'],
      [closed.id, 'account_closed'],
      [euros.id, 'account_not_eligible'],
      [cash.id, 'account_not_eligible'],
      [done.id, 'already_accrued'],
      [full.id, 'balance_limit_exceeded'],
    ]);
    await ledger.restart();
    const again = await ledger.submit(CalculateInterestOwed, books.input(input), options);
    expect(again).toMatchObject({ kind: 'accepted', isHit: true, answer });
    // The fault of the account that pays is nobody else's.
    await ledger.accept(CloseAccount, { accountId: euros.id });
    const poor = await openAccount(ledger, { type: 'expense', maxBalance: '0.01' });
    const paid = { ...input, through: '2026-02-28', expenseAccountId: poor.id };
    const refused = { code: 'balance_limit_exceeded', accountId: poor.id };
    expect(await books.refusal(paid)).toEqual(refused);
    expect(expense.id).not.toBe(poor.id);
  });

  it('is found by its accruals, with those that left it out', async () => {
    const books = await startInterestBooks();
    const [a, b] = [
      await books.openWith(['1000.00', '2026-01-01']),
      await books.openWith(['1000.00', '2026-01-01']),
    ];
    const ids: string[] = [];
    const runs: [through: string, accountIds: string[]][] = [
      ['2026-01-10', [a.id]],
      ['2026-01-10', [a.id, b.id]],
      ['2026-01-20', [b.id]],
      ['2026-01-31', [a.id, b.id]],
    ];
    for (const [through, accountIds] of runs) {
      const input = { through, accountIds, onRefusal: 'skip' } as const;
      ids.push((await books.accrue(input)).id!);
    }
    const list = async (account: string | undefined, after = 0, limit = 10) => {
      const { value } = await books.ledger.open.stateReader.read((db) =>
        listAccruals(db, account, after, limit),
      );
      return value;
    };
    const idsOf = async (account?: string) =>
      (await list(account)).rows.map(({ accrual }) => accrual.accrual_id);
    expect(await idsOf()).toEqual(ids);
    expect(await idsOf(a.id)).toEqual([ids[0], ids[1], ids[3]]);
    expect(await idsOf(b.id)).toEqual(ids.slice(1));
    const first = await list(b.id, 0, 2);
    expect([first.rows.length, first.hasMore]).toEqual([2, true]);
    const rest = await list(b.id, first.rows[1]!.accrual.accrual_no, 2);
    expect(rest.rows.map(({ accrual }) => accrual.accrual_id)).toEqual([ids[3]]);
    expect(rest.hasMore).toBe(false);
  });
});
