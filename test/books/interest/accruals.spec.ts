import { CloseAccount } from '../../../src/books/accounts/account.creators';
import { CalculateInterestOwed } from '../../../src/books/interest/interest.creators';
import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import { readTransaction } from '../../../src/books/transactions/transaction.queries';
import { currentAccount } from '../../harness/books';
import { query } from '../../harness/cluster';
import { startInterestBooks, type InterestBooks } from './interest-books';
import { dayAfter, daysBetween } from './rational';

async function eventsOf({ ledger }: InterestBooks, type: string) {
  const rows = await query<{ data: Record<string, unknown> }>(
    ledger.databases.urls.log,
    'select data from event_log where type = $1 order by position',
    [type],
  );
  return rows.map((row) => row.data);
}

async function transactionOf({ ledger }: InterestBooks, id: string) {
  const { value } = await ledger.open.stateReader.read((db) => readTransaction(db, id));
  return value!;
}

describe('interest', () => {
  it('is computed on the balance at the end of each day', async () => {
    const books = await startInterestBooks();
    const account = await books.openWith(
      ['1000.00', '2026-01-01'],
      ['500.00', '2026-01-11'],
      ['-700.00', '2026-01-21'],
      ['40.00', '2026-01-21'],
    );
    const answer = await books.accrue({ through: '2026-01-31' });
    // 0.0001 a day: 10 × 1000 + 10 × 1500 + 11 × 840.
    const { id: accountId } = account;
    const [transactionId] = answer.transactionIds;
    expect(answer).toEqual({
      ...{ id: answer.id, position: answer.position, recordedAt: answer.recordedAt },
      ...{ through: '2026-01-31', annualRate: '0.0365', dayCount: 'actual/365' },
      ...{ compounding: 'none', expenseAccountId: books.expense.id, incomeAccountId: null },
      accruals: [
        {
          ...{ accountId, from: '2026-01-01', through: '2026-01-31' },
          ...{ principal: '840.00', amount: '3.42', carriedFraction: '0.004' },
        },
      ],
      adjustments: [],
      skipped: [],
      transactionIds: [transactionId],
      reversal: null,
    });
    expect(await books.accrualOf(answer.id!)).toEqual(answer);
    expect(await transactionOf(books, transactionId!)).toMatchObject({
      description: 'Interest through 2026-01-31',
      effectiveDate: '2026-01-31',
      postings: [
        { accountId, direction: 'credit', amount: '3.42', balanceAfter: '843.42' },
        { accountId: books.expense.id, direction: 'debit', amount: '3.42' },
      ],
    });
    expect(await eventsOf(books, 'InterestAccrued')).toEqual([
      {
        ...{ accountId, accrualId: answer.id, transactionId },
        ...{ from: '2026-01-01', through: '2026-01-31', compounding: 'none' },
        ...{ amount: '3.42', accrued: '3.42', carriedFraction: '0.004', principal: '840.00' },
        ...{ annualRate: '0.0365', dayCount: 'actual/365', currency: 'USD' },
        carried: String((4n * 1_603_080n * 10n ** 12n) / 10n),
        opening: { balance: '0.00', interest: '0.00' },
        stretches: [
          { from: '2026-01-01', through: '2026-01-10', balance: '1000.00', interest: '0.00' },
          { from: '2026-01-11', through: '2026-01-20', balance: '1500.00', interest: '0.00' },
          { from: '2026-01-21', through: '2026-01-31', balance: '840.00', interest: '0.00' },
        ],
        closing: { balance: '840.00', interest: '3.42' },
      },
    ]);
  });

  it('accrued daily is what it is accrued once, and bears no interest itself', async () => {
    const books = await startInterestBooks();
    const deposits: [string, string][] = [
      ['777.77', '2024-02-01'],
      ['1234.56', '2024-02-20'],
    ];
    const [daily, once] = [await books.openWith(...deposits), await books.openWith(...deposits)];
    for (const through of daysBetween('2024-02-01', '2024-04-10')) {
      await books.accrue({ through, annualRate: '0.1', accountIds: [daily.id] });
    }
    const input = { through: '2024-04-10', annualRate: '0.1', accountIds: [once.id] };
    const { accruals } = await books.accrue(input);
    // 19 × 777.77 + 51 × 2012.33 at 10 %.
    expect(accruals[0]).toMatchObject({
      amount: '32.17',
      carriedFraction: '-0.00384657534246575342',
    });
    const [a, b] = [
      await currentAccount(books.ledger, daily.id),
      await currentAccount(books.ledger, once.id),
    ];
    expect(a.balance).toBe(b.balance);
    expect((await eventsOf(books, 'InterestAccrued')).slice(-2)).toMatchObject([
      { accountId: daily.id, accrued: '32.17', carriedFraction: '-0.00384657534246575342' },
      { accountId: once.id, accrued: '32.17' },
    ]);
  });

  it('is nothing on accounts that have no entry until then', async () => {
    const books = await startInterestBooks();
    const rich = await books.openWith(['100000.00', '2026-01-05']);
    await books.open();
    const later = await books.openWith(['5.00', '2026-02-01']);
    const { accruals } = await books.accrue({ through: '2026-01-31' });
    expect(accruals.map((a) => [a.accountId, a.from])).toEqual([[rich.id, '2026-01-05']]);
    const next = await books.accrue({ through: '2026-02-02' });
    expect(next.accruals.map((a) => [a.accountId, a.from])).toEqual([
      [rich.id, '2026-02-01'],
      [later.id, '2026-02-01'],
    ]);
  });

  it('takes an entry dated later when its day comes', async () => {
    const books = await startInterestBooks();
    const account = await books.openWith(
      ['1000.00', '2026-01-01'],
      ['9000.00', '2026-03-01'],
      ['1000.00', '2026-01-15'],
    );
    const amounts: string[] = [];
    for (const through of ['2026-01-20', '2026-02-28', '2026-03-31', '2026-04-01']) {
      const { accruals, adjustments } = await books.accrue({ through });
      expect(adjustments).toEqual([]);
      amounts.push(accruals[0]!.amount);
      if (through < '2026-03') await books.post(account, '-1000.00', '2026-03-02');
    }
    // 14 + 6 × 2 days of 0.10; 39 × 0.20; 1.10, and 30 × 0.90; 0.90. The 2000.00 that left paid
    // out 10.40 of interest first, whose 31 days come to 0.03.
    expect(amounts).toEqual(['2.60', '7.80', '28.13', '0.90']);
  });

  it('is owed on no balance below zero', async () => {
    const books = await startInterestBooks();
    const account = await books.openWith(['-50.00', '2026-01-01'], ['1050.00', '2026-01-11']);
    const { accruals, transactionIds } = await books.accrue({ through: '2026-01-10' });
    expect(accruals).toMatchObject([{ principal: '0.00', amount: '0.00', carriedFraction: '0' }]);
    expect(transactionIds).toEqual([]);
    const next = await books.accrue({ through: '2026-01-20', accountIds: [account.id] });
    expect(next.accruals).toMatchObject([
      { from: '2026-01-11', principal: '1000.00', amount: '1.00' },
    ]);
  });

  it.each([
    ['JPY', '1000000'],
    ['KWD', '1000.000'],
  ])('is rounded to the digits of %s', async (currency, deposit) => {
    const books = await startInterestBooks(currency);
    await books.openWith([deposit, '2026-01-01']);
    const input = { through: '2026-01-03', annualRate: '0.1' };
    const { accruals } = await books.accrue(input);
    // 300 / 365 of a unit, times 1000 for yen.
    const expected = {
      JPY: { amount: '822', carriedFraction: '-0.0821917808219178' },
      KWD: { amount: '0.822', carriedFraction: '-0.0000821917808219178' },
    }[currency]!;
    expect(accruals[0]!.amount).toBe(expected.amount);
    expect(accruals[0]!.carriedFraction.startsWith(expected.carriedFraction)).toBe(true);
  });

  it('counts days as 30/360 and actual/360 do', async () => {
    const books = await startInterestBooks();
    const terms = { annualRate: '0.036', through: '2025-02-28' };
    for (const [dayCount, amount] of [
      ['30/360', '3.00'],
      ['actual/360', '2.80'],
    ] as const) {
      const account = await books.openWith(['1000.00', '2025-02-01']);
      const answer = await books.accrue({ ...terms, dayCount, accountIds: [account.id] });
      expect(answer.accruals[0]!.amount).toBe(amount);
    }
  });
});

