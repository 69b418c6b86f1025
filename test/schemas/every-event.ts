import { readHold } from '../../src/books/holds/hold.queries';
import { amend } from '../../src/proof/amendments/amend';
import {
  ChangeAccount,
  FreezeAccount,
  ReopenAccount,
  UnfreezeAccount,
} from '../../src/books/accounts/account-change.creators';
import { CloseAccount } from '../../src/books/accounts/account.creators';
import { ChangeCompanyAddress, CreateCompany } from '../../src/books/companies/company.creators';
import { CaptureHold } from '../../src/books/holds/capture.creator';
import { ExpireHolds, PlaceHold, VoidHold } from '../../src/books/holds/hold.creators';
import { DefineCurrency } from '../../src/books/currencies/currency.creators';
import { ClosePeriod, ReopenPeriod } from '../../src/books/periods/period.creators';
import { PostTransaction } from '../../src/books/transactions/transaction.creators';
import { ChangeLimit, CreateLimit, RemoveLimit } from '../../src/books/limits/limit.creators';
import type { CreateLimitInput } from '../../src/books/limits/limit.creators';
import {
  CancelScheduledTransaction,
  PostScheduledTransactions,
  ScheduleTransaction,
} from '../../src/books/schedules/schedule.creators';
import { CancelOrder, PlaceOrder } from '../../src/books/orders/order.creators';
import { ReverseSettlement } from '../../src/books/orders/reverse-settlement.creator';
import { SettleOrder } from '../../src/books/orders/settle.creator';
import {
  DisableWebhook,
  EnableWebhook,
  RotateWebhookSecret,
  SubscribeWebhook,
} from '../../src/outside/webhooks/webhook.creators';
import { openAccount, transfer } from '../harness/books';
import type { TestLedger } from '../harness/ledger';
import { waitFor } from '../harness/waiting';
import { InterestBooks } from '../books/interest/interest-books';

/** Makes events of every kind that accounts and transactions alone do not make. */
export async function everyOtherEvent(ledger: TestLedger): Promise<void> {
  await ledger.accept(DefineCurrency, { code: '1TOKEN', digits: 18, name: 'A token' });
  await accountChanges(ledger);
  await periods(ledger);
  await everyHold(ledger);
  await velocityLimits(ledger);
  await schedules(ledger);
  await companiesAndOrders(ledger);
  await interest(ledger);
  await subscriptions(ledger);
  await amendment(ledger);
}

async function accountChanges(ledger: TestLedger): Promise<void> {
  const { id: accountId } = await openAccount(ledger, { minBalance: '-5' });
  const reason = 'Asked for by "the court"';
  const change = (input: object) => ledger.accept(ChangeAccount, { accountId, ...input });
  await change({ name: 'Ünë', metadata: { a: 'b' }, minBalance: null, maxBalance: '10' });
  await change({ metadata: {}, minBalance: '-0.5', group: 'a.b:C-d:_' });
  await change({ group: null });
  await ledger.accept(FreezeAccount, { accountId, side: 'credits', reason });
  await ledger.accept(FreezeAccount, { accountId, side: 'all', reason });
  await ledger.accept(UnfreezeAccount, { accountId, reason });
  await ledger.accept(CloseAccount, { accountId });
  await ledger.accept(ReopenAccount, { accountId, reason });
}

/** With and without something to carry; before all that others post. */
async function periods(ledger: TestLedger): Promise<void> {
  const [cash, sales, equity] = [
    await openAccount(ledger),
    await openAccount(ledger, { type: 'income', group: 'income:sales' }),
    await openAccount(ledger, { type: 'equity' }),
  ];
  await ledger.accept(ClosePeriod, { through: '1950-01-31' });
  const sale = transfer(cash, sales, '7', { effectiveDate: '1950-02-01' });
  await ledger.accept(PostTransaction, sale);
  const february = { through: '1950-02-28', closeTo: [equity.id] };
  const { id: closeId } = await ledger.accept(ClosePeriod, february);
  await ledger.accept(ReopenPeriod, { closeId, reason: 'A "late" invoice' });
  await ledger.accept(PostTransaction, sale);
  await ledger.accept(ClosePeriod, february);
}

