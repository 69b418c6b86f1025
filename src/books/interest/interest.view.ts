import type { LedgerEvent } from '../../engine/define/event';
import { TransactionPosted, type TransactionPostedData } from '../transactions/transaction.events';
import {
  InterestAccrued,
  InterestAdjusted,
  type InterestAccruedData,
  type InterestAdjustedData,
} from './interest.events';
import type { InterestAccrualsDto } from './interest.dto';

/** The answer to the command whose events these are. */
export function interestAccrualsView(events: readonly LedgerEvent[]): InterestAccrualsDto {
  const view: InterestAccrualsDto = { accruals: [], adjustments: [], transactionIds: [] };
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
