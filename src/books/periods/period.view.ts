import type { LedgerEvent } from '../../engine/define/event';
import type { PeriodClosedData, SealedCurrency } from './period.events';
import type { PeriodCloseRow } from './period.table';
import type { PeriodCloseDto, SealedCurrencyDto } from './period.dto';

/** The close as its event leaves it. */
export function closedPeriodView({
  recordedAt,
  data,
}: LedgerEvent<PeriodClosedData>): PeriodCloseDto {
  return {
    id: data.closeId,
    through: data.through,
    recordedAt,
    position: data.position,
    hash: data.hash,
    digest: data.digest,
    currencies: totalsView(data.currencies),
    transactionIds: data.transactionIds,
    reopened: null,
  };
}

/** The close as the state has it. */
export function periodCloseView(row: PeriodCloseRow): PeriodCloseDto {
  return {
    id: row.close_id,
    through: row.through_date,
    recordedAt: row.recorded_at,
    position: row.sealed_position,
    hash: row.sealed_hash,
    digest: row.digest,
    currencies: totalsView(row.totals),
    transactionIds: [...row.transaction_ids],
    reopened:
      row.reopened_position === null
        ? null
        : {
            position: row.reopened_position,
            recordedAt: row.reopened_at!,
            reason: row.reopening_reason!,
            transactionIds: [...row.reversal_ids!],
          },
  };
}

function totalsView(totals: readonly SealedCurrency[]): SealedCurrencyDto[] {
  return totals.map(({ currency, totalDebit, totalCredit }) => {
    return { currency, totalDebit, totalCredit };
  });
}
