import { Story, STORY_TIME } from '../../../test/harness/story';
import { CloseAccount, OpenAccount, type OpenAccountInput } from '../accounts/account.creators';
import { ACCOUNT_TYPES, type AccountType } from '../accounts/account.events';
import { accounts } from '../accounts/account.table';
import { CreateCompany } from '../companies/company.creators';
import { defineCreator } from '../../engine/define/creator';
import type { TransactionPostedData } from '../transactions/transaction.events';
import { PostTransaction, ReverseTransaction } from '../transactions/transaction.creators';
import { findTransaction } from '../transactions/transaction.queries';
import { reverseTransaction } from '../transactions/transaction.rules';
import { postedTransactionView } from '../transactions/transaction.view';
import { CancelOrder, PlaceOrder, type PlaceOrderInput } from './order.creators';
import { ORDER_SIDES } from './order.events';
import { ReverseSettlement } from './reverse-settlement.creator';
import type { TransactionDto } from '../transactions/transaction.dto';
import { SettleOrder, type SettleOrderInput } from './settle.creator';

const COMPANY = {
  clientId: 'acme',
  name: 'Acme',
  contactEmail: 'ceo@acme.example',
  address: { line1: 'Main St 1', city: 'Bonn', postalCode: '53113', country: 'DE' },
};
const SETTLED_AT = '2026-03-01T23:30:00.250Z';
const SETTLE: SettleOrderInput = {
  orderId: 'client:order',
  executedAmount: '100',
  fee: '2.5',
  feeAccountId: 'client:fees',
  settledAt: '2026-03-02T00:30:00.250+01:00',
};

type Prepared = Partial<PlaceOrderInput> & { accounts?: Record<string, Partial<OpenAccountInput>> };

/** An open order, on accounts for cash, broker and fees that may differ from assets in USD. */
async function prepared({ accounts: differences = {}, ...order }: Prepared = {}): Promise<Story> {
  const story = new Story();
  await story.given(CreateCompany, COMPANY);
  for (const clientId of ['cash', 'broker', 'fees', 'yen']) {
    const account = { clientId, name: clientId, type: 'asset', currency: 'USD' } as const;
    await story.given(OpenAccount, { ...account, ...differences[clientId] });
  }
  await story.given(PlaceOrder, {
    ...{
      clientId: 'order',
      companyId: 'client:acme',
      side: 'buy',
      symbol: 'XYZ',
      quantity: '10.5',
    },
    ...{ cashAccountId: 'client:cash', settlementAccountId: 'client:broker' },
    ...order,
  });
  return story;
}

/** Balances by client id, signed on the normal side. */
const ReadBalances = defineCreator<Record<string, never>, Record<string, bigint>>({
  name: 'ReadBalances',
  run: async ({ state }) => {
    const balances: Record<string, bigint> = {};
    for (const clientId of ['cash', 'broker', 'fees']) {
      const { type, debits, credits } = (await state.table(accounts).find('client_id', clientId))!;
      const isDebit = type === 'asset' || type === 'expense';
      balances[clientId] = isDebit ? debits - credits : credits - debits;
    }
    return balances;
  },
});

function postingsOf(events: readonly { type: string; data: object }[]): string[] {
  const { postings } = events[0]!.data as TransactionPostedData;
  return postings.map((p) => `${p.direction} ${p.amount}`);
}

interface RefusedSettlement {
  given?: Prepared;
  when?: Partial<SettleOrderInput>;
  /** The code, and the field that it points at. */
  then: [code: string, field?: string];
}