describe('days that are accrued', () => {
  it('are not accrued again for an account that is named', async () => {
    const books = await startInterestBooks();
    const [a, b] = [
      await books.openWith(['1000.00', '2026-01-01']),
      await books.openWith(['1000.00', '2026-01-01']),
    ];
    await books.accrue({ through: '2026-01-10', accountIds: [b.id] });
    const refused = { code: 'already_accrued', accountId: b.id };
    for (const through of ['2026-01-10', '2026-01-09', '2025-12-01']) {
      expect(await books.refusal({ through, accountIds: [a.id, b.id] })).toEqual(refused);
    }
    expect(await currentAccount(books.ledger, a.id)).toMatchObject({ version: 2 });
    const { accruals } = await books.accrue({ through: '2026-01-11', accountIds: [b.id, a.id] });
    expect(accruals.map((x) => [x.accountId, x.from, x.amount])).toEqual([
      [b.id, '2026-01-11', '0.10'],
      [a.id, '2026-01-01', '1.10'],
    ]);
  });

  it('are accrued once by commands at the same time', async () => {
    const books = await startInterestBooks();
    const account = await books.openWith(['1000.00', '2026-01-01']);
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, () =>
        books.ledger.submit(CalculateInterestOwed, books.input({ through: '2026-01-10' })),
      ),
    );
    expect(outcomes.filter((o) => o.kind === 'accepted')).toHaveLength(1);
    expect(await currentAccount(books.ledger, account.id)).toMatchObject({ balance: '1001.00' });
  });
});

