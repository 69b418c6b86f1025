import { defineCreator } from '../../../src/engine/define/creator';
import { defineEvent } from '../../../src/engine/define/event';
import { defineFeature } from '../../../src/engine/define/feature';
import { defineMaterializer } from '../../../src/engine/define/materializer';
import { Registry } from '../../../src/engine/define/registry';
import { features } from '../../../src/features';
import { replay } from '../../../src/proof/replay/replay';
import {
  PostTransaction,
  ReverseTransaction,
} from '../../../src/books/transactions/transaction.creators';
import { checkPostings } from '../../../src/books/transactions/posting.rules';
import { TransactionPosted } from '../../../src/books/transactions/transaction.events';
import { readTransaction } from '../../../src/books/transactions/transaction.queries';
import { currentAccount, openAccount, transfer } from '../../harness/books';
import { query } from '../../harness/cluster';
import { cloneDatabases, type TestDatabases } from '../../harness/databases';
import { startTestLedger, type TestLedger } from '../../harness/ledger';
import { InterestBooks } from './interest-books';

interface OldAccrual {
  readonly accountId: string;
  readonly expenseAccountId: string;
  readonly from: string;
  readonly through: string;
  readonly annualRate: string;
  readonly amount: string;
  /** Decimal strings: credits minus debits without interest, and what was accrued in all. */
  readonly balance: string;
  readonly accrued: string;
  readonly carried: string;
}

const Accrued1 = defineEvent('InterestAccrued');
const Adjusted1 = defineEvent('InterestAdjusted');

/** Accrues as version 1 did: it knew no accruals, and not that interest is paid out first. */
const AccrueAsVersion1 = defineCreator<OldAccrual, void>({
  name: 'CalculateInterestOwed',
  run: async (context, { expenseAccountId, balance, ...accrual }) => {
    const { accountId, amount, from, through } = accrual;
    const postings = await checkPostings(context, [
      { accountId, direction: 'credit', amount },
      { accountId: expenseAccountId, direction: 'debit', amount },
    ]);
    // Also for days to come.
    const posted = await context.append(TransactionPosted, {
      ...{ transactionId: context.newId(), description: `Interest through ${through}` },
      ...{ effectiveDate: through, postings },
    });
    await context.append(Accrued1, {
      ...accrual,
      ...{ carriedFraction: '0', currency: 'USD', dayCount: 'actual/365', principal: balance },
      stretches: [{ balance, from, through }],
      transactionId: posted.data.transactionId,
    });
  },
});

const oldInterest = defineFeature({
  name: 'interest',
  materializers: [Accrued1, Adjusted1].map((event) => defineMaterializer(event, 2, () => {})),
  creators: [AccrueAsVersion1],
});
const oldFeatures = features.map((one) => (one.name === 'interest' ? oldInterest : one));

/** Books with a year's interest, of 100.00 on 1000.00, that version 1 accrued. */
class OldBooks {
  private constructor(
    readonly databases: TestDatabases,
    readonly ledger: TestLedger,
    readonly ids: { readonly cash: string; readonly expense: string; readonly savings: string },
  ) {}

  static async start(): Promise<OldBooks> {
    const databases = await cloneDatabases();
    const ledger = await startTestLedger({ databases, features: oldFeatures });
    const cash = await openAccount(ledger);
    const expense = await openAccount(ledger, { type: 'expense' });
    const savings = await openAccount(ledger, { type: 'liability' });
    const deposit = transfer(cash, savings, '1000.00', { effectiveDate: '2023-01-01' });
    await ledger.accept(PostTransaction, deposit);
    const ids = { cash: cash.id, expense: expense.id, savings: savings.id };
    const books = new OldBooks(databases, ledger, ids);
    await books.accrue({ from: '2023-01-01', through: '2023-12-31' });
    return books;
  }