const REFUSALS: [what: string, RefusedSettlement][] = [
  [
    'a fee without account',
    { when: { feeAccountId: undefined }, then: ['validation_failed', 'feeAccountId'] },
  ],
  [
    'three decimals',
    { when: { executedAmount: '1.001' }, then: ['validation_failed', 'executedAmount'] },
  ],
  ['three decimals of a fee', { when: { fee: '0.001' }, then: ['validation_failed', 'fee'] }],
  ['no time', { when: { settledAt: '2026-03-04' }, then: ['validation_failed', 'settledAt'] }],
  [
    'the next day',
    {
      when: { settledAt: '2026-03-05T00:00:00Z' },
      then: ['future_effective_date', 'settledAt'],
    },
  ],
  [
    'the last day that there is',
    {
      when: { settledAt: '9999-12-31T23:59:59Z' },
      then: ['future_effective_date', 'settledAt'],
    },
  ],
  [
    'the century before the last',
    { when: { settledAt: '1899-12-31T23:59:59Z' }, then: ['validation_failed', 'settledAt'] },
  ],
  ['an unknown order', { when: { orderId: 'client:x' }, then: ['not_found'] }],
  [
    'no account',
    { when: { feeAccountId: 'client:x' }, then: ['account_not_found', 'feeAccountId'] },
  ],
  [
    'the fee to cash',
    { when: { feeAccountId: 'client:cash' }, then: ['validation_failed', 'feeAccountId'] },
  ],
  [
    'a fee in yen',
    {
      given: { accounts: { yen: { currency: 'JPY' } } },
      when: { feeAccountId: 'client:yen' },
      then: ['currency_mismatch', 'feeAccountId'],
    },
  ],
  ['a dear buy', { given: { limitAmount: '99.99' }, then: ['limit_exceeded'] }],
  ['a cheap sale', { given: { side: 'sell', limitAmount: '100.01' }, then: ['limit_not_reached'] }],
  [
    'a fee above the proceeds',
    { given: { side: 'sell' }, when: { fee: '100.01' }, then: ['fee_exceeds_proceeds'] },
  ],
  ['nothing', { when: { executedAmount: '0' }, then: ['zero_amount'] }],
  [
    'nothing at all',
    { given: { side: 'sell' }, when: { executedAmount: '0', fee: '0' }, then: ['zero_amount'] },
  ],
  [
    'no cover',
    { given: { accounts: { cash: { minBalance: '-102.49' } } }, then: ['insufficient_funds'] },
  ],
  [
    'too much',
    { given: { accounts: { broker: { maxBalance: '99.99' } } }, then: ['balance_limit_exceeded'] },
  ],
  // What is asked first is refused first.
  [
    'two at once',
    { when: { feeAccountId: undefined, orderId: 'client:x' }, then: ['validation_failed'] },
  ],
  [
    'two others',
    { when: { fee: '0.001', feeAccountId: 'client:x' }, then: ['validation_failed', 'fee'] },
  ],
  [
    'a dear buy without an account for its fee',
    {
      given: { limitAmount: '1' },
      when: { feeAccountId: 'client:x' },
      then: ['account_not_found'],
    },
  ],
  [
    'a dear buy without cover',
    {
      given: { limitAmount: '1', accounts: { cash: { minBalance: '0' } } },
      then: ['limit_exceeded'],
    },
  ],
];

const text = expect.any(String) as unknown;

