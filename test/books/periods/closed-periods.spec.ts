import { ReverseInterestAccrual } from '../../../src/books/interest/reverse.creator';
import { PlaceOrder } from '../../../src/books/orders/order.creators';
import { CreateCompany } from '../../../src/books/companies/company.creators';
import { SettleOrder } from '../../../src/books/orders/settle.creator';
import { ClosePeriod, ReopenPeriod } from '../../../src/books/periods/period.creators';
import { PostTransactionBatch } from '../../../src/books/transactions/batch.creator';
import {
  PostTransaction,
  ReverseTransaction,
} from '../../../src/books/transactions/transaction.creators';
import { readTransaction } from '../../../src/books/transactions/transaction.queries';
import type { AccountDto } from '../../../src/books/accounts/account.dto';
import type { PeriodCloseDto } from '../../../src/books/periods/period.dto';
import { currentAccount, openAccount, transfer } from '../../harness/books';
import { startTestLedger, type TestLedger } from '../../harness/ledger';
import { startInterestBooks } from '../interest/interest-books';

const NOBODY = '00000000-0000-7000-8000-000000000000';

async function transactionOf(ledger: TestLedger, id: string) {
  const { value } = await ledger.open.stateReader.read((db) => readTransaction(db, id));
  return value!;
}

describe('into a closed period', () => {
  it('nothing is posted, whatever would post it, and the refusal names the period', async () => {
    const books = await startInterestBooks();
    const { ledger, cash } = books;
    const savings = await books.openWith(['1000.00', '2025-01-01']);
    const accrual = await books.accrue({ through: '2025-01-31' });
    const late = await books.post(savings, '1.00', '2025-02-01');
    const { id } = await ledger.accept(ClosePeriod, { through: '2025-01-31' });

    const closed = { code: 'period_closed', details: { errors: [{}] } };
    const posting = (effectiveDate: string) => transfer(cash, savings, '1.00', { effectiveDate });
    const refusal = await ledger.refuse(PostTransaction, posting('2025-01-31'));
    expect(refusal).toMatchObject({
      ...closed,
      details: { errors: [{ pointer: '/effectiveDate' }] },
    });
    expect(refusal.detail).toContain('2025-01-31');
    expect(refusal.detail).toContain(id);
    expect(await ledger.refuse(PostTransaction, posting('1999-01-01'))).toMatchObject(closed);
    const atomic = {
      mode: 'atomic' as const,
      transactions: [posting('2025-02-02'), posting('2025-01-05')],
    };
    expect(await ledger.refuse(PostTransactionBatch, atomic)).toMatchObject({
      ...closed,
      details: { index: 1 },
    });
    const results = await ledger.accept(PostTransactionBatch, { ...atomic, mode: 'independent' });
    expect(results.map((r) => ('refusal' in r ? r.refusal.code : 'posted'))).toEqual([
      'posted',
      'period_closed',
    ]);
    const reversal = { transactionId: accrual.transactionIds[0]!, effectiveDate: '2025-01-31' };
    expect((await ledger.refuse(ReverseTransaction, reversal)).code).toBe('has_source');
    const dated = { transactionId: late.id, effectiveDate: '2025-01-31' };
    expect(await ledger.refuse(ReverseTransaction, dated)).toMatchObject(closed);
    const taken = { accrualId: accrual.id!, reason: 'A mistake' };
    expect(await ledger.refuse(ReverseInterestAccrual, taken)).toMatchObject(closed);
    expect((await books.refusal({ through: '2025-01-31' })).code).toBe('period_closed');

    const [first] = [await ledger.accept(PostTransaction, posting('2025-02-01'))];
    expect(first.effectiveDate).toBe('2025-02-01');
    // Today is open, so what was posted in the period can be reversed.
    const { reverses } = await ledger.accept(ReverseTransaction, { transactionId: first.id });
    expect(reverses).toBe(first.id);
  });

  it('no adjustment is posted: it has the last day of the accrual that makes it', async () => {
    const books = await startInterestBooks();
    const { ledger } = books;
    const savings = await books.openWith(['1000.00', '2025-01-01']);
    await books.accrue({ through: '2025-01-31' });
    await books.post(savings, '1000.00', '2025-01-11');
    await ledger.accept(ClosePeriod, { through: '2025-01-31' });
    const { transactionIds } = await books.accrue({ through: '2025-02-28' });
    const posted = await Promise.all(transactionIds.map((id) => transactionOf(ledger, id)));
    const dates = posted.map(({ effectiveDate }) => effectiveDate);
    expect(dates).toEqual(['2025-02-28', '2025-02-28']);
    // January's 3.10, 21 days of it on 1,000.00 more, and 28 days on 2,000.00.
    expect((await currentAccount(ledger, savings.id)).balance).toBe('2010.80');
  });

  it('no settlement is posted', async () => {
    const ledger = await startTestLedger();
    const [cash, shares] = [await openAccount(ledger), await openAccount(ledger)];
    const address = { line1: 'Main St 1', city: 'Bonn', postalCode: '53113', country: 'DE' };
    const company = { name: 'Acme', contactEmail: 'a@example.com', address };
    const { id: companyId } = await ledger.accept(CreateCompany, company);
    const { id: orderId } = await ledger.accept(PlaceOrder, {
      ...{ companyId, side: 'buy', symbol: 'X', quantity: '1' },
      ...{ cashAccountId: cash.id, settlementAccountId: shares.id },
    });
    await ledger.accept(ClosePeriod, { through: '2025-06-30' });
    const settled = { orderId, executedAmount: '1.00', settledAt: '2025-06-30T10:00:00Z' };
    expect(await ledger.refuse(SettleOrder, settled)).toMatchObject({
      ...{ code: 'period_closed', details: { errors: [{ pointer: '/settledAt' }] } },
    });
    await ledger.accept(SettleOrder, { ...settled, settledAt: '2025-07-01T10:00:00Z' });
  });
});

