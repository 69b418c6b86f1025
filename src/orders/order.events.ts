import { defineEvent } from '../engine/event';

export type OrderSide = 'buy' | 'sell';
export const ORDER_SIDES = ['buy', 'sell'] as const;

/** Amounts are decimal strings with all of the currency's digits. */
export interface OrderPlacedData {
  orderId: string;
  clientId: string | null;
  companyId: string;
  side: OrderSide;
  /** What is traded. */
  symbol: string;
  /** How much of it: a decimal string without zeros at its end. */
  quantity: string;
  cashAccountId: string;
  settlementAccountId: string;
  /** The most that a buy may cost, the least that a sale must bring, both without fee. */
  limitAmount: string | null;
  /** Of the accounts. ISO 4217. */
  currency: string;
}
export const OrderPlaced = defineEvent<OrderPlacedData>('OrderPlaced');

/** Everything that settled, so that whoever reads the event needs no other. It occurred then. */
export interface OrderSettledData {
  orderId: string;
  companyId: string;
  side: OrderSide;
  symbol: string;
  quantity: string;
  /** What the settlement account received for a buy, or gave for a sale. */
  executedAmount: string;
  fee: string;
  /** What the cash account paid for a buy, fee included, or was paid for a sale, less the fee. */
  cashAmount: string;
  currency: string;
  cashAccountId: string;
  settlementAccountId: string;
  feeAccountId: string | null;
  /** The transaction with the postings. */
  transactionId: string;
  /** RFC 3339 UTC. */
  settledAt: string;
}
export const OrderSettled = defineEvent<OrderSettledData>('OrderSettled');

export interface OrderCancelledData {
  orderId: string;
}
export const OrderCancelled = defineEvent<OrderCancelledData>('OrderCancelled');
