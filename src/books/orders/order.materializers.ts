import assert from 'node:assert';
import { companies } from '../companies/company.table';
import { defineMaterializer } from '../../engine/define/materializer';
import type { StateSession } from '../../engine/define/state-session';
import { parseAmount } from '../../money/amount';
import type { CurrencyDigits } from '../../money/currency';
import { knownDigits, needCurrency } from '../currencies/currency.rules';
import { rememberOnlySource } from '../transactions/source.rules';
import {
  OrderCancelled,
  OrderPlaced,
  OrderSettled,
  OrderSettlementReversed,
  type OrderSettledData,
} from './order.events';
import { orders, type OrderRow } from './order.table';

/** The task of laying the confirmation of a settled order in the object storage. */
export const CONFIRMATION_UPLOAD = 'order.confirmation-upload';

/** What the transactions of a settlement and of its reversal are part of; the id is the order's. */
const SETTLEMENT_SOURCE = 'order_settlement';

/** What the confirmation says, as of the event that asks for it. */
export interface ConfirmationUpload extends OrderSettledData {
  clientId: string | null;
  companyName: string;
  placedAt: string;
}

async function orderOf(state: StateSession, orderId: string): Promise<OrderRow> {
  const order = await state.table(orders).get(orderId);
  assert(order, `No order ${orderId}`);
  return order;
}

function minorUnits(text: string, { currency, digits }: CurrencyDigits): bigint {
  const minor = parseAmount(text, digits);
  assert(minor !== undefined, `What should be an amount is none in ${currency}`);
  return minor;
}

export const materializeOrderPlaced = defineMaterializer(
  OrderPlaced,
  2,
  ({ position, recordedAt, data }, { state }) => {
    const { limitAmount, currency } = data;
    const digits = knownDigits(state, currency);
    state.table(orders).insert({
      order_no: position,
      order_id: data.orderId,
      created_at: recordedAt,
      company_id: data.companyId,
      cash_account_id: data.cashAccountId,
      settlement_account_id: data.settlementAccountId,
      limit_amount: limitAmount === null ? null : minorUnits(limitAmount, { currency, digits }),
      client_id: data.clientId,
      side: data.side,
      symbol: data.symbol,
      quantity: data.quantity,
      currency,
      digits,
      status: 'placed',
      settled_at: null,
      transaction_id: null,
      fee_account_id: null,
      executed_amount: null,
      fee: null,
      cash_amount: null,
      version: 1,
      last_position: position,
    });
  },
  ({ data }, needs) => needCurrency(needs, data.currency),
);

export const materializeOrderSettled = defineMaterializer(
  OrderSettled,
  2,
  async ({ position, data }, { state, tasks }) => {
    const order = await orderOf(state, data.orderId);
    const company = await state.table(companies).get(data.companyId);
    assert(company, `No company ${data.companyId}`);
    state.table(orders).update({
      ...order,
      status: 'settled',
      settled_at: data.settledAt,
      transaction_id: data.transactionId,
      fee_account_id: data.feeAccountId,
      executed_amount: minorUnits(data.executedAmount, order),
      fee: minorUnits(data.fee, order),
      cash_amount: minorUnits(data.cashAmount, order),
      version: order.version + 1,
      last_position: position,
    });
    const undoneBy = `POST /v1/orders/${data.orderId}/reverse-settlement`;
    const source = { type: SETTLEMENT_SOURCE, id: data.orderId, undoneBy };
    rememberOnlySource(state, data.transactionId, source, position);
    const confirmation: ConfirmationUpload = {
      ...data,
      clientId: order.client_id,
      companyName: company.name,
      placedAt: order.created_at,
    };
    tasks.enqueue(CONFIRMATION_UPLOAD, confirmation, { subject: data.orderId });
  },
  ({ data }, needs) => {
    needs.row(orders, 'order_id', data.orderId);
    needs.row(companies, 'company_id', data.companyId);
  },
);

export const materializeOrderSettlementReversed = defineMaterializer(
  OrderSettlementReversed,
  1,
  async ({ position, data }, { state }) => {
    const order = await orderOf(state, data.orderId);
    state.table(orders).update({
      ...order,
      status: 'placed',
      settled_at: null,
      transaction_id: null,
      fee_account_id: null,
      executed_amount: null,
      fee: null,
      cash_amount: null,
      version: order.version + 1,
      last_position: position,
    });
    const undoneBy = `POST /v1/orders/${data.orderId}/settle`;
    const source = { type: SETTLEMENT_SOURCE, id: data.orderId, undoneBy };
    rememberOnlySource(state, data.reversalTransactionId, source, position);
  },
  ({ data }, needs) => needs.row(orders, 'order_id', data.orderId),
);

export const materializeOrderCancelled = defineMaterializer(
  OrderCancelled,
  1,
  async ({ position, data }, { state }) => {
    const order = await orderOf(state, data.orderId);
    state.table(orders).update({
      ...order,
      status: 'cancelled',
      version: order.version + 1,
      last_position: position,
    });
  },
  ({ data }, needs) => needs.row(orders, 'order_id', data.orderId),
);
