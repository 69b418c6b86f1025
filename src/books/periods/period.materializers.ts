import assert from 'node:assert';
import { defineMaterializer } from '../../engine/define/materializer';
import { closeDays, CLOSING_SOURCE, needClosedDays } from '../transactions/closed-days.rules';
import { loadedClosedThrough } from '../transactions/closed-days.rules';
import { rememberOnlySource } from '../transactions/source.rules';
import { PeriodClosed, PeriodReopened } from './period.events';
import { periodCloses } from './period.table';

export const materializePeriodClosed = defineMaterializer(
  PeriodClosed,
  1,
  ({ position, recordedAt, data }, { state }) => {
    const { closeId, through, transactionIds } = data;
    const previous = loadedClosedThrough(state);
    state.table(periodCloses).insert({
      close_no: position,
      close_id: closeId,
      recorded_at: recordedAt,
      through_date: through,
      sealed_position: data.position,
      sealed_hash: data.hash,
      digest: data.digest,
      totals: data.currencies,
      transaction_ids: transactionIds,
      previous_id: previous?.closeId ?? null,
      previous_date: previous?.through ?? null,
      reopened_position: null,
      reopened_at: null,
      reopening_reason: null,
      reversal_ids: null,
    });
    closeDays(state, { closeId, through }, position);
    const undoneBy = `POST /v1/period-closes/${closeId}/reopen`;
    for (const transactionId of transactionIds) {
      const fact = { type: CLOSING_SOURCE, id: closeId, undoneBy };
      rememberOnlySource(state, transactionId, fact, position);
    }
  },
  (_, needs) => needClosedDays(needs),
);

export const materializePeriodReopened = defineMaterializer(
  PeriodReopened,
  1,
  ({ position, recordedAt, data }, { state }) => {
    const { closeId, reason, transactionIds } = data;
    const table = state.table(periodCloses);
    const close = table.loaded(closeId);
    assert(close, `No period close ${closeId}`);
    assert(loadedClosedThrough(state)?.closeId === closeId, `${closeId} is not the last close`);
    table.patch(closeId, {
      reopened_position: position,
      reopened_at: recordedAt,
      reopening_reason: reason,
      reversal_ids: transactionIds,
    });
    const { previous_id: id, previous_date: through } = close;
    closeDays(state, id === null ? undefined : { closeId: id, through: through! }, position);
    const undoneBy = 'POST /v1/period-closes, which closes the days again';
    for (const transactionId of transactionIds) {
      const fact = { type: CLOSING_SOURCE, id: closeId, undoneBy };
      rememberOnlySource(state, transactionId, fact, position);
    }
  },
  ({ data }, needs) => {
    needClosedDays(needs);
    needs.row(periodCloses, 'close_id', data.closeId);
  },
);
