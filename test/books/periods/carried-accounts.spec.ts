import { ChangeAccount, FreezeAccount } from '../../../src/books/accounts/account-change.creators';
import { CloseAccount } from '../../../src/books/accounts/account.creators';
import { PlaceHold } from '../../../src/books/holds/hold.creators';
import { ClosePeriod, ReopenPeriod } from '../../../src/books/periods/period.creators';
import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import { readTransaction } from '../../../src/books/transactions/transaction.queries';
import type { AccountDto } from '../../../src/books/accounts/account.dto';
import { currentAccount, openAccount, transfer } from '../../harness/books';
import { startTestLedger, type TestLedger } from '../../harness/ledger';

/** One transaction carries 999 of them, and what they come to. */
const MANY = 1_000;
const through = '2025-01-31';

describe('what a close carries', () => {
  let ledger: TestLedger;
  let [cash, sales, equity]: AccountDto[] = [];
  const post = (debit: AccountDto, credit: AccountDto, amount: string, effectiveDate: string) =>
    ledger.accept(PostTransaction, transfer(debit, credit, amount, { effectiveDate }));
  const balanceOf = async (account: AccountDto) =>
    (await currentAccount(ledger, account.id)).balance;
  const close = () => ledger.accept(ClosePeriod, { through, closeTo: [equity!.id] });
  const reopen = (closeId: string) => ledger.accept(ReopenPeriod, { closeId, reason: 'Late' });
  const hold = (debit: AccountDto, credit: AccountDto, amount: string) =>
    ledger.accept(PlaceHold, transfer(debit, credit, amount));
  const many = (type: AccountDto['type']) =>
    Promise.all(Array.from({ length: MANY }, () => openAccount(ledger, { type })));

  beforeEach(async () => {
    ledger = await startTestLedger();
    cash = await openAccount(ledger);
    sales = await openAccount(ledger, { type: 'income' });
    equity = await openAccount(ledger, { type: 'equity' });
    await post(cash, sales, '100.00', '2025-01-10');
  });

  it('is carried although its account was closed since, or is frozen, and taken back', async () => {
    await post(sales!, cash!, '100.00', '2025-02-05');
    await ledger.accept(CloseAccount, { accountId: sales!.id });
    const rent = await openAccount(ledger, { type: 'expense' });
    await post(rent, cash!, '30.00', '2025-01-31');
    for (const { id: accountId } of [rent, equity!]) {
      await ledger.accept(FreezeAccount, { accountId, side: 'all', reason: 'A court order' });
    }
    const { id } = await close();
    expect(await balanceOf(equity!)).toBe('70.00');
    // What February brought is left: the account is at zero once that is closed too.
    expect(await balanceOf(sales!)).toBe('-100.00');
    expect(await balanceOf(rent)).toBe('0.00');
    await reopen(id);
    expect(await balanceOf(equity!)).toBe('0.00');
    expect(await balanceOf(sales!)).toBe('0.00');
  });

  it('goes to no account that is closed', async () => {
    await ledger.accept(CloseAccount, { accountId: equity!.id });
    const refusal = await ledger.refuse(ClosePeriod, { through, closeTo: [equity!.id] });
    expect(refusal).toMatchObject({
      ...{ code: 'account_closed', details: { accountId: equity!.id } },
    });
  });

  it('does not ask what holds reserve', async () => {
    const limited = await openAccount(ledger, { type: 'income', minBalance: '0' });
    await post(cash!, limited, '50.00', '2025-01-10');
    await hold(limited, cash!, '20.00');
    await ledger.accept(ChangeAccount, { accountId: equity!.id, maxBalance: '150' });
    await hold(cash!, equity!, '10.00');
    const { id } = await close();
    expect(await balanceOf(equity!)).toBe('150.00');
    expect(await currentAccount(ledger, limited.id)).toMatchObject({
      ...{ balance: '0.00', available: '-20.00' },
    });
    await reopen(id);
    expect(await balanceOf(limited)).toBe('50.00');
  });

  it('is within limits as a whole, whatever its transactions carry one by one', async () => {
    const costs = await many('expense');
    await Promise.all(costs.map((account) => post(account, cash!, '1.00', '2025-01-10')));
    const late = await openAccount(ledger, { type: 'income' });
    await post(cash!, late, '900.00', '2025-01-10');
    // Costs of 1000.00 stand between incomes of 100.00 and 900.00.
    const limits = { minBalance: '0', maxBalance: '0' };
    await ledger.accept(ChangeAccount, { accountId: equity!.id, ...limits });
    const { id, transactionIds } = await close();
    expect(transactionIds).toHaveLength(2);
    await reopen(id);
    await post(cash!, late, '0.01', '2025-01-10');
    const refusal = await ledger.refuse(ClosePeriod, { through, closeTo: [equity!.id] });
    expect(refusal).toMatchObject({
      ...{ code: 'balance_limit_exceeded', details: { accountId: equity!.id } },
    });
    expect(refusal.detail).toContain('0.01');
  });

  it('needs no account where it comes to zero, however many accounts it is made of', async () => {
    const currency = 'CHF';
    const [fees, bank] = [
      await openAccount(ledger, { type: 'income', currency }),
      await openAccount(ledger, { currency }),
    ];
    const costs = await Promise.all(
      Array.from({ length: MANY }, () => openAccount(ledger, { type: 'expense', currency })),
    );
    await Promise.all(costs.map((account) => post(account, bank, '0.01', '2025-01-10')));
    await post(bank, fees, '10.00', '2025-01-10');
    const { transactionIds } = await close();
    expect(transactionIds).toHaveLength(3);
    for (const account of [fees, ...costs.slice(-2)]) {
      expect(await balanceOf(account)).toBe('0.00');
    }
    const carried = await Promise.all(
      transactionIds.map((id) => ledger.open.stateReader.read((db) => readTransaction(db, id))),
    );
    const chf = carried.map(({ value }) => value!.postings).filter((p) => p[0]!.currency === 'CHF');
    expect(chf.map((postings) => postings.length)).toEqual([1_000, 2]);
    // No posting takes an account further than the whole close does.
    expect(
      chf
        .flat()
        .every(({ accountId, direction }) => (accountId === fees.id) === (direction === 'debit')),
    ).toBe(true);
  });
});