  accrue(days: Partial<OldAccrual> & { from: string; through: string }): Promise<void> {
    const { savings: accountId, expense: expenseAccountId } = this.ids;
    return this.ledger.accept(AccrueAsVersion1, {
      ...{ accountId, expenseAccountId, annualRate: '0.1', carried: '0' },
      ...{ amount: '100.00', balance: '1000.00', accrued: '100.00' },
      ...days,
    });
  }

  /** Opens the books with this version, after a replay. */
  async renewed(): Promise<InterestBooks> {
    await this.ledger.close();
    const { databases, ids } = this;
    databases.features = features;
    const report = await replay({ urls: databases.urls, registry: new Registry(features) });
    expect(report).toMatchObject({ status: 'swapped', doom: null });
    const ledger = await startTestLedger({ databases });
    const [cash, expense] = [
      await currentAccount(ledger, ids.cash),
      await currentAccount(ledger, ids.expense),
    ];
    return new InterestBooks(ledger, cash, expense);
  }

  /** The commands that accrued, with their transactions. */
  async commands() {
    return query<{ id: string; transaction: string }>(
      this.databases.urls.log,
      `select command_id as id, data->>'transactionId' as transaction from event_log
       where type = 'InterestAccrued' order by position`,
    );
  }
}

describe('an accrual of an older version', () => {
  it('has the id of its command, and its transaction says so', async () => {
    const old = await OldBooks.start();
    const books = await old.renewed();
    const [command] = await old.commands();
    const accrual = await books.accrualOf(command!.id);
    expect(accrual).toMatchObject({
      ...{ id: command!.id, annualRate: '0.1', dayCount: 'actual/365', compounding: 'none' },
      ...{ through: '2023-12-31', expenseAccountId: null, skipped: [], reversal: null },
      accruals: [{ accountId: old.ids.savings, principal: '1000.00', amount: '100.00' }],
      transactionIds: [command!.transaction],
    });
    const { value } = await books.ledger.open.stateReader.read((db) =>
      readTransaction(db, command!.transaction),
    );
    expect(value!.source).toEqual({ type: 'interest_accrual', id: command!.id });
  });

  it('has posted interest that is paid out first from now on', async () => {
    const old = await OldBooks.start();
    const books = await old.renewed();
    const savings = await currentAccount(books.ledger, old.ids.savings);
    await books.post(savings, '-100.00', '2024-01-01');
    const input = { annualRate: '0.1', accountIds: [savings.id] };
    const next = await books.accrue({ through: '2024-12-31', ...input });
    expect(next.accruals).toMatchObject([{ principal: '1000.00', amount: '100.27' }]);
    // What is backdated now is made good on what both versions have accrued.
    await books.post(savings, '-365.00', '2023-12-31');
    const last = await books.accrue({ through: '2025-01-01', ...input });
    // One day of the old accrual, 0.10; then 366 days.
    expect(last.adjustments).toMatchObject([
      { from: '2023-12-31', through: '2024-12-31', amount: '-36.70' },
    ]);
    expect(last.accruals).toMatchObject([{ principal: '635.00' }]);
  });

  it('stays as it was, be it on too little, until something is backdated into it', async () => {
    const old = await OldBooks.start();
    await old.ledger.accept(
      PostTransaction,
      transfer({ id: old.ids.savings }, { id: old.ids.cash }, '100.00', {
        effectiveDate: '2024-01-01',
      }),
    );
    const [from, through] = ['2024-01-01', '2024-12-31'];
    const carried = String((246_575n * 26_280n * 10n ** 12n) / 10n ** 6n);
    const amounts = { amount: '90.25', balance: '900.00', accrued: '190.25' };
    await old.accrue({ from, through, carried, ...amounts });
    const books = await old.renewed();
    const input = { annualRate: '0.1', accountIds: [old.ids.savings] };
    const next = await books.accrue({ through: '2025-01-01', ...input });
    expect(next).toMatchObject({ adjustments: [], accruals: [{ principal: '1000.00' }] });
    const savings = await currentAccount(books.ledger, old.ids.savings);
    await books.post(savings, '365.00', '2024-12-31');
    const last = await books.accrue({ through: '2025-01-02', ...input });
    // 10.02 were missing for 100.00 of principal, and two days are 0.10 more.
    expect(last.adjustments).toMatchObject([{ amount: '10.22' }]);
  });

  it('keeps what rounding left of it', async () => {
    const old = await OldBooks.start();
    // 31 days of 1000.00 at 4.25 % are 3.60958904…
    const exact = 100_000n * 31n * 42_500_000_000n * 72n;
    const carried = String(exact - 361n * 26_280n * 10n ** 12n);
    const days = { from: '2024-01-01', through: '2024-01-31', annualRate: '0.0425' };
    await old.accrue({ ...days, carried, amount: '3.61', accrued: '103.61' });
    const books = await old.renewed();
    const [, command] = await old.commands();
    const accrual = await books.accrualOf(command!.id);
    const [first] = accrual!.accruals;
    expect(first).toMatchObject({ carriedFraction: '-0.00041095890410958904' });
    const input = { annualRate: '0.0425', accountIds: [old.ids.savings] };
    const { accruals } = await books.accrue({ through: '2024-02-01', ...input });
    expect(accruals).toMatchObject([{ carriedFraction: '-0.0039726027397260274' }]);
  });

  it('is taken back like any other', async () => {
    const old = await OldBooks.start();
    const books = await old.renewed();
    const [command] = await old.commands();
    const accrual = (await books.accrualOf(command!.id))!;
    const { reversal } = await books.reverse(accrual);
    expect(reversal.transactionIds).toHaveLength(1);
    const savings = await currentAccount(books.ledger, old.ids.savings);
    expect(savings).toMatchObject({ balance: '1000.00' });
    const again = { through: '2023-12-31', annualRate: '0.2', accountIds: [savings.id] };
    expect((await books.accrue(again)).accruals).toMatchObject([
      { from: '2023-01-01', principal: '1000.00', amount: '200.00' },
    ]);
  });

  it('through a day to come is taken back today', async () => {
    const old = await OldBooks.start();
    const days = { from: '2024-01-01', through: '2206-01-31' };
    await old.accrue({ ...days, amount: '18200.00', accrued: '18300.00' });
    const books = await old.renewed();
    const [, command] = await old.commands();
    await books.reverse((await books.accrualOf(command!.id))!);
    const savings = await currentAccount(books.ledger, old.ids.savings);
    expect(savings).toMatchObject({ balance: '1100.00' });
    const input = { annualRate: '0.1', accountIds: [savings.id] };
    const { accruals } = await books.accrue({ through: '2024-12-31', ...input });
    expect(accruals).toMatchObject([{ principal: '1000.00', amount: '100.27' }]);
  });

  it.each([1, 2, 3])('whose transaction was reversed alone, %i times, is too', async (times) => {
    const old = await OldBooks.start();
    let transactionId = (await old.commands())[0]!.transaction;
    const reversals: string[] = [];
    for (let i = 0; i < times; i++) {
      const input = { transactionId, effectiveDate: '2024-02-01' };
      transactionId = (await old.ledger.accept(ReverseTransaction, input)).id;
      reversals.push(transactionId);
    }
    const books = await old.renewed();
    const [command] = await old.commands();
    const { reversal } = await books.reverse((await books.accrualOf(command!.id))!);
    // The money is taken back where it was not taken back already.
    expect(reversal.transactionIds.slice(0, times)).toEqual(reversals);
    expect(reversal.transactionIds).toHaveLength(times + (times % 2 === 0 ? 1 : 0));
    const savings = await currentAccount(books.ledger, old.ids.savings);
    expect(savings).toMatchObject({ balance: '1000.00' });
    const again = { through: '2024-12-31', annualRate: '0.1', accountIds: [savings.id] };
    expect((await books.accrue(again)).accruals).toMatchObject([
      { from: '2023-01-01', principal: '1000.00', amount: '200.27' },
    ]);
  });
});