describe('SettleOrder', () => {
  it('posts, settles and asks for a confirmation in one step', async () => {
    const story = await prepared({ limitAmount: '100' });
    const { events, tasks, answer } = await story.when(SettleOrder, SETTLE);
    const details = {
      ...{ orderId: text, companyId: text, side: 'buy', symbol: 'XYZ', quantity: '10.5' },
      ...{ executedAmount: '100.00', fee: '2.50', cashAmount: '102.50', currency: 'USD' },
      ...{ cashAccountId: text, settlementAccountId: text, feeAccountId: text },
      ...{ transactionId: text, settledAt: SETTLED_AT },
    };
    expect(events.map((e) => e.type)).toEqual(['TransactionPosted', 'OrderSettled']);
    const posted = events[0]!.data as TransactionPostedData;
    const settled = events[1]!.data as typeof details;
    expect(posted).toMatchObject({
      description: 'Buy 10.5 XYZ',
      effectiveDate: '2026-03-01',
      metadata: { orderId: settled.orderId },
      transactionId: settled.transactionId,
      postings: [
        { accountId: settled.cashAccountId, direction: 'credit', amount: '102.50' },
        { accountId: settled.settlementAccountId, direction: 'debit', amount: '100.00' },
        { accountId: settled.feeAccountId, direction: 'debit', amount: '2.50' },
      ],
    });
    expect(settled).toEqual(details);
    const { orderId, ...rest } = settled;
    const payload = { ...settled, clientId: 'order', companyName: 'Acme', placedAt: text };
    expect(tasks).toEqual([{ name: 'order.confirmation-upload', subject: orderId, payload }]);
    expect(answer).toEqual({
      ...rest,
      ...{ id: orderId, clientId: 'order', status: 'settled', limitAmount: '100.00' },
      ...{ version: 2, createdAt: text, position: 8 },
    });
  });

  describe.each(ORDER_SIDES)('of a %s', (side) => {
    const types = ACCOUNT_TYPES.flatMap((cash) =>
      ACCOUNT_TYPES.map((other): [AccountType, AccountType] => [cash, other]),
    );

    it.each(types)('moves cash in an account of type %s against one of type %s', async (a, b) => {
      const story = await prepared({
        side,
        accounts: { cash: { type: a }, broker: { type: b }, fees: { type: b } },
      });
      await story.given(SettleOrder, SETTLE);
      const { cash, broker, fees } = await story.given(ReadBalances, {});
      expect(cash).toBe(side === 'buy' ? -102_50n : 97_50n);
      // Debits equal credits (or it would have been refused), so the others can only balance it.
      expect([broker, -broker!]).toContain(100_00n);
      expect([fees, -fees!]).toContain(2_50n);
    });
  });

  it.each<[Prepared, Partial<SettleOrderInput>, string[]]>([
    [{}, {}, ['credit 102.50', 'debit 100.00', 'debit 2.50']],
    [{ side: 'sell' }, {}, ['debit 97.50', 'credit 100.00', 'debit 2.50']],
    [{}, { fee: '0' }, ['credit 100.00', 'debit 100.00']],
    [{ side: 'sell' }, { fee: undefined }, ['debit 100.00', 'credit 100.00']],
    // The fee takes all of the proceeds, so nothing comes to the cash account.
    [{ side: 'sell' }, { fee: '100' }, ['credit 100.00', 'debit 100.00']],
    [
      { side: 'sell', accounts: { cash: { type: 'liability' } } },
      {},
      ['credit 97.50', 'debit 100.00', 'credit 2.50'],
    ],
  ])('of %j with %j posts %j', async (order, change, postings) => {
    const story = await prepared(order);
    const { events } = await story.when(SettleOrder, { ...SETTLE, ...change });
    expect(postingsOf(events)).toEqual(postings);
  });

  it.each(REFUSALS)('refuses %s, and leaves the order open', async (_, { given, when, then }) => {
    const [code, field] = then;
    const story = await prepared(given);
    const { events, tasks, refusal } = await story.when(SettleOrder, { ...SETTLE, ...when });
    expect(refusal?.code).toBe(code);
    if (field !== undefined) {
      expect(refusal?.details.errors).toMatchObject([{ pointer: `/${field}` }]);
    }
    expect([events, tasks]).toEqual([[], []]);
    expect(Object.values(await story.given(ReadBalances, {}))).toEqual([0n, 0n, 0n]);
    await story.given(CancelOrder, { orderId: 'client:order' });
  });

  it('goes to a limit exactly, the fee apart', async () => {
    for (const side of ORDER_SIDES) {
      const story = await prepared({ side, limitAmount: '100' });
      expect((await story.when(SettleOrder, SETTLE)).refusal).toBeUndefined();
    }
  });

  it('refuses accounts that were closed since', async () => {
    for (const accountId of ['client:cash', 'client:broker', 'client:fees']) {
      const story = await prepared();
      await story.given(CloseAccount, { accountId });
      const { events, refusal } = await story.when(SettleOrder, SETTLE);
      expect([events, refusal?.code]).toEqual([[], 'account_closed']);
    }
  });

  it('settles once', async () => {
    const story = await prepared();
    const { id: orderId } = await story.given(SettleOrder, SETTLE);
    for (const creator of [SettleOrder, CancelOrder]) {
      const { events, refusal } = await story.when(creator, { ...SETTLE, orderId });
      expect([events, refusal?.code]).toEqual([[], 'order_not_open']);
    }
  });
});

/** As earlier versions did, which let a settlement's postings be reversed alone. */
const ReverseAlone = defineCreator<{ transactionId: string }, TransactionDto>({
  name: 'ReverseTransaction',
  run: async (context, { transactionId }) => {
    const original = await findTransaction(context.state, transactionId);
    await reverseTransaction(context, original!);
  },
  answer: ([event]) => postedTransactionView(event!),
});

