import type { LedgerEvent } from '../../engine/define/event';
import type { TransactionScheduledData } from './schedule.events';
import type { ScheduledRunRow, ScheduleRow } from './schedule.table';
import type { ScheduledTransactionDto } from './schedule.dto';

/** @param runs the last ones, in order */
export function scheduleView(
  row: ScheduleRow,
  runs: readonly Pick<ScheduledRunRow, 'run_on' | 'transaction_id' | 'code' | 'detail'>[],
): ScheduledTransactionDto {
  return {
    id: row.schedule_id,
    clientId: row.client_id,
    description: row.description,
    metadata: row.metadata,
    postings: row.postings.map(({ accountId, direction, amount, currency }) => {
      return { accountId, direction, amount, currency };
    }),
    postOn: row.post_on,
    repeat: row.repeat,
    until: row.until_date,
    status: row.status,
    nextOn: row.next_on,
    runs: runs.map(({ run_on: on, transaction_id: transactionId, code, detail }) => {
      const refusal = code === null ? null : { code, detail: detail ?? '' };
      return { on, transactionId, refusal };
    }),
    version: row.version,
    createdAt: row.created_at,
    position: row.last_position,
  };
}

/** The scheduled transaction as the event that made it leaves it. */
export function scheduledRow({
  position,
  recordedAt,
  data,
}: LedgerEvent<TransactionScheduledData>): ScheduleRow {
  return {
    schedule_no: position,
    schedule_id: data.scheduleId,
    created_at: recordedAt,
    client_id: data.clientId ?? null,
    description: data.description,
    metadata: data.metadata ?? {},
    postings: data.postings,
    post_on: data.first.on,
    repeat: data.repeat ?? null,
    until_date: data.until ?? null,
    status: 'scheduled',
    next_on: data.first.on,
    due_at: data.first.dueAt,
    version: 1,
    last_position: position,
  };
}
