import assert from 'node:assert';
import type { LedgerEvent } from '../../engine/define/event';
import { defineMaterializer } from '../../engine/define/materializer';
import type { RowNeeds, StateSession } from '../../engine/define/state-session';
import { parseAmount } from '../../money/amount';
import { knownDigits, needCurrency } from '../currencies/currency.rules';
import { needSource, rememberSource } from '../transactions/source.rules';
import {
  InterestAccrualReversed,
  InterestAccrued,
  InterestAdjusted,
  InterestCalculated,
  InterestSkipped,
} from './interest.events';
import type { AdjustedPeriod, InterestAccruedData, InterestAdjustedData } from './interest.events';
import {
  ACCRUAL_SOURCE,
  interestAccruals,
  interestAdjustments,
  interestPeriods,
  interestSkips,
  type InterestAccrualRow,
} from './interest.table';

export const materializeInterestCalculated = defineMaterializer(
  InterestCalculated,
  1,
  ({ position, recordedAt, data }, { state }) => {
    state.table(interestAccruals).insert({
      ...newAccrual(data.accrualId, position, recordedAt),
      through_date: data.through,
      annual_rate: data.annualRate,
      day_count: data.dayCount,
      compounding: data.compounding,
      expense_account_id: data.expenseAccountId,
      income_account_id: data.incomeAccountId,
    });
  },
);

export const materializeInterestSkipped = defineMaterializer(
  InterestSkipped,
  1,
  (event, { state }) => {
    const { accountId, code, detail } = event.data;
    const accrual_no = addLine(state, event);
    state.append(interestSkips, {
      ...{ accrual_no, position: event.position, account_id: accountId, code, detail },
    });
  },
  needAccrual,
);

export const materializeInterestAccrued = defineMaterializer(
  InterestAccrued,
  5,
  (event, { state }) => {
    const { position, data } = event;
    const digits = knownDigits(state, data.currency);
    const { through, annualRate, dayCount, compounding } = data;
    const terms = {
      through_date: through,
      annual_rate: annualRate,
      day_count: dayCount,
      compounding,
    };
    const accrualNo = addLine(state, event, terms);
    state.append(interestPeriods, {
      ...periodRow(data, data, digits),
      ...{ position, accrual_no: accrualNo },
      principal: minorOf(data.principal, digits),
      amount: minorOf(data.amount, digits),
      scan_after: data.scanAfter ?? position,
    });
    rememberPosting(state, event);
  },
  needDigitsAndPosting,
);

export const materializeInterestAdjusted = defineMaterializer(
  InterestAdjusted,
  5,
  (event, { state }) => {
    const { position, data } = event;
    const digits = knownDigits(state, data.currency);
    const accrualNo = addLine(state, event);
    for (const period of data.periods) {
      state.append(interestPeriods, {
        ...periodRow(data, period, digits),
        ...{ position, accrual_no: accrualNo },
        principal: null,
        amount: null,
        scan_after: position,
      });
    }
    state.append(interestAdjustments, {
      accrual_no: accrualNo,
      position,
      account_id: data.accountId,
      from_date: data.from,
      through_date: data.through,
      amount: minorOf(data.amount, digits),
    });
    rememberPosting(state, event);
  },
  needDigitsAndPosting,
);

export const materializeInterestAccrualReversed = defineMaterializer(
  InterestAccrualReversed,
  1,
  ({ position, recordedAt, data }, { state }) => {
    const { accrualId, reason, transactionIds } = data;
    const accrual = accrualOf(state, accrualId);
    assert(accrual.reversed_position === null, `Accrual ${accrualId} is reversed already`);
    state.table(interestAccruals).patch(accrualId, {
      reversed_position: position,
      reversed_at: recordedAt,
      reversal_reason: reason,
      last_position: position,
    });
    const undoneBy = 'POST /v1/interest-accruals, which accrues the days again';
    for (const transactionId of transactionIds) {
      const fact = { type: ACCRUAL_SOURCE, id: accrualId, undoneBy };
      rememberSource(state, transactionId, fact, position);
    }
  },
  (event, needs) => {
    needAccrual(event, needs);
    for (const transactionId of event.data.transactionIds) needSource(needs, transactionId);
  },
);

