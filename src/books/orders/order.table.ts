import { column } from '../../database/column';
import { defineKeyedTable, type DatabaseOf, type RowOf } from '../../engine/define/state-table';
import type { OrderSide } from './order.events';

export type OrderStatus = 'placed' | 'settled' | 'cancelled';
export const ORDER_STATUSES = ['placed', 'settled', 'cancelled'] as const;

/** Money in minor units of `currency`; what settling brings is null before. */
export const orders = defineKeyedTable({
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
    /** Position of the event that placed the order. */
    order_no: column.bigint(),
    order_id: column.uuid(),
    created_at: column.timestamptz(),
    company_id: column.uuid(),
    cash_account_id: column.uuid(),
    settlement_account_id: column.uuid(),
    limit_amount: column.numeric().nullable(),
    client_id: column.text().nullable(),
    side: column.text<OrderSide>(),
    symbol: column.text(),
    /** A decimal string. */
    quantity: column.text(),
    currency: column.text(),
    /** Decimal digits of its amounts. */
    digits: column.int(),
    status: column.text<OrderStatus>(),
    settled_at: column.timestamptz().nullable(),
    transaction_id: column.uuid().nullable(),
    fee_account_id: column.uuid().nullable(),
    executed_amount: column.numeric().nullable(),
    fee: column.numeric().nullable(),
    cash_amount: column.numeric().nullable(),
    /** 1 when placed, and one more with every change. */
    version: column.bigint(),
    /** Position of the last event that changed the order. */
    last_position: column.bigint(),
  },
});

export type OrderRow = RowOf<typeof orders>;
export type OrderTables = DatabaseOf<typeof orders>;

declare module '../../engine/define/state-table' {
  interface StateDatabase extends OrderTables {}
}
