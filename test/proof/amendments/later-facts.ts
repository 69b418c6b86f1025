import {
  ChangeAccount,
  FreezeAccount,
  ReopenAccount,
  UnfreezeAccount,
} from '../../../src/books/accounts/account-change.creators';
import { CloseAccount } from '../../../src/books/accounts/account.creators';
import { CaptureHold } from '../../../src/books/holds/capture.creator';
import { ExpireHolds, PlaceHold, VoidHold } from '../../../src/books/holds/hold.creators';
import { ChangeLimit, CreateLimit, RemoveLimit } from '../../../src/books/limits/limit.creators';
import { ClosePeriod, ReopenPeriod } from '../../../src/books/periods/period.creators';
import {
  CancelScheduledTransaction,
  PostScheduledTransactions,
  ScheduleTransaction,
} from '../../../src/books/schedules/schedule.creators';
import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import { openAccount, transfer } from '../../harness/books';
import type { TestLedger } from '../../harness/ledger';
import { waitFor } from '../../harness/waiting';
import { InterestBooks } from '../../books/interest/interest-books';

const reason = 'Asked for';

/**
 * Makes events of all kinds that later ones rest on. Of each kind the first is what the second,
 * and what follows, depend on.
 */
export async function laterFacts(ledger: TestLedger): Promise<void> {
  await accounts(ledger);
  await holds(ledger);
  await limits(ledger);
  await schedules(ledger);
  await periods(ledger);
  await interest(ledger);
}

/** Two that are frozen, closed and opened again after each other, and money that moves between. */
async function accounts(ledger: TestLedger): Promise<void> {
  const cash = await openAccount(ledger);
  const pair = [await openAccount(ledger), await openAccount(ledger)];
  await ledger.accept(ChangeAccount, { accountId: pair[0]!.id, minBalance: '-5' });
  await ledger.accept(PostTransaction, transfer(cash, pair[0]!, '2'));
  await ledger.accept(PostTransaction, transfer(pair[0]!, cash, '2'));
  for (const { id: accountId } of pair) {
    await ledger.accept(FreezeAccount, { accountId, side: 'debits', reason });
    await ledger.accept(UnfreezeAccount, { accountId, reason });
    await ledger.accept(CloseAccount, { accountId });
    await ledger.accept(ReopenAccount, { accountId, reason });
  }
}

async function holds(ledger: TestLedger): Promise<void> {
  const [till, shop] = [await openAccount(ledger), await openAccount(ledger)];
  const place = async (expiresAt?: string) => {
    const hold = { ...transfer(till, shop, '10'), description: 'Held', expiresAt };
    return (await ledger.accept(PlaceHold, hold)).id;
  };
  const part = transfer(till, shop, '4').postings;
  const captured = await place();
  const capture = (holdId: string) =>
    ledger.accept(CaptureHold, { holdId, postings: part, final: false });
  await capture(captured);
  await ledger.accept(CaptureHold, { holdId: captured });
  const [first, second] = [await place(), await place()];
  await ledger.accept(VoidHold, { holdId: first });
  await capture(second);
  await ledger.accept(VoidHold, { holdId: second });
  const expiresAt = new Date(Date.now() + 1_000).toISOString();
  for (const holdIds of [[await place(expiresAt)], [await place(expiresAt)]]) {
    await waitFor('a hold to expire', async () => {
      return (await ledger.accept(ExpireHolds, { holdIds })).expired > 0;
    });
  }
}

async function limits(ledger: TestLedger): Promise<void> {
  const [a, b] = [await openAccount(ledger), await openAccount(ledger)];
  for (let i = 0; i < 2; i++) {
    const of = { accountId: a.id, direction: 'debit', currency: 'USD', per: 'day' } as const;
    const { id: limitId } = await ledger.accept(CreateLimit, { ...of, amount: '100' });
    await ledger.accept(PostTransaction, transfer(a, b, '30'));
    await ledger.accept(ChangeLimit, { limitId, amount: '200' });
    await ledger.accept(RemoveLimit, { limitId });
  }
}

/** One that is posted, one that is refused, and two that are cancelled, of which one ran before. */
async function schedules(ledger: TestLedger): Promise<void> {
  const [a, b] = [await openAccount(ledger), await openAccount(ledger)];
  const poor = await openAccount(ledger, { minBalance: '0' });
  const postOn = new Date().toISOString().slice(0, 10);
  const schedule = async (from: typeof a, rest: object = {}) => {
    const { description, postings } = transfer(b, from, '3');
    const input = { description, postings, postOn, ...rest };
    return (await ledger.accept(ScheduleTransaction, input)).id;
  };
  const repeat = 'monthly';
  const scheduleIds = [await schedule(a, { repeat }), await schedule(poor, { repeat })];
  await ledger.accept(CancelScheduledTransaction, { scheduleId: await schedule(a) });
  await ledger.accept(PostScheduledTransactions, { on: postOn, scheduleIds });
  await ledger.accept(CancelScheduledTransaction, { scheduleId: scheduleIds[0]! });
}

/** January is closed, and opened again once something is dated into February. */
async function periods(ledger: TestLedger): Promise<void> {
  const [cash, sales] = [await openAccount(ledger), await openAccount(ledger, { type: 'income' })];
  const equity = await openAccount(ledger, { type: 'equity' });
  const sell = (effectiveDate: string) =>
    ledger.accept(PostTransaction, transfer(cash, sales, '5', { effectiveDate }));
  await sell('2024-12-10');
  await ledger.accept(ClosePeriod, { through: '2024-12-31' });
  await sell('2025-01-10');
  const january = { through: '2025-01-31', closeTo: [equity.id] };
  const { id: closeId } = await ledger.accept(ClosePeriod, january);
  await sell('2025-02-10');
  await ledger.accept(ReopenPeriod, { closeId, reason });
  await sell('2025-01-20');
}

async function interest(ledger: TestLedger): Promise<void> {
  const cash = await openAccount(ledger);
  const expense = await openAccount(ledger, { type: 'expense' });
  const books = new InterestBooks(ledger, cash, expense);
  await books.openWith(['1000', '2025-03-01']);
  const accruals = [];
  for (const through of ['2025-03-31', '2025-04-30']) {
    accruals.push(await books.accrue({ through }));
  }
  for (const accrual of accruals.toReversed()) await books.reverse(accrual);
}
