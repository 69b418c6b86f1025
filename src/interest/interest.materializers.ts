import assert from 'node:assert';
import { defineMaterializer } from '../engine/materializer';
import type { StateSession } from '../engine/state-session';
import { parseAmount } from '../money/amount';
import { currencyDigits } from '../money/currency';
import { InterestAccrued, InterestAdjusted, type BalanceStretch } from './interest.events';
import { interestPeriods, interestPostings } from './interest.table';

export const materializeInterestAccrued = defineMaterializer(
  InterestAccrued,
  1,
  async ({ position, data }, { state }) => {
    state.append(interestPeriods, {
      account_id: data.accountId,
      through_date: data.through,
      position,
      from_date: data.from,
      annual_rate: data.annualRate,
      day_count: data.dayCount,
      stretches: data.stretches,
      balance: closingBalance(data.stretches, data.currency),
      accrued: minorOf(data.accrued, data.currency),
      carried: BigInt(data.carried),
      scan_after: data.scanAfter ?? position,
    });
    await rememberPosting(state, data.transactionId);
  },
);

export const materializeInterestAdjusted = defineMaterializer(
  InterestAdjusted,
  1,
  async ({ position, data }, { state }) => {
    for (const period of data.periods) {
      state.append(interestPeriods, {
        account_id: data.accountId,
        through_date: period.through,
        position,
        from_date: period.from,
        annual_rate: period.annualRate,
        day_count: period.dayCount,
        stretches: period.stretches,
        balance: closingBalance(period.stretches, data.currency),
        accrued: minorOf(data.accrued, data.currency),
        carried: BigInt(data.carried),
        scan_after: position,
      });
    }
    await rememberPosting(state, data.transactionId);
  },
);

async function rememberPosting(state: StateSession, transactionId: string | null): Promise<void> {
  if (transactionId === null) return;
  const table = state.table(interestPostings);
  const found = table.get(transactionId);
  const known = found instanceof Promise ? await found : found;
  if (!known) table.insert({ transaction_id: transactionId });
}

function closingBalance(stretches: readonly BalanceStretch[], currency: string): bigint {
  const last = stretches.at(-1);
  assert(last, 'A period has days');
  return minorOf(last.balance, currency);
}

function minorOf(text: string, currency: string): bigint {
  const minor = parseAmount(text, currencyDigits(currency)!);
  assert(minor !== undefined, `"${text}" is no amount in ${currency}`);
  return minor;
}