describe('ReverseSettlement', () => {
  const reverse = { orderId: 'client:order', reason: 'Settled the wrong one' };
  const nothing = { cash: 0n, broker: 0n, fees: 0n };

  it('takes postings and state back in one step, so that it can be settled again', async () => {
    const story = await prepared();
    const { transactionId, ...settled } = await story.given(SettleOrder, SETTLE);
    const { events, tasks, answer } = await story.when(ReverseSettlement, reverse);
    expect(events.map((e) => e.type)).toEqual(['TransactionPosted', 'OrderSettlementReversed']);
    const posted = events[0]!.data as TransactionPostedData;
    expect(posted).toMatchObject({
      reverses: transactionId,
      effectiveDate: STORY_TIME.slice(0, 10),
      description: 'Reversal of Buy 10.5 XYZ',
    });
    expect(postingsOf(events)).toEqual(['debit 102.50', 'credit 100.00', 'credit 2.50']);
    expect(events[1]!.data).toEqual({
      ...{ orderId: settled.id, reason: reverse.reason, transactionId },
      reversalTransactionId: posted.transactionId,
    });
    expect(tasks).toEqual([]);
    const unsettled = { executedAmount: null, fee: null, feeAccountId: null, cashAmount: null };
    expect(answer).toEqual({
      ...{ ...settled, ...unsettled, transactionId: null, settledAt: null },
      ...{ status: 'placed', version: 3, position: 10 },
    });
    expect(await story.given(ReadBalances, {})).toEqual(nothing);
    const again = await story.when(SettleOrder, { ...SETTLE, executedAmount: '99' });
    expect(again.tasks).toMatchObject([{ name: 'order.confirmation-upload' }]);
    expect(again.answer).toMatchObject({ status: 'settled', executedAmount: '99.00', version: 4 });
  });

  it('is the only way: neither its transaction nor its reversal is reversed alone', async () => {
    const story = await prepared();
    const { id, transactionId } = await story.given(SettleOrder, SETTLE);
    const way = async (of: string) => {
      const { refusal, events } = await story.when(ReverseTransaction, { transactionId: of });
      expect([refusal?.code, events]).toEqual(['has_source', []]);
      return refusal!.detail;
    };
    expect(await way(transactionId!)).toContain(`POST /v1/orders/${id}/reverse-settlement`);
    const { events } = await story.when(ReverseSettlement, reverse);
    const { transactionId: reversal } = events[0]!.data as TransactionPostedData;
    expect(await way(transactionId!)).toContain('is part of order_settlement');
    expect(await way(reversal)).toContain(`POST /v1/orders/${id}/settle`);
  });

  it('refuses what is not settled, is not there, or would break a limit', async () => {
    const story = await prepared({ side: 'sell', accounts: { cash: { minBalance: '0' } } });
    const codeOf = async (input = reverse) => {
      const { refusal, events } = await story.when(ReverseSettlement, input);
      expect(events).toEqual([]);
      return refusal?.code;
    };
    expect(await codeOf()).toBe('order_not_open');
    expect(await codeOf({ ...reverse, orderId: 'client:x' })).toBe('not_found');
    await story.given(SettleOrder, SETTLE);
    await story.given(PostTransaction, {
      description: 'Spent',
      postings: [
        { accountId: 'client:cash', direction: 'credit', amount: '1' },
        { accountId: 'client:fees', direction: 'debit', amount: '1' },
      ],
    });
    expect(await codeOf()).toBe('insufficient_funds');
    expect((await story.when(SettleOrder, SETTLE)).refusal?.code).toBe('order_not_open');
  });

  it.each([
    ['once', 1, ['OrderSettlementReversed'], nothing],
    ['twice', 2, ['TransactionPosted', 'OrderSettlementReversed'], nothing],
    ['three times', 3, ['OrderSettlementReversed'], nothing],
  ])('opens an order whose postings were reversed alone %s', async (_, times, types, balances) => {
    const story = await prepared();
    let { transactionId } = (await story.given(SettleOrder, SETTLE)) as { transactionId: string };
    for (let i = 0; i < times; i++) {
      transactionId = (await story.given(ReverseAlone, { transactionId })).id;
    }
    const { events, answer } = await story.when(ReverseSettlement, reverse);
    expect(events.map((e) => e.type)).toEqual(types);
    expect(answer).toMatchObject({ status: 'placed' });
    expect(await story.given(ReadBalances, {})).toEqual(balances);
  });
});
