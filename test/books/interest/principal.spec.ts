import { CalculateInterestOwed } from '../../../src/books/interest/interest.creators';
import { currentAccount, openAccount } from '../../harness/books';
import { startInterestBooks } from './interest-books';

describe('money that leaves an account', () => {
  it('pays out posted interest first, and lowers the principal only beyond that', async () => {
    const books = await startInterestBooks();
    const account = await books.openWith(['1000.00', '2023-01-01']);
    const accrue = async (through: string) => {
      const input = { through, annualRate: '0.1', accountIds: [account.id] };
      const { accruals } = await books.accrue(input);
      return [accruals[0]!.principal, accruals[0]!.amount];
    };
    expect(await accrue('2023-12-31')).toEqual(['1000.00', '100.00']);
    await books.post(account, '-100.00', '2024-01-01');
    expect(await accrue('2024-12-31')).toEqual(['1000.00', '100.27']);
  });

  it('all of it, leaves nothing behind that later money would have to fill', async () => {
    const books = await startInterestBooks();
    const account = await books.openWith(['1000.00', '2023-01-01']);
    const terms = { annualRate: '0.1', accountIds: [account.id] };
    await books.accrue({ through: '2023-12-31', ...terms });
    await books.post(account, '-1100.00', '2024-01-01');
    await books.post(account, '100.00', '2024-01-02');
    const { accruals } = await books.accrue({ through: '2024-01-02', ...terms });
    expect(accruals).toMatchObject([{ principal: '100.00' }]);
  });

  it('is made good where it is backdated, from the day on that it left', async () => {
    const books = await startInterestBooks();
    const account = await books.openWith(['1000.00', '2026-01-01']);
    await books.accrue({ through: '2026-01-31' });
    await books.accrue({ through: '2026-02-28' });
    // 3.10 of it was interest of January, posted when that was over.
    await books.post(account, '-103.10', '2026-02-01');
    const { adjustments, accruals } = await books.accrue({ through: '2026-03-31' });
    expect(adjustments).toMatchObject([
      { from: '2026-02-01', through: '2026-02-28', amount: '-0.28' },
    ]);
    expect(accruals).toMatchObject([{ principal: '900.00', amount: '2.79' }]);
    // Into January itself, before there was interest.
    await books.post(account, '-100.00', '2026-01-31');
    const next = await books.accrue({ through: '2026-04-01' });
    // 100.00 less on each of 60 days; February still began with 3.10 of interest.
    expect(next.adjustments).toMatchObject([{ from: '2026-01-31', amount: '-0.60' }]);
    expect(next.accruals).toMatchObject([{ principal: '800.00' }]);
  });

  it('on the day that interest is posted for leaves before it', async () => {
    const books = await startInterestBooks();
    const account = await books.openWith(['1000.00', '2026-01-01']);
    await books.accrue({ through: '2026-01-31' });
    await books.post(account, '-3.10', '2026-01-31');
    const { adjustments, accruals } = await books.accrue({ through: '2026-02-01' });
    expect(adjustments).toMatchObject([{ from: '2026-01-31', amount: '0.00' }]);
    expect(accruals).toMatchObject([{ principal: '996.90' }]);
  });
});

