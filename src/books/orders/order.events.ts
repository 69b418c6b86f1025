import { defineEvent } from '../../engine/define/event';
import type {
  Amount,
  ClientId,
  CurrencyCode,
  Instant,
  Quantity,
  Uuid,
} from '../../engine/define/event-fields';

export type OrderSide = 'buy' | 'sell';
export const ORDER_SIDES = ['buy', 'sell'] as const;

/** Amounts are decimal strings with all of the currency's digits. */
export interface OrderPlacedData {
  orderId: Uuid;
  clientId: ClientId | null;
  companyId: Uuid;
  side: OrderSide;
  /** What is traded. */
  symbol: string;
  /** How much of it. */
  quantity: Quantity;
  cashAccountId: Uuid;
  settlementAccountId: Uuid;
  /** The most that a buy may cost, the least that a sale must bring, both without fee. */
  limitAmount: Amount | null;
  /** Of the accounts. */
  currency: CurrencyCode;
}
/** Version 2 has codes of currencies that version 1 had not. */
export const OrderPlaced = defineEvent<OrderPlacedData>('OrderPlaced', 2, { 1: (data) => data });

/** Everything that settled, so that whoever reads the event needs no other. It occurred then. */
export interface OrderSettledData {
  orderId: Uuid;
  companyId: Uuid;
  side: OrderSide;
  symbol: string;
  quantity: Quantity;
  /** What the settlement account received for a buy, or gave for a sale. */
  executedAmount: Amount;
  fee: Amount;
  /** What the cash account paid for a buy, fee included, or was paid for a sale, less the fee. */
  cashAmount: Amount;
  currency: CurrencyCode;
  cashAccountId: Uuid;
  settlementAccountId: Uuid;
  feeAccountId: Uuid | null;
  /** The transaction with the postings. */
  transactionId: Uuid;
  settledAt: Instant;
}
/** Version 2 has codes of currencies that version 1 had not. */
export const OrderSettled = defineEvent<OrderSettledData>('OrderSettled', 2, {
  1: (data) => data,
});

export interface OrderCancelledData {
  orderId: Uuid;
}
export const OrderCancelled = defineEvent<OrderCancelledData>('OrderCancelled');

/** Undoes a settlement with its postings: the order is open again. */
export interface OrderSettlementReversedData {
  orderId: Uuid;
  reason: string;
  /** The transaction that takes the postings back. */
  reversalTransactionId: Uuid;
  /** The transaction of the settlement. */
  transactionId: Uuid;
}
export const OrderSettlementReversed =
  defineEvent<OrderSettlementReversedData>('OrderSettlementReversed');
