import assert from 'node:assert';
import type { LedgerEvent } from '../../engine/define/event';
import { TransactionPosted, type TransactionPostedData } from './transaction.events';
import type { TransactionDto } from './transaction.dto';

/** The transaction as the event that posted it leaves it. */
export function postedTransactionView(event: LedgerEvent): TransactionDto {
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
    source: null,
    closing: false,
    holdId: data.holdId ?? null,
    amended: null,
    postings: data.postings.map(({ accountId, direction, amount, currency, balanceAfter }) => ({
      accountId,
      direction,
      amount,
      currency,
      balanceAfter,
    })),
  };
}

/** The one transaction that a command's events post, as it leaves it. */
export function soleTransactionView(events: readonly LedgerEvent[]): TransactionDto {
  const event = events.find(({ type }) => type === TransactionPosted.type);
  assert(event, 'A command that answers a transaction has posted none');
  return postedTransactionView(event);
}
