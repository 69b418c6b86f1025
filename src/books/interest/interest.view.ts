import type { LedgerEvent } from '../../engine/define/event';
import { formatAmount } from '../../money/amount';
import { TransactionPosted, type TransactionPostedData } from '../transactions/transaction.events';
import type { WholeAccrual } from './accrual.queries';
import { fractionText } from './exact-interest';
import {
  InterestAccrualReversed,
  InterestAccrued,
  InterestAdjusted,
  InterestCalculated,
  InterestSkipped,
  type InterestAccrualReversedData,
  type InterestAccruedData,
  type InterestAdjustedData,
  type InterestCalculatedData,
  type InterestSkippedData,
} from './interest.events';
import type { InterestAccrualDto, ReversedAccrualDto } from './interest.dto';

/** The answer to the command whose events these are. */
export function calculatedView(events: readonly LedgerEvent[]): InterestAccrualDto {
  const view = emptyView();
  const first = events.find(({ data }) => 'accrualId' in data);
  if (first) Object.assign(view, { position: first.position, recordedAt: first.recordedAt });
  for (const { type, data } of events) {
    if (type === InterestCalculated.type) {
      const { accrualId: id, ...terms } = data as InterestCalculatedData;
      Object.assign(view, { id, ...terms });
    } else if (type === InterestAccrued.type) {
      const accrued = data as InterestAccruedData;
      const { accountId, from, through, principal, amount, carriedFraction } = accrued;
      view.accruals.push({ accountId, from, through, principal, amount, carriedFraction });
      const { accrualId: id, annualRate, dayCount, compounding } = accrued;
      Object.assign(view, { id, annualRate, dayCount, compounding, through });
    } else if (type === InterestAdjusted.type) {
      const { accountId, from, through, amount } = data as InterestAdjustedData;
      view.adjustments.push({ accountId, from, through, amount });
    } else if (type === InterestSkipped.type) {
      const { accountId, code, detail } = data as InterestSkippedData;
      view.skipped.push({ accountId, code, detail });
    } else if (type === TransactionPosted.type) {
      view.transactionIds.push((data as TransactionPostedData).transactionId);
    }
  }
  return view;
}

/** Of the command of an older version that found nothing to accrue: it has no event and no id. */
function emptyView(): InterestAccrualDto {
  return {
    ...{ id: null, position: null, recordedAt: null },
    ...{ through: null, annualRate: null, dayCount: null, compounding: null },
    ...{ expenseAccountId: null, incomeAccountId: null },
    ...{ accruals: [], adjustments: [], skipped: [], transactionIds: [], reversal: null },
  };
}

/** An accrual as the state has it. */
export function accrualView(whole: WholeAccrual): InterestAccrualDto {
  const { accrual } = whole;
  return {
    id: accrual.accrual_id,
    position: accrual.accrual_no,
    recordedAt: accrual.recorded_at,
    through: accrual.through_date,
    annualRate: accrual.annual_rate,
    dayCount: accrual.day_count,
    compounding: accrual.compounding,
    expenseAccountId: accrual.expense_account_id,
    incomeAccountId: accrual.income_account_id,
    accruals: whole.accrued.map((line) => ({
      accountId: line.account_id,
      from: line.from_date,
      through: line.through_date,
      principal: formatAmount(line.principal, line.digits),
      amount: formatAmount(line.amount, line.digits),
      carriedFraction: fractionText(line.carried, line.digits),
    })),
    adjustments: whole.adjusted.map((line) => ({
      accountId: line.account_id,
      from: line.from_date,
      through: line.through_date,
      amount: formatAmount(line.amount, line.digits),
    })),
    skipped: whole.skipped.map(({ account_id: accountId, code, detail }) => {
      return { accountId, code, detail };
    }),
    transactionIds: [...whole.transactionIds],
    reversal:
      accrual.reversed_position === null
        ? null
        : {
            position: accrual.reversed_position,
            recordedAt: accrual.reversed_at!,
            reason: accrual.reversal_reason!,
            transactionIds: [...whole.reversalIds],
          },
  };
}

/** The answer to the command that took an accrual back. */
export function reversedView(events: readonly LedgerEvent[]): ReversedAccrualDto {
  const { position, recordedAt, data } = events.find(
    (e) => e.type === InterestAccrualReversed.type,
  )!;
  const { accrualId: id, reason, transactionIds } = data as InterestAccrualReversedData;
  return { id, reversal: { position, recordedAt, reason, transactionIds } };
}
