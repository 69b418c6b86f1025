import { defineEvent } from '../../engine/define/event';
import type {
  Amount,
  CalendarDate,
  ClientId,
  CurrencyCode,
  SignedAmount,
  Uuid,
} from '../../engine/define/event-fields';
import type { LimitsUsed } from '../limits/limit.events';

export type Direction = 'debit' | 'credit';

/** One side of a transaction, as it happened. */
export interface PostedPosting {
  accountId: Uuid;
  direction: Direction;
  amount: Amount;
  currency: CurrencyCode;
  /** The account's balance after this posting, as the caller was told. */
  balanceAfter: SignedAmount;
}

/** What a transaction does not have is absent: most have no more than the four that all have. */
export interface TransactionPostedData {
  transactionId: Uuid;
  clientId?: ClientId;
  description: string;
  effectiveDate: CalendarDate;
  /** The hold that it captures. */
  holdId?: Uuid;
  metadata?: Record<string, string>;
  /** The transaction that this one reverses. */
  reverses?: Uuid;
  postings: PostedPosting[];
  /** What is used of the limits of its accounts after it, where they have some. */
  limits?: LimitsUsed[];
}
/**
 * Version 2 has codes of currencies that version 1 had not, version 3 holds and what is used of
 * limits.
 */
export const TransactionPosted = defineEvent<TransactionPostedData>('TransactionPosted', 3, {
  1: (data) => data,
  2: (data) => data,
});
