import assert from 'node:assert';
import type { LedgerEvent } from '../../engine/define/event';
import { defineMaterializer } from '../../engine/define/materializer';
import type { RowNeeds, StateSession } from '../../engine/define/state-session';
import { parseAmount } from '../../money/amount';
import { needSource, rememberSource } from '../transactions/source.rules';
import { knownDigits, needCurrency } from '../currencies/currency.rules';
import { InterestAccrued, InterestAdjusted, type BalanceStretch } from './interest.events';
import { ACCRUAL_SOURCE, interestPeriods } from './interest.table';

export const materializeInterestAccrued = defineMaterializer(
  InterestAccrued,
  4,
  ({ position, commandId, data }, { state }) => {
    const digits = knownDigits(state, data.currency);
    state.append(interestPeriods, {
      account_id: data.accountId,
      through_date: data.through,
      position,
      from_date: data.from,
      annual_rate: data.annualRate,
      day_count: data.dayCount,
      stretches: data.stretches,
      balance: closingBalance(data.stretches, digits),
      accrued: minorOf(data.accrued, digits),
      carried: BigInt(data.carried),
      scan_after: data.scanAfter ?? position,
    });
    rememberPosting(state, data.transactionId, commandId, position);
  },
  needDigitsAndPosting,
);

export const materializeInterestAdjusted = defineMaterializer(
  InterestAdjusted,
  4,
  ({ position, commandId, data }, { state }) => {
    const digits = knownDigits(state, data.currency);
    for (const period of data.periods) {
      state.append(interestPeriods, {
        account_id: data.accountId,
        through_date: period.through,
        position,
        from_date: period.from,
        annual_rate: period.annualRate,
        day_count: period.dayCount,
        stretches: period.stretches,
        balance: closingBalance(period.stretches, digits),
        accrued: minorOf(data.accrued, digits),
        carried: BigInt(data.carried),
        scan_after: position,
      });
    }
    rememberPosting(state, data.transactionId, commandId, position);
  },
  needDigitsAndPosting,
);

function needDigitsAndPosting(
  { data }: LedgerEvent<{ currency: string; transactionId: string | null }>,
  needs: Pick<RowNeeds, 'row'>,
): void {
  needCurrency(needs, data.currency);
  if (data.transactionId !== null) needSource(needs, data.transactionId);
}

/** An accrual has the id of its command. */
function rememberPosting(
  state: StateSession,
  transactionId: string | null,
  accrualId: string,
  position: number,
): void {
  if (transactionId === null) return;
  const undoneBy = `POST /v1/interest-accruals/${accrualId}/reverse`;
  const source = { type: ACCRUAL_SOURCE, id: accrualId, undoneBy };
  rememberSource(state, transactionId, source, position);
}

function closingBalance(stretches: readonly BalanceStretch[], digits: number): bigint {
  const last = stretches.at(-1);
  assert(last, 'A period has days');
  return minorOf(last.balance, digits);
}

function minorOf(text: string, digits: number): bigint {
  const minor = parseAmount(text, digits);
  assert(minor !== undefined, `What should be an amount of ${digits} digits is none`);
  return minor;
}
