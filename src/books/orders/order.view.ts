import { formatMoney } from '../accounts/account.view';
import type { OrderSide } from './order.events';
import type { OrderRow, OrderStatus } from './order.table';

/** An order as the API answers it. What comes about by settling is null until then. */
export interface OrderView {
  id: string;
  clientId: string | null;
  companyId: string;
  side: OrderSide;
  symbol: string;
  quantity: string;
  cashAccountId: string;
  settlementAccountId: string;
  limitAmount: string | null;
  currency: string;
  status: OrderStatus;
  executedAmount: string | null;
  fee: string | null;
  feeAccountId: string | null;
  cashAmount: string | null;
  transactionId: string | null;
  settledAt: string | null;
  version: number;
  createdAt: string;
  position: number;
}

export function orderView(row: OrderRow): OrderView {
  const money = (minor: bigint | null) =>
    minor === null ? null : formatMoney(minor, row.currency);
  return {
    id: row.order_id,
    clientId: row.client_id,
    companyId: row.company_id,
    side: row.side,
    symbol: row.symbol,
    quantity: row.quantity,
    cashAccountId: row.cash_account_id,
    settlementAccountId: row.settlement_account_id,
    limitAmount: money(row.limit_amount),
    currency: row.currency,
    status: row.status,
    executedAmount: money(row.executed_amount),
    fee: money(row.fee),
    feeAccountId: row.fee_account_id,
    cashAmount: money(row.cash_amount),
    transactionId: row.transaction_id,
    settledAt: row.settled_at,
    version: row.version,
    createdAt: row.created_at,
    position: row.last_position,
  };
}
