import type { LedgerEvent } from '../../engine/define/event';
import { TransactionPosted, type TransactionPostedData } from '../transactions/transaction.events';
import {
  InterestAccrued,
  InterestAdjusted,
  type InterestAccruedData,
  type InterestAdjustedData,
} from './interest.events';

/** What one account was credited with. */
export type AccrualView = Pick<
  InterestAccruedData,
  'accountId' | 'from' | 'through' | 'principal' | 'amount' | 'carriedFraction'
>;

/** What backdated entries have changed of interest that was accrued before; may be negative. */
export type AdjustmentView = Pick<
  InterestAdjustedData,
  'accountId' | 'from' | 'through' | 'amount'
>;

/** What accruing came to, as the API answers it. */
export interface InterestAccrualsView {
  accruals: AccrualView[];
  adjustments: AdjustmentView[];
  transactionIds: string[];
}

/** The answer to the command whose events these are. */
export function interestAccrualsView(events: readonly LedgerEvent[]): InterestAccrualsView {
  const view: InterestAccrualsView = { accruals: [], adjustments: [], transactionIds: [] };
  for (const { type, data } of events) {
    if (type === InterestAccrued.type) {
      const accrued = data as InterestAccruedData;
      const { accountId, from, through, principal, amount, carriedFraction } = accrued;
      view.accruals.push({ accountId, from, through, principal, amount, carriedFraction });
    } else if (type === InterestAdjusted.type) {
      const { accountId, from, through, amount } = data as InterestAdjustedData;
      view.adjustments.push({ accountId, from, through, amount });
    } else if (type === TransactionPosted.type) {
      view.transactionIds.push((data as TransactionPostedData).transactionId);
    }
  }
  return view;
}
