import { formatAmount } from '../../money/amount';
import type { OrderRow } from './order.table';
import type { OrderDto } from './order.dto';

export function orderView(row: OrderRow): OrderDto {
  const money = (minor: bigint | null) => (minor === null ? null : formatAmount(minor, row.digits));
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
