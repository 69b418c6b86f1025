import type { LedgerEvent } from '../../engine/define/event';
import type { PostedPosting, TransactionPostedData } from './transaction.events';

/** A transaction as the API answers it. */
export interface TransactionView {
  id: string;
  clientId: string | null;
  description: string;
  effectiveDate: string;
  recordedAt: string;
  position: number;
  metadata: Record<string, string>;
  reverses: string | null;
  reversedBy: string | null;
  postings: PostedPosting[];
}

/** The transaction as the event that posted it leaves it. */
export function postedTransactionView(event: LedgerEvent): TransactionView {
  const data = event.data as TransactionPostedData;
  return {
    id: data.transactionId,
    clientId: data.clientId ?? null,
    description: data.description,
    effectiveDate: data.effectiveDate,
    recordedAt: event.recordedAt,
    position: event.position,
    metadata: data.metadata ?? {},
    reverses: data.reverses ?? null,
    reversedBy: null,
    postings: data.postings.map(({ accountId, direction, amount, currency, balanceAfter }) => ({
      accountId,
      direction,
      amount,
      currency,
      balanceAfter,
    })),
  };
}