/** Holds that are captured in parts and whole, voided, and that expire. */
async function everyHold(ledger: TestLedger): Promise<void> {
  const { id: till } = await openAccount(ledger);
  const { id: customer } = await openAccount(ledger, { type: 'liability', maxBalance: '50' });
  const posting = (accountId: string, direction: 'debit' | 'credit', amount: string) => {
    return { accountId, direction, amount };
  };
  const postings = (amount: string) => [
    posting(till, 'debit', amount),
    posting(customer, 'credit', amount),
  ];
  const place = async (rest: object = {}) =>
    (await ledger.accept(PlaceHold, { description: 'Hold', postings: postings('10'), ...rest })).id;
  const parts = await place({ clientId: 'parts', metadata: { a: 'b' } });
  await ledger.accept(CaptureHold, { holdId: parts, postings: postings('4'), final: false });
  await ledger.accept(CaptureHold, { holdId: parts, postings: postings('2.5') });
  await ledger.accept(CaptureHold, { holdId: await place(), description: 'All of it' });
  await ledger.accept(VoidHold, { holdId: await place(), reason: 'No "sale"' });
  const expiresAt = new Date(Date.now() + 1_000).toISOString();
  const short = [await place({ expiresAt }), await place({ expiresAt })];
  // A service beside it may have them expire first.
  await waitFor('holds to expire', async () => {
    await ledger.accept(ExpireHolds, { holdIds: short });
    const { value } = await ledger.open.stateReader.read((db) => readHold(db, short[1]!));
    return value?.status === 'expired';
  });
}

/** That are posted, refused and cancelled; what is due today is due at once. */
async function schedules(ledger: TestLedger): Promise<void> {
  const [a, b] = [await openAccount(ledger), await openAccount(ledger)];
  const poor = await openAccount(ledger, { minBalance: '0' });
  const postOn = new Date().toISOString().slice(0, 10);
  const schedule = async (from: typeof a, rest: object = {}) => {
    const { description, postings } = transfer(b, from, '3');
    const input = { description, postings, postOn, ...rest };
    return (await ledger.accept(ScheduleTransaction, input)).id;
  };
  const scheduleIds = [
    await schedule(a, { clientId: 'once', metadata: { a: 'b' } }),
    await schedule(a, { repeat: 'monthly', until: '2999-12-31' }),
    await schedule(poor),
    await schedule(poor, { repeat: 'weekly' }),
  ];
  await ledger.accept(PostScheduledTransactions, { on: postOn, scheduleIds });
  await ledger.accept(CancelScheduledTransaction, { scheduleId: scheduleIds[1]! });
}

async function velocityLimits(ledger: TestLedger): Promise<void> {
  const [a, b] = [await openAccount(ledger), await openAccount(ledger)];
  const of = { accountId: a.id, currency: 'USD' } as const;
  const limit = async (rest: Partial<CreateLimitInput>) =>
    ledger.accept(CreateLimit, { ...of, direction: 'debit', per: 'day', ...rest });
  const { id: limitId } = await limit({ amount: '100.5', clientId: 'a-limit' });
  await limit({ count: 5, per: 'rolling-24h' });
  await limit({ count: 5, amount: '7', per: 'month', direction: 'credit' });
  await ledger.accept(PostTransaction, transfer(a, b, '1'));
  await ledger.accept(ChangeLimit, { limitId, amount: null, count: 3 });
  await ledger.accept(PostTransaction, transfer(a, b, '200'));
  await ledger.accept(RemoveLimit, { limitId });
  await ledger.accept(PostTransaction, transfer(b, a, '2'));
}

/** An account whose name was wrong from the beginning. */
async function amendment(ledger: TestLedger): Promise<void> {
  const { id } = await openAccount(ledger);
  const { registry, urls, logReader } = ledger.open;
  const event = await logReader
    .selectFrom('event_log')
    .select(['position', 'data'])
    .orderBy('position', 'desc')
    .executeTakeFirstOrThrow();
  const data = { ...event.data, name: `Renamed ${id}` };
  const input = { position: event.position, data, reason: 'A "better" name' };
  const command = { name: 'AmendEvent', actor: 'tester', input } as const;
  const outcome = await amend({ urls, registry }, command);
  if (outcome.kind === 'refused') throw outcome.refusal;
}

