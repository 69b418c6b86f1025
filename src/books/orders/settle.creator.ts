import assert from 'node:assert';
import { findAccount, needAccount } from '../accounts/account.queries';
import { accounts, type AccountRow } from '../accounts/account.table';
import { needCompany } from '../companies/company.queries';
import { defineCreator, type CreatorContext } from '../../engine/define/creator';
import { loadedReferenced } from '../../engine/define/reference';
import { Refusal } from '../../engine/define/refusal';
import { formatAmount } from '../../money/amount';
import { FIRST_EFFECTIVE_DATE } from '../../money/calendar-date';
import type { CurrencyDigits } from '../../money/currency';
import { readInstant } from '../../money/instant';
import { needLimits } from '../limits/limit.rules';
import { needPosting, postTransaction, refuseDay } from '../transactions/transaction.rules';
import { orderIn } from './order.creators';
import { OrderSettled, type OrderSide } from './order.events';
import { findOrder, needOrder } from './order.queries';
import { AmountReader, checkSameCurrency, invalidOrder } from './order.rules';
import { openAccountIn, settlementPostings } from './order.rules';
import { orders, type OrderRow } from './order.table';
import { orderView } from './order.view';
import type { OrderDto } from './order.dto';

/** References are ids or `client:<clientId>`, amounts decimal strings. */
export interface SettleOrderInput {
  orderId: string;
  executedAmount: string;
  fee?: string | undefined;
  feeAccountId?: string | undefined;
  /** RFC 3339, kept in UTC with milliseconds. The postings take effect on its day. */
  settledAt: string;
}

/**
 * Settles an order: its postings, its new state and the task of confirming it, in one step or not
 * at all; see {@link settlementPostings} for what is posted. Refuses, in this order:
 * `validation_failed` for a time before 1900, `future_effective_date` and `period_closed` (for
 * `settledAt`),
 * `validation_failed` for a fee without an account, `not_found`, `order_not_open`,
 * `validation_failed` for amounts that do not fit the currency, `account_not_found`,
 * `account_closed` and `currency_mismatch` for the fee's account, `limit_exceeded` (a buy) or
 * `limit_not_reached` (a sale), `fee_exceeds_proceeds` (a sale), and what posting refuses.
 */
export const SettleOrder = defineCreator<SettleOrderInput, OrderDto>({
  name: 'SettleOrder',
  needs: ({ orderId, feeAccountId }, needs) => {
    needPosting(needs);
    needOrder(needs, orderId);
    if (feeAccountId !== undefined) needAccount(needs, feeAccountId);
  },
  needsThen: ({ orderId, feeAccountId = null }, loaded, needs) => {
    const order = loadedReferenced(loaded, orders, orderId);
    if (!order) return;
    const { cash_account_id: cashAccountId, settlement_account_id: settlementAccountId } = order;
    needAccount(needs, cashAccountId);
    needAccount(needs, settlementAccountId);
    needCompany(needs, order.company_id);
    const cash = loadedReferenced(loaded, accounts, cashAccountId);
    if (!cash) return;
    // Whatever the amounts are, they are posted to these sides.
    const [executed, fee] = [2n, feeAccountId === null ? 0n : 1n];
    const to = { ...{ side: order.side, executed, fee, cash }, settlementAccountId, feeAccountId };
    needLimits(settlementPostings(to).postings, loaded, needs);
  },
  run: async (context, input) => {
    const settledAt = readSettledAt(input.settledAt);
    const effectiveDate = await effectiveDateOf(context, settledAt);
    if (!/^0(\.0+)?$/.test(input.fee ?? '0') && input.feeAccountId === undefined) {
      throw invalidOrder({
        pointer: '/feeAccountId',
        message: 'is missing, although there is a fee',
      });
    }
    const order = await orderIn(context, input.orderId, 'placed');
    const { side, symbol, quantity, currency, digits } = order;
    const { executed, fee } = readAmounts(order, input);
    const cash = await findAccount(context.state, order.cash_account_id);
    assert(cash, `No account ${order.cash_account_id}`);
    const feeAccountId = await feeAccountOf(context, cash, order, input.feeAccountId);
    checkLimit(order, executed);
    checkProceeds(order, executed, fee);
    const settlementAccountId = order.settlement_account_id;
    const { postings, cashAmount } = settlementPostings({
      ...{ side, executed, fee, cash, settlementAccountId, feeAccountId },
    });
    const { data: posted } = await postTransaction(context, {
      description: `${VERBS[side]} ${quantity} ${symbol}`,
      effectiveDate,
      metadata: { orderId: order.order_id },
      postings,
    });
    const settled = {
      orderId: order.order_id,
      companyId: order.company_id,
      ...{ side, symbol, quantity },
      executedAmount: formatAmount(executed, digits),
      fee: formatAmount(fee, digits),
      cashAmount: formatAmount(cashAmount, digits),
      currency,
      cashAccountId: cash.account_id,
      settlementAccountId,
      feeAccountId,
      transactionId: posted.transactionId,
      settledAt,
    };
    await context.append(OrderSettled, settled, settledAt);
    return orderView((await findOrder(context.state, order.order_id))!);
  },
});