describe('accruing', () => {
  it('names the account that cannot be accrued', async () => {
    const books = await startInterestBooks();
    const { ledger, cash } = books;
    const savings = await books.openWith(['1000.00', '2026-01-01']);
    const closed = await books.open();
    await ledger.accept(CloseAccount, { accountId: closed.id });
    const euros = await books.open({ currency: 'EUR' });
    const through = '2026-01-31';
    const ids = (id: string) => ({ through, accountIds: [savings.id, id] });
    const nobody = '00000000-0000-7000-8000-000000000000';
    for (const [input, code, accountId] of [
      [ids(nobody), 'account_not_found', nobody],
      [ids('client:nobody'), 'account_not_found', 'client:nobody'],
      [ids(cash.id), 'account_not_eligible', cash.id],
      [ids(euros.id), 'account_not_eligible', euros.id],
      [ids(closed.id), 'account_closed', closed.id],
      [{ through, expenseAccountId: savings.id }, 'account_not_eligible', savings.id],
      [{ through, expenseAccountId: nobody }, 'account_not_found', nobody],
    ] as const) {
      expect(await books.refusal(input)).toEqual({ code, accountId });
    }
    await ledger.accept(CloseAccount, { accountId: books.expense.id });
    const refused = { code: 'account_closed', accountId: books.expense.id };
    const input = { through, accountIds: [savings.id] };
    expect(await books.refusal(input)).toEqual(refused);
  });

  it('takes no day after today', async () => {
    const books = await startInterestBooks();
    await books.openWith(['1000.00', '2026-01-01']);
    const today = new Date().toISOString().slice(0, 10);
    for (const through of [dayAfter(today, 1), '2206-01-31']) {
      const refused = await books.refusal({ through });
      expect(refused).toEqual({ code: 'future_effective_date', accountId: undefined });
    }
    expect((await books.accrue({ through: today })).accruals).toHaveLength(1);
  });

  it('takes client ids, and an account that is named twice once', async () => {
    const books = await startInterestBooks();
    const account = await books.open({ clientId: 'savings' });
    await books.post(account, '1000.00', '2026-01-01');
    const { accruals } = await books.accrue({
      through: '2026-01-10',
      accountIds: ['client:savings', account.id.toUpperCase()],
      expenseAccountId: 'client:interest',
    });
    expect(accruals).toMatchObject([{ accountId: account.id, amount: '1.00' }]);
  });

  it('of many accounts does all or nothing', async () => {
    const books = await startInterestBooks();
    const first = await books.openWith(['1000.00', '2026-01-01']);
    const full = await books.open({ maxBalance: '1000.50' });
    await books.post(full, '1000.00', '2026-01-01');
    const { position } = { position: books.ledger.open.ledger.head.position };
    expect(await books.refusal({ through: '2026-01-10' })).toEqual({
      code: 'balance_limit_exceeded',
      accountId: full.id,
    });
    expect(books.ledger.open.ledger.head.position).toBe(position);
    const { accruals } = await books.accrue({ through: '2026-01-05' });
    expect(accruals.map((a) => [a.accountId, a.from, a.amount])).toEqual([
      [first.id, '2026-01-01', '0.50'],
      [full.id, '2026-01-01', '0.50'],
    ]);
  });

  it('in a dry run answers and keeps nothing, and with a key answers the same again', async () => {
    const books = await startInterestBooks();
    await books.openWith(['1000.00', '2026-01-01']);
    const input = { through: '2026-01-10' };
    const dry = await books.accrue(input, { dryRun: true });
    const answer = await books.accrue(input, { idempotencyKey: 'january' });
    expect(dry.accruals).toEqual(answer.accruals);
    const again = await books.ledger.submit(CalculateInterestOwed, books.input(input), {
      idempotencyKey: 'january',
    });
    expect(again).toMatchObject({ kind: 'accepted', isHit: true, answer });
    await books.ledger.restart();
    const restarted = await books.accrue(input, { idempotencyKey: 'january' });
    expect(restarted).toEqual(answer);
  });

  it('where nothing is due answers with nothing, and is there nevertheless', async () => {
    const books = await startInterestBooks();
    await books.open();
    const options = { idempotencyKey: 'nothing' };
    const answer = await books.accrue({ through: '2026-01-10' }, options);
    expect(answer).toMatchObject({ accruals: [], adjustments: [], transactionIds: [] });
    await books.ledger.restart();
    expect(await books.accrue({ through: '2026-01-10' }, options)).toEqual(answer);
    expect(await books.accrualOf(answer.id!)).toEqual(answer);
  });

  it('of 2,500 accounts is one command with three transactions', async () => {
    const books = await startInterestBooks();
    const accounts = await Promise.all(Array.from({ length: 2_500 }, () => books.open()));
    for (let at = 0; at < accounts.length; at += 500) {
      await books.ledger.accept(PostTransaction, {
        description: 'Deposits',
        effectiveDate: '2026-01-01',
        postings: [
          { accountId: books.cash.id, direction: 'debit', amount: '50000.00' },
          ...accounts.slice(at, at + 500).map(({ id: accountId }) => {
            return { accountId, direction: 'credit' as const, amount: '100.00' };
          }),
        ],
      });
    }
    const { accruals, transactionIds } = await books.accrue({ through: '2026-01-10' });
    expect(accruals.map((a) => a.accountId)).toEqual(accounts.map((a) => a.id));
    expect(new Set(accruals.map((a) => a.amount))).toEqual(new Set(['0.10']));
    expect(transactionIds).toHaveLength(3);
    const posted = await eventsOf(books, 'TransactionPosted');
    const sizes = posted.slice(-3).map((data) => (data['postings'] as object[]).length);
    expect(sizes).toEqual([1000, 1000, 503]);
    const expense = await currentAccount(books.ledger, books.expense.id);
    expect(expense).toMatchObject({ balance: '250.00' });
    const commands = await query<object>(
      books.ledger.databases.urls.log,
      `select from command_log where creator = 'CalculateInterestOwed'`,
    );
    expect(commands).toHaveLength(1);
  });

  it('is refused for more accounts than the process has room for, and comes in parts', async () => {
    const books = await startInterestBooks('USD', { limits: { commandBytesLimit: 4_600 } });
    const ids: string[] = [];
    for (let i = 0; i < 4; i++) {
      ids.push((await books.openWith(['1000.00', '2026-01-01'])).id);
    }
    const { ledger } = books;
    const before = ledger.open.ledger.head.position;
    const month = { through: '2026-01-31' };
    const refusal = await ledger.refuse(CalculateInterestOwed, books.input(month));
    expect(refusal).toMatchObject({
      code: 'payload_too_large',
      detail: 'The command would make more than 4600 bytes of events: divide it',
      isRemembered: false,
    });
    expect(ledger.open.ledger.head.position).toBe(before);
    for (const accountIds of [ids.slice(0, 2), ids.slice(2)]) {
      const { accruals } = await books.accrue({ ...month, accountIds });
      expect(accruals.map((accrual) => accrual.accountId)).toEqual(accountIds);
    }
  });
});