async function companiesAndOrders(ledger: TestLedger): Promise<void> {
  const address = { line1: 'Main St 1', city: 'Bonn', postalCode: '53113', country: 'DE' };
  const company = { name: 'Acme', contactEmail: "o'neil+x@b.example", address };
  const { id: companyId } = await ledger.accept(CreateCompany, company);
  await ledger.accept(CreateCompany, { ...company, clientId: 'other:company' });
  const moved = { ...address, line2: 'c/o Ünë', region: 'NRW' };
  await ledger.accept(ChangeCompanyAddress, { companyId, address: moved });
  const { id: cashAccountId } = await openAccount(ledger);
  const { id: settlementAccountId } = await openAccount(ledger);
  const { id: feeAccountId } = await openAccount(ledger, { type: 'expense' });
  const accounts = { companyId, cashAccountId, settlementAccountId };
  const trade = { ...accounts, symbol: 'BRK.B', quantity: '10.50' };
  const place = async (side: 'buy' | 'sell', rest: object = {}) =>
    (await ledger.accept(PlaceOrder, { ...trade, ...rest, side })).id;
  const settled = { executedAmount: '100.5', settledAt: '2026-01-31T23:30:00-01:00' };
  const bought = await place('buy', { clientId: 'bought', limitAmount: '500' });
  await ledger.accept(SettleOrder, { ...settled, orderId: bought, fee: '2', feeAccountId });
  await ledger.accept(ReverseSettlement, { orderId: bought, reason: 'Settled twice' });
  const sold = await place('sell', { quantity: '3' });
  await ledger.accept(SettleOrder, { ...settled, orderId: sold });
  await ledger.accept(CancelOrder, { orderId: await place('buy') });
}

/**
 * Days with and without interest, below zero, backdated, and in a currency without digits; days
 * that are counted together, accounts that are left out, and accruals that are taken back.
 */
async function interest(ledger: TestLedger): Promise<void> {
  for (const currency of ['USD', 'JPY']) {
    const cash = await openAccount(ledger, { currency });
    const expense = await openAccount(ledger, { type: 'expense', currency });
    const books = new InterestBooks(ledger, cash, expense);
    const [savings, poor] = [await books.open(), await books.open()];
    await books.post(savings, '100000', '2026-01-01');
    await books.post(savings, '5', '2026-03-05');
    await books.post(poor, '-7', '2026-01-02');
    const accountIds = [savings.id, poor.id];
    await books.accrue({ accountIds, through: '2026-01-31' });
    await books.post(savings, '-90000', '2026-01-10');
    await books.post(poor, '9', '2025-12-30');
    await books.accrue({ accountIds, through: '2026-02-28', dayCount: '30/360' });
    const terms = { dayCount: '30U/360', compounding: 'posted', onRefusal: 'skip' } as const;
    for (const through of ['2026-03-30', '2026-03-31', '2026-04-15']) {
      const more = [...accountIds, 'client:nobody', cash.id.toUpperCase()];
      await books.reverse(await books.accrue({ ...terms, accountIds, through }));
      await books.accrue({ ...terms, accountIds: more, through });
    }
  }
}

async function subscriptions(ledger: TestLedger): Promise<void> {
  const url = 'https://receiver.example/hook?token=a';
  const { id: subscriptionId } = await ledger.accept(SubscribeWebhook, { url, eventTypes: ['*'] });
  const named = { clientId: 'named', url, eventTypes: ['AccountOpened', 'AccountClosed'] };
  await ledger.accept(SubscribeWebhook, { ...named, sealedSecret: 'sealed' });
  await ledger.accept(RotateWebhookSecret, { subscriptionId });
  await ledger.accept(RotateWebhookSecret, { subscriptionId, sealedSecret: 'sealed' });
  await ledger.accept(DisableWebhook, { subscriptionId });
  await ledger.accept(EnableWebhook, { subscriptionId });
}