describe('compounding', () => {
  it('makes the balance the principal, posted interest included', async () => {
    const books = await startInterestBooks();
    const account = await books.openWith(['1000.00', '2023-01-01']);
    const terms = { annualRate: '0.1', accountIds: [account.id] };
    const accrue = async (through: string, compounding: 'none' | 'posted') => {
      const { accruals } = await books.accrue({ through, compounding, ...terms });
      return [accruals[0]!.principal, accruals[0]!.amount];
    };
    expect(await accrue('2023-12-31', 'posted')).toEqual(['1000.00', '100.00']);
    expect(await accrue('2024-12-31', 'posted')).toEqual(['1100.00', '110.30']);
    // What was paid as compound interest is no principal for simple interest.
    expect(await accrue('2025-12-31', 'none')).toEqual(['1000.00', '100.00']);
  });

  it('is computed again as it was accrued', async () => {
    const books = await startInterestBooks();
    const account = await books.openWith(['1000.00', '2026-01-01']);
    await books.accrue({ through: '2026-01-31', compounding: 'posted' });
    await books.accrue({ through: '2026-02-28', compounding: 'posted' });
    await books.post(account, '-503.10', '2026-02-01');
    const { adjustments, accruals } = await books.accrue({ through: '2026-03-31' });
    // 28 days on 500.00 instead of 1003.10.
    expect(adjustments).toMatchObject([{ amount: '-1.41' }]);
    expect(accruals).toMatchObject([{ principal: '500.00' }]);
  });
});

describe('interest on a loan', () => {
  it('is debited to it, and earned; what is paid pays interest first', async () => {
    const books = await startInterestBooks();
    const { ledger } = books;
    const income = await openAccount(ledger, { type: 'income', clientId: 'earned' });
    const loan = await books.open({ type: 'asset', name: 'A loan' });
    const savings = await books.open();
    await books.post(loan, '1000.00', '2026-01-01');
    await books.post(savings, '500.00', '2026-01-01');
    const both = { accountIds: [savings.id, loan.id], incomeAccountId: 'client:earned' };
    const first = await books.accrue({ through: '2026-01-31', ...both });
    expect(first).toMatchObject({
      ...{ expenseAccountId: books.expense.id, incomeAccountId: income.id },
      accruals: [
        { accountId: savings.id, amount: '1.55' },
        { accountId: loan.id, principal: '1000.00', amount: '3.10' },
      ],
    });
    expect(await currentAccount(ledger, loan.id)).toMatchObject({ balance: '1003.10' });
    expect(await currentAccount(ledger, income.id)).toMatchObject({ balance: '3.10' });
    expect(await currentAccount(ledger, books.expense.id)).toMatchObject({ balance: '1.55' });
    await books.post(loan, '-103.10', '2026-02-01');
    const alone = { accountIds: [loan.id], incomeAccountId: income.id };
    const terms = { annualRate: '0.0365', dayCount: 'actual/365', ...alone } as const;
    const next = await ledger.accept(CalculateInterestOwed, { through: '2026-02-10', ...terms });
    expect(next.accruals).toMatchObject([{ principal: '900.00', amount: '0.90' }]);
    // Paid back before: one day less on 100.00.
    await books.post(loan, '-100.00', '2026-02-10');
    const last = await ledger.accept(CalculateInterestOwed, { through: '2026-02-11', ...terms });
    expect(last.adjustments).toMatchObject([{ amount: '-0.01' }]);
    expect(await currentAccount(ledger, income.id)).toMatchObject({ balance: '4.07' });
  });

  it('needs an account of income', async () => {
    const books = await startInterestBooks();
    const { ledger, expense, cash } = books;
    const loan = await books.open({ type: 'asset' });
    await books.post(loan, '1000.00', '2026-01-01');
    const through = '2026-01-31';
    const income = await openAccount(ledger, { type: 'income', currency: 'EUR' });
    for (const [incomeAccountId, accountId] of [
      [undefined, loan.id],
      [expense.id, expense.id],
      [cash.id, cash.id],
      [income.id, loan.id],
    ] as const) {
      const refused = { code: 'account_not_eligible', accountId };
      expect(await books.refusal({ through, incomeAccountId })).toEqual(refused);
    }
    const terms = { through, annualRate: '0.1', dayCount: 'actual/365' } as const;
    const neither = { ...terms, accountIds: [loan.id] };
    const refusal = await ledger.refuse(CalculateInterestOwed, neither);
    expect(refusal).toMatchObject({
      code: 'validation_failed',
      details: { errors: [{ pointer: '/expenseAccountId' }] },
    });
  });
});