const VERBS: Readonly<Record<OrderSide, string>> = { buy: 'Buy', sell: 'Sell' };

/** @throws Refusal `validation_failed` */
function readSettledAt(text: string): string {
  const settledAt = readInstant(text);
  if (settledAt !== undefined) return settledAt;
  throw invalidOrder({ pointer: '/settledAt', message: 'must be an RFC 3339 time' });
}

/** The book's day. @throws Refusal `validation_failed`, `future_effective_date`, `period_closed` */
async function effectiveDateOf(context: CreatorContext, settledAt: string): Promise<string> {
  const day = context.dayOf(settledAt);
  if (day < FIRST_EFFECTIVE_DATE) {
    const message = `must be on ${FIRST_EFFECTIVE_DATE} or later`;
    throw invalidOrder({ pointer: '/settledAt', message });
  }
  await refuseDay(context, day, 'settledAt');
  return day;
}

/** Minor units; no fee is a fee of zero. @throws Refusal `validation_failed` */
function readAmounts(
  order: CurrencyDigits,
  input: SettleOrderInput,
): { executed: bigint; fee: bigint } {
  const amounts = new AmountReader(order);
  const executed = amounts.read('executedAmount', input.executedAmount);
  const fee = amounts.read('fee', input.fee);
  amounts.check();
  return { executed: executed!, fee: fee ?? 0n };
}

/**
 * The id of the account that gets the fee; null where none is named.
 * @throws Refusal `account_not_found`, `account_closed`, `currency_mismatch`, and
 *   `validation_failed` for the cash account, to which its own fee would come back
 */
async function feeAccountOf(
  { state }: CreatorContext,
  cash: AccountRow,
  order: OrderRow,
  reference: string | undefined,
): Promise<string | null> {
  if (reference === undefined) return null;
  const account = await openAccountIn(state, 'feeAccountId', reference);
  if (account.account_id === order.cash_account_id) {
    const message = "must name another account than the order's cash account";
    throw invalidOrder({ pointer: '/feeAccountId', message });
  }
  checkSameCurrency(cash, 'feeAccountId', account);
  return account.account_id;
}

/** The limit is for the executed amount alone; a fee comes on top. */
function checkLimit(
  { side, limit_amount: limit, currency, digits }: OrderRow,
  executed: bigint,
): void {
  if (limit === null) return;
  const shown = `${formatAmount(executed, digits)} ${currency}`;
  const limitShown = `limit ${formatAmount(limit, digits)}`;
  if (side === 'buy' && executed > limit) {
    throw new Refusal('limit_exceeded', `${shown} is above the order's ${limitShown}`);
  }
  if (side === 'sell' && executed < limit) {
    throw new Refusal('limit_not_reached', `${shown} is below the order's ${limitShown}`);
  }
}

function checkProceeds({ side, currency, digits }: OrderRow, executed: bigint, fee: bigint): void {
  if (side === 'buy' || fee <= executed) return;
  const money = (minor: bigint) => formatAmount(minor, digits);
  throw new Refusal(
    'fee_exceeds_proceeds',
    `A fee of ${money(fee)} cannot be taken from ${money(executed)} ${currency}`,
  );
}