describe('closing', () => {
  let ledger: TestLedger;
  let [cash, sales, rent, equity]: AccountDto[] = [];
  const post = (debit: AccountDto, credit: AccountDto, amount: string, effectiveDate: string) =>
    ledger.accept(PostTransaction, transfer(debit, credit, amount, { effectiveDate }));
  const balanceOf = async (account: AccountDto) =>
    (await currentAccount(ledger, account.id)).balance;
  const close = (through: string, ...closeTo: AccountDto[]): Promise<PeriodCloseDto> =>
    ledger.accept(ClosePeriod, {
      through,
      ...(closeTo.length > 0 && { closeTo: closeTo.map((account) => account.id) }),
    });

  beforeEach(async () => {
    ledger = await startTestLedger();
    cash = await openAccount(ledger);
    sales = await openAccount(ledger, { type: 'income' });
    rent = await openAccount(ledger, { type: 'expense' });
    equity = await openAccount(ledger, { type: 'equity' });
    await post(cash, sales, '100.00', '2025-01-10');
    await post(rent, cash, '30.00', '2025-01-31');
    await post(cash, sales, '7.00', '2025-02-01');
  });

  it('carries income and expense of the period to equity, and nothing of later days', async () => {
    const { id, transactionIds, currencies } = await close('2025-01-31', equity!);
    expect(transactionIds).toHaveLength(1);
    expect(currencies).toEqual([{ currency: 'USD', totalDebit: '70.00', totalCredit: '70.00' }]);
    expect(await transactionOf(ledger, transactionIds[0]!)).toMatchObject({
      ...{ effectiveDate: '2025-01-31', closing: true, source: { type: 'period_close', id } },
    });
    expect(await balanceOf(sales!)).toBe('7.00');
    expect(await balanceOf(rent!)).toBe('0.00');
    expect(await balanceOf(equity!)).toBe('70.00');
    const alone = { transactionId: transactionIds[0]! };
    const refusal = await ledger.refuse(ReverseTransaction, alone);
    expect(refusal).toMatchObject({ code: 'has_source' });
    expect(refusal.detail).toContain(`POST /v1/period-closes/${id}/reopen`);
    // The next one carries what is left, and one without a result nothing.
    await close('2025-02-28', equity!);
    expect(await balanceOf(equity!)).toBe('77.00');
    expect((await close('2025-03-31', equity!)).transactionIds).toEqual([]);
  });

  it('divides what is carried into transactions of 1000 postings, by currency', async () => {
    const [yen, yenCash, yenEquity] = [
      await openAccount(ledger, { type: 'income', currency: 'JPY' }),
      await openAccount(ledger, { currency: 'JPY' }),
      await openAccount(ledger, { type: 'equity', currency: 'JPY' }),
    ];
    await post(yenCash, yen, '5', '2025-01-02');
    const many = await Promise.all(
      Array.from({ length: 1_001 }, () => openAccount(ledger, { type: 'income' })),
    );
    await Promise.all(many.map((account) => post(cash!, account, '0.01', '2025-01-03')));
    const { transactionIds, currencies } = await close('2025-01-31', yenEquity, equity!);
    const closings = await Promise.all(transactionIds.map((id) => transactionOf(ledger, id)));
    const sizes = closings.map(({ postings }) => [postings[0]!.currency, postings.length]);
    expect(sizes).toEqual([
      ['JPY', 2],
      ['USD', 1000],
      ['USD', 5],
    ]);
    expect(currencies.map(({ currency }) => currency)).toEqual(['JPY', 'USD']);
    expect(await balanceOf(equity!)).toBe('80.01');
    expect(await balanceOf(yenEquity)).toBe('5');
  });

  it('refuses days that are closed or to come, and accounts that do not fit', async () => {
    const { id } = await close('2025-01-31');
    for (const through of ['2025-01-31', '2024-12-31']) {
      const refusal = await ledger.refuse(ClosePeriod, { through });
      expect(refusal.code).toBe('period_already_closed');
      expect(refusal.detail).toContain(id);
    }
    const refusalOf = async (closeTo: string[], through = '2025-02-28') =>
      (await ledger.refuse(ClosePeriod, { through, closeTo })).code;
    expect(await refusalOf([equity!.id], '2999-01-01')).toBe('future_effective_date');
    expect(await refusalOf([NOBODY])).toBe('account_not_found');
    expect(await refusalOf([cash!.id])).toBe('account_not_eligible');
    expect(await refusalOf([equity!.id, equity!.id])).toBe('validation_failed');
    const yen = await openAccount(ledger, { type: 'equity', currency: 'JPY' });
    expect(await refusalOf([yen.id])).toBe('currency_mismatch');
    // Nothing of those was kept: the days are open.
    await post(cash!, sales!, '1.00', '2025-02-28');
    await close('2025-02-28', yen, equity!);
    // Nor is an account needed where a currency's result is zero.
    const currency = 'CHF';
    const fees = await openAccount(ledger, { type: 'income', currency });
    const costs = await openAccount(ledger, { type: 'expense', currency });
    await post(costs, fees, '5.00', '2025-03-01');
    await close('2025-03-31', equity!);
    expect(await balanceOf(fees)).toBe('0.00');
  });

  it('is taken back as a whole, the last one first', async () => {
    const january = await close('2025-01-31', equity!);
    const february = await close('2025-02-28', equity!);
    const reopen = ({ id }: PeriodCloseDto, reason = 'A late invoice') => ({ closeId: id, reason });
    const refusal = await ledger.refuse(ReopenPeriod, reopen(january));
    expect(refusal.code).toBe('period_not_last');
    expect(refusal.detail).toContain(february.id);
    expect((await ledger.refuse(ReopenPeriod, reopen({ ...january, id: NOBODY }))).code).toBe(
      'not_found',
    );

    const { reopened } = await ledger.accept(ReopenPeriod, reopen(february));
    expect(reopened).toMatchObject({ reason: 'A late invoice' });
    const [reversal] = reopened!.transactionIds;
    expect(await transactionOf(ledger, reversal!)).toMatchObject({
      ...{ reverses: february.transactionIds[0], effectiveDate: '2025-02-28', closing: true },
      source: { type: 'period_close', id: february.id },
    });
    expect(await balanceOf(equity!)).toBe('70.00');
    expect(await balanceOf(sales!)).toBe('7.00');
    expect((await ledger.refuse(ReverseTransaction, { transactionId: reversal! })).code).toBe(
      'has_source',
    );
    expect((await ledger.refuse(ReopenPeriod, reopen(february))).code).toBe('period_not_closed');
    // January is the last one now, and still closed.
    const { detail } = await ledger.refuse(
      PostTransaction,
      transfer(cash!, sales!, '1.00', { effectiveDate: '2025-01-31' }),
    );
    expect(detail).toContain(january.id);
    await post(cash!, sales!, '1.00', '2025-02-01');
    const again = await close('2025-02-15', equity!);
    expect(await balanceOf(equity!)).toBe('78.00');
    await ledger.accept(ReopenPeriod, reopen(again));
    await ledger.accept(ReopenPeriod, reopen(january));
    await post(cash!, sales!, '1.00', '2025-01-01');
    expect(await balanceOf(equity!)).toBe('0.00');
    expect(await balanceOf(sales!)).toBe('109.00');
  });

  it('keeps nothing of a dry run, and the first answer under its key', async () => {
    const input = { through: '2025-01-31', closeTo: [equity!.id] };
    await ledger.accept(ClosePeriod, input, { dryRun: true });
    const options = { idempotencyKey: 'close' };
    const first = await ledger.accept(ClosePeriod, input, options);
    await ledger.restart();
    expect(await ledger.accept(ClosePeriod, input, options)).toEqual(first);
    expect((await ledger.refuse(ClosePeriod, input)).code).toBe('period_already_closed');
  });

  it('waits for what was posted before, in one batch', async () => {
    const posting = transfer(cash!, sales!, '1.00', { effectiveDate: '2025-01-31' });
    const [first, closed, second] = await Promise.all([
      ledger.submit(PostTransaction, posting),
      ledger.submit(ClosePeriod, { through: '2025-01-31', closeTo: [equity!.id] }),
      ledger.submit(PostTransaction, posting),
    ]);
    expect([first.kind, closed.kind, second.kind]).toEqual(['accepted', 'accepted', 'refused']);
    expect(await balanceOf(equity!)).toBe('71.00');
  });
});
