import { defineKeyedTable } from '../../engine/define/state-table';
import type { OrderSide } from './order.events';

export type OrderStatus = 'placed' | 'settled' | 'cancelled';
export const ORDER_STATUSES = ['placed', 'settled', 'cancelled'] as const;

/** A row of `orders`. Money in minor units of `currency`; what settling brings is null before. */
export interface OrderRow {
  /** Position of the event that placed the order. */
  order_no: number;
  order_id: string;
  created_at: string;
  company_id: string;
  cash_account_id: string;
  settlement_account_id: string;
  limit_amount: bigint | null;
  client_id: string | null;
  side: OrderSide;
  symbol: string;
  /** A decimal string. */
  quantity: string;
  currency: string;
  status: OrderStatus;
  settled_at: string | null;
  transaction_id: string | null;
  fee_account_id: string | null;
  executed_amount: bigint | null;
  fee: bigint | null;
  cash_amount: bigint | null;
  /** 1 when placed, 2 when settled or cancelled. */
  version: number;
  /** Position of the last event that changed the order. */
  last_position: number;
}

export const orders = defineKeyedTable<OrderRow>({
  name: 'orders',
  lastPosition: 'last_position',
  key: 'order_id',
  unique: ['client_id'],
  mutable: [
    'status',
    'settled_at',
    'transaction_id',
    'fee_account_id',
    'executed_amount',
    'fee',
    'cash_amount',
    'version',
    'last_position',
  ],
  cacheRows: 10_000,
  // About 700 bytes each. An order may be settled long after it was placed.
  rebuildRows: 100_000,
  columns: {
    order_no: 'bigint',
    order_id: 'uuid',
    created_at: 'timestamptz',
    company_id: 'uuid',
    cash_account_id: 'uuid',
    settlement_account_id: 'uuid',
    limit_amount: 'numeric',
    client_id: 'text',
    side: 'text',
    symbol: 'text',
    quantity: 'text',
    currency: 'text',
    status: 'text',
    settled_at: 'timestamptz',
    transaction_id: 'uuid',
    fee_account_id: 'uuid',
    executed_amount: 'numeric',
    fee: 'numeric',
    cash_amount: 'numeric',
    version: 'bigint',
    last_position: 'bigint',
  },
});