type OfAccrual = LedgerEvent<{ accrualId: string }>;
type OfPosting = LedgerEvent<{
  accrualId: string;
  currency: string;
  transactionId: string | null;
}>;

function needAccrual({ data }: OfAccrual, needs: Pick<RowNeeds, 'row'>): void {
  needs.row(interestAccruals, 'accrual_id', data.accrualId);
}

function needDigitsAndPosting(event: OfPosting, needs: Pick<RowNeeds, 'row'>): void {
  needAccrual(event, needs);
  needCurrency(needs, event.data.currency);
  if (event.data.transactionId !== null) needSource(needs, event.data.transactionId);
}

function rememberPosting(state: StateSession, { position, data }: OfPosting): void {
  const { accrualId, transactionId } = data;
  if (transactionId === null) return;
  const undoneBy = `POST /v1/interest-accruals/${accrualId}/reverse`;
  rememberSource(state, transactionId, { type: ACCRUAL_SOURCE, id: accrualId, undoneBy }, position);
}

function newAccrual(accrualId: string, position: number, recordedAt: string): InterestAccrualRow {
  return {
    accrual_no: position,
    accrual_id: accrualId,
    recorded_at: recordedAt,
    through_date: null,
    annual_rate: null,
    day_count: null,
    compounding: null,
    expense_account_id: null,
    income_account_id: null,
    lines: 0,
    reversed_position: null,
    reversed_at: null,
    reversal_reason: null,
    last_position: position,
  };
}

type AccrualTerms = Pick<
  InterestAccrualRow,
  'through_date' | 'annual_rate' | 'day_count' | 'compounding'
>;

/**
 * Counts an event of an account to its accrual, which begins with it where an older version made
 * it: only `InterestAccrued` tells the terms of those.
 * @returns the accrual's number
 */
function addLine(
  state: StateSession,
  { position, recordedAt, data }: OfAccrual,
  terms?: AccrualTerms,
): number {
  const table = state.table(interestAccruals);
  const known = table.loaded(data.accrualId);
  if (!known) {
    const row = newAccrual(data.accrualId, position, recordedAt);
    table.insert({ ...row, ...terms, lines: 1 });
    return row.accrual_no;
  }
  table.patch(data.accrualId, {
    ...(known.annual_rate === null && terms),
    lines: known.lines + 1,
    last_position: position,
  });
  return known.accrual_no;
}

function accrualOf(state: StateSession, accrualId: string): InterestAccrualRow {
  const accrual = state.table(interestAccruals).loaded(accrualId);
  assert(accrual, `No accrual ${accrualId}`);
  return accrual;
}

/** What an event says of the days of one accrual, and of the account's interest after them. */
function periodRow(
  state: InterestAccruedData | InterestAdjustedData,
  days: AdjustedPeriod,
  digits: number,
) {
  const { accountId, accrued, carried } = state;
  const { opening, closing, stretches } = days;
  const last = stretches.at(-1);
  assert(last, 'A period has days');
  return {
    account_id: accountId,
    through_date: days.through,
    from_date: days.from,
    annual_rate: days.annualRate,
    day_count: days.dayCount,
    compounding: days.compounding,
    counted_from: days.countedFrom ?? null,
    opening_balance: opening ? minorOf(opening.balance, digits) : null,
    opening_interest: opening ? minorOf(opening.interest, digits) : null,
    stretches,
    balance: minorOf((closing ?? last).balance, digits),
    interest: closing ? minorOf(closing.interest, digits) : null,
    accrued: minorOf(accrued, digits),
    carried: BigInt(carried),
  };
}

function minorOf(text: string, digits: number): bigint {
  const minor = parseAmount(text, digits);
  assert(minor !== undefined, `What should be an amount of ${digits} digits is none`);
  return minor;
}
