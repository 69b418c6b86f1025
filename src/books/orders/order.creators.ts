import { needAccount } from '../accounts/account.queries';
import { findCompany, needCompany } from '../companies/company.queries';
import { defineCreator, type CreatorContext } from '../../engine/define/creator';
import { Refusal } from '../../engine/define/refusal';
import { formatAmount } from '../../money/amount';
import type { CurrencyDigits } from '../../money/currency';
import { OrderCancelled, OrderPlaced, type OrderSide } from './order.events';
import { findOrder, needOrder } from './order.queries';
import { AmountReader, checkSameCurrency, invalidOrder } from './order.rules';
import { normalQuantity, openAccountIn } from './order.rules';
import { orders, type OrderRow, type OrderStatus } from './order.table';
import { orderView } from './order.view';
import type { OrderDto } from './order.dto';

/** References are ids or `client:<clientId>`, amounts and the quantity decimal strings. */
export interface PlaceOrderInput {
  clientId?: string | undefined;
  companyId: string;
  side: OrderSide;
  symbol: string;
  quantity: string;
  cashAccountId: string;
  settlementAccountId: string;
  limitAmount?: string | undefined;
}

/**
 * Places an order; nothing is posted or reserved yet. Refuses, in this order: `client_id_taken`,
 * `company_not_found`, `account_not_found` and `account_closed` (the cash account first),
 * `currency_mismatch`, and `validation_failed` for two accounts that are one or a limit that does
 * not fit their currency or is zero.
 */
export const PlaceOrder = defineCreator<PlaceOrderInput, OrderDto>({
  name: 'PlaceOrder',
  needs: ({ clientId, companyId, cashAccountId, settlementAccountId }, needs) => {
    if (clientId !== undefined) needs.row(orders, 'client_id', clientId);
    needCompany(needs, companyId);
    needAccount(needs, cashAccountId);
    needAccount(needs, settlementAccountId);
  },
  run: async (context, input) => {
    const { state } = context;
    const { clientId, side, symbol } = input;
    if (clientId !== undefined && (await state.table(orders).find('client_id', clientId))) {
      throw new Refusal('client_id_taken', `An order with the clientId "${clientId}" exists`);
    }
    const companyId = await companyIdOf(context, input.companyId);
    const cash = await openAccountIn(state, 'cashAccountId', input.cashAccountId);
    const settlement = await openAccountIn(state, 'settlementAccountId', input.settlementAccountId);
    if (settlement.account_id === cash.account_id) {
      const message = 'must name another account than cashAccountId';
      throw invalidOrder({ pointer: '/settlementAccountId', message });
    }
    checkSameCurrency(cash, 'settlementAccountId', settlement);
    const orderId = context.newId();
    await context.append(OrderPlaced, {
      orderId,
      clientId: clientId ?? null,
      companyId,
      side,
      symbol,
      quantity: readQuantity(input.quantity),
      cashAccountId: cash.account_id,
      settlementAccountId: settlement.account_id,
      limitAmount: readLimit(cash, input.limitAmount),
      currency: cash.currency,
    });
    return orderView((await findOrder(state, orderId))!);
  },
});

/** @throws Refusal `company_not_found` */
async function companyIdOf({ state }: CreatorContext, reference: string): Promise<string> {
  const company = await findCompany(state, reference);
  if (company) return company.company_id;
  throw new Refusal('company_not_found', `companyId: there is no company ${reference}`, {
    errors: [{ pointer: '/companyId', message: 'names no company' }],
  });
}

/** @throws Refusal `validation_failed` */
function readQuantity(text: string): string {
  const quantity = normalQuantity(text);
  if (quantity !== undefined) return quantity;
  throw invalidOrder({ pointer: '/quantity', message: 'must be a positive decimal string' });
}

/** The limit with all digits of the currency. @throws Refusal `validation_failed` */
function readLimit(cash: CurrencyDigits, text: string | undefined): string | null {
  const amounts = new AmountReader(cash);
  const limit = amounts.read('limitAmount', text);
  amounts.check();
  if (limit === undefined) return null;
  if (limit > 0n) return formatAmount(limit, cash.digits);
  throw invalidOrder({ pointer: '/limitAmount', message: 'must be more than zero' });
}

/** `orderId`: an id or `client:<clientId>`. */
export interface CancelOrderInput {
  orderId: string;
}

/** Cancels an order that has not settled. Refuses `not_found`, `order_not_open`. */
export const CancelOrder = defineCreator<CancelOrderInput, OrderDto>({
  name: 'CancelOrder',
  needs: ({ orderId }, needs) => needOrder(needs, orderId),
  run: async (context, input) => {
    const { order_id: orderId } = await orderIn(context, input.orderId, 'placed');
    await context.append(OrderCancelled, { orderId });
    return orderView((await findOrder(context.state, orderId))!);
  },
});

/** The order, which must be in a state. @throws Refusal `not_found`, `order_not_open` */
export async function orderIn(
  { state }: CreatorContext,
  reference: string,
  status: OrderStatus,
): Promise<OrderRow> {
  const order = await findOrder(state, reference);
  if (!order) throw new Refusal('not_found', `There is no order ${reference}`);
  if (order.status === status) return order;
  throw new Refusal('order_not_open', `Order ${order.order_id} is ${order.status}, not ${status}`);
}
