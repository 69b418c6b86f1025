import { CloseAccount } from '../../../src/books/accounts/account.creators';
import {
  PostTransaction,
  ReverseTransaction,
} from '../../../src/books/transactions/transaction.creators';
import {
  TransactionPosted,
  type TransactionPostedData,
} from '../../../src/books/transactions/transaction.events';
import { defineCreator } from '../../../src/engine/define/creator';
import type { AccountDto } from '../../../src/books/accounts/account.dto';
import { currentAccount, openAccount, transfer } from '../../harness/books';
import { startTestLedger, type TestLedger } from '../../harness/ledger';
import { startTestService } from '../../harness/service';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

function dayAt(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** Two zones whose days differ at any time. */
const ZONES: [zone: string, hours: number][] = [
  ['Pacific/Kiritimati', 14],
  ['Etc/GMT+12', -12],
];

describe.each(ZONES)('the effective date in a book of %s', (BOOK_TIME_ZONE, hours) => {
  it('is today, earlier, or refused, whatever posts', async () => {
    const { api } = await startTestService({ env: { BOOK_TIME_ZONE } });
    // Asked for at each use: the day may end while this runs.
    const inDays = (days: number) => dayAt(Date.now() + hours * HOUR_MS + days * DAY_MS);
    const accounts = [
      { clientId: 'cash', type: 'asset' },
      { clientId: 'savings', type: 'liability' },
      { clientId: 'interest', type: 'expense' },
    ];
    for (const account of accounts) {
      await api.post('/v1/accounts', { name: 'An account', currency: 'USD', ...account });
    }
    const postings = [
      { accountId: 'client:cash', direction: 'debit', amount: '100' },
      { accountId: 'client:savings', direction: 'credit', amount: '100' },
    ];
    const posting = { description: 'A deposit', postings };
    const dated = (effectiveDate: string) => ({ ...posting, effectiveDate });
    const post = (body: object) => api.post<{ id: string }>('/v1/transactions', body);

    const before = inDays(0);
    const today = await post(posting);
    expect([before, inDays(0)]).toContain((today.body as Record<string, unknown>)['effectiveDate']);
    expect((await post(dated('1900-01-01'))).status).toBe(201);
    const early = await post(dated('1899-12-31'));
    expect(early).toMatchObject({ status: 400, body: { code: 'validation_failed' } });
    expect(early.body).toMatchObject({ errors: [{ pointer: '/effectiveDate' }] });

    const code = 'future_effective_date';
    const refused = { status: 422, body: { code, errors: [{ pointer: '/effectiveDate' }] } };
    // Two days, so that it is the future even if the day ends now.
    expect(await post(dated(inDays(2)))).toMatchObject(refused);
    expect(await post(dated('9999-12-31'))).toMatchObject(refused);
    const batch = (mode: string) =>
      api.post('/v1/transactions/batch', { mode, transactions: [posting, dated(inDays(2))] });
    expect(await batch('atomic')).toMatchObject({ status: 422, body: { code, index: 1 } });
    expect((await batch('independent')).body).toMatchObject({
      results: [{ status: 201 }, { status: 422, problem: { code } }],
    });
    const reversal = `/v1/transactions/${today.body.id}/reverse`;
    expect(await api.post(reversal, { effectiveDate: inDays(2) })).toMatchObject(refused);
    const accrual = {
      ...{ annualRate: '0.05', dayCount: 'actual/365', accountIds: ['client:savings'] },
      expenseAccountId: 'client:interest',
    };
    const accrue = (through: string) => api.post('/v1/interest-accruals', { ...accrual, through });
    expect(await accrue(inDays(2))).toMatchObject({ status: 422, body: { code } });
    expect(await accrue('1899-12-31')).toMatchObject({ status: 400 });
    expect((await accrue(inDays(0))).status).toBe(201);
    const { body } = await api.get<{ balance: string }>('/v1/accounts/client:cash');
    expect(body.balance).toBe('300.00');
  });
});

describe('a reversal', () => {
  it('is not before what it reverses', async () => {
    const ledger = await startTestLedger();
    const [cash, sales] = await twoAccounts(ledger);
    const { id: transactionId } = await ledger.accept(
      PostTransaction,
      transfer(cash, sales, '5', { effectiveDate: '2026-02-01' }),
    );
    const reverse = { transactionId, effectiveDate: '2026-01-31' };
    const { code, details } = await ledger.refuse(ReverseTransaction, reverse);
    expect({ code, ...details }).toMatchObject({
      code: 'reversal_before_original',
      errors: [{ pointer: '/effectiveDate' }],
    });
    await ledger.accept(ReverseTransaction, { ...reverse, effectiveDate: '2026-02-01' });
  });
});

/** What earlier versions of the program posted for any date. */
const PostAnyDate = defineCreator<TransactionPostedData, void>({
  name: 'PostTransaction',
  run: async (context, data) => void (await context.append(TransactionPosted, data)),
});

describe('a log from when the future could be posted into', () => {
  it('opens, counts what is posted, and refuses what it would not undo', async () => {
    const ledger = await startTestLedger();
    const [cash, sales] = await twoAccounts(ledger);
    await ledger.accept(PostTransaction, transfer(cash, sales, '100'));
    const transactionId = '00000000-0000-7000-8000-0000000000aa';
    const posting = { amount: '100.00', balanceAfter: '0.00', currency: 'USD' } as const;
    await ledger.accept(PostAnyDate, {
      ...{ transactionId, description: 'Rent of next year', effectiveDate: '2999-01-01' },
      postings: [
        { accountId: cash.id, direction: 'credit', ...posting },
        { accountId: sales.id, direction: 'debit', ...posting },
      ],
    });
    await ledger.restart();
    expect(await currentAccount(ledger, cash.id)).toMatchObject({ balance: '0.00' });
    // The invariants rebuild and compare it after the test.
    const { code } = await ledger.refuse(ReverseTransaction, { transactionId });
    expect(code).toBe('reversal_before_original');
    for (const effectiveDate of ['2999-01-01', '2999-01-02']) {
      const reverse = { transactionId, effectiveDate };
      expect(await ledger.refuse(ReverseTransaction, reverse)).toMatchObject({
        code: 'future_effective_date',
      });
    }
    await ledger.accept(CloseAccount, { accountId: cash.id });
  });
});

async function twoAccounts(ledger: TestLedger): Promise<[AccountDto, AccountDto]> {
  return [await openAccount(ledger), await openAccount(ledger, { type: 'income' })];
}
