import { defineEvent } from '../engine/event';

export type Direction = 'debit' | 'credit';

/** One side of a transaction, as it happened. */
export interface PostedPosting {
  accountId: string;
  direction: Direction;
  /** Decimal string with all of the currency's digits. */
  amount: string;
  currency: string;
  /** The account's balance after this posting, as the caller was told. */
  balanceAfter: string;
}

/** What a transaction does not have is absent: most have no more than the four that all have. */
export interface TransactionPostedData {
  transactionId: string;
  clientId?: string;
  description: string;
  /** `YYYY-MM-DD`. */
  effectiveDate: string;
  metadata?: Record<string, string>;
  /** The transaction that this one reverses. */
  reverses?: string;
  postings: PostedPosting[];
}
export const TransactionPosted = defineEvent<TransactionPostedData>('TransactionPosted');
