import { column } from '../../database/column';
import {
  defineAppendTable,
  defineKeyedTable,
  type DatabaseOf,
  type RowOf,
} from '../../engine/define/state-table';
import type { Repeat, ScheduledPosting } from './schedule.events';

export const SCHEDULE_STATUSES = ['scheduled', 'posted', 'refused', 'cancelled', 'ended'] as const;
export type ScheduleStatus = (typeof SCHEDULE_STATUSES)[number];

export const scheduledTransactions = defineKeyedTable({
  name: 'scheduled_transactions',
  lastPosition: 'last_position',
  key: 'schedule_id',
  unique: ['client_id'],
  mutable: ['status', 'next_on', 'due_at', 'version', 'last_position'],
  cacheRows: 10_000,
  // About 1 kB each. One may be posted long after it was scheduled.
  rebuildRows: 100_000,
  // Each may have a thousand postings, and 100 KB of metadata.
  loadRows: 32,
  columns: {
    /** Position of the event that scheduled it. */
    schedule_no: column.bigint(),
    schedule_id: column.uuid(),
    created_at: column.timestamptz(),
    client_id: column.text().nullable(),
    description: column.text(),
    metadata: column.jsonb<Record<string, string>>(),
    postings: column.jsonb<readonly ScheduledPosting[]>(),
    /** The first day; later ones are counted from it. */
    post_on: column.date(),
    repeat: column.text<Repeat>().nullable(),
    until_date: column.date().nullable(),
    status: column.text<ScheduleStatus>(),
    /** The day that it is posted for next, and when that begins; null where there is none. */
    next_on: column.date().nullable(),
    due_at: column.timestamptz().nullable(),
    /** 1 when scheduled, and one more with every change. */
    version: column.bigint(),
    last_position: column.bigint(),
  },
});

/** Where the scheduled transactions of an account are. */
export const scheduledAccounts = defineAppendTable({
  name: 'scheduled_accounts',
  lastPosition: 'schedule_no',
  columns: { account_no: column.bigint(), schedule_no: column.bigint() },
});

/** What became of each day; of transaction and code one is null. */
export const scheduledRuns = defineAppendTable({
  name: 'scheduled_runs',
  lastPosition: 'position',
  columns: {
    schedule_no: column.bigint(),
    position: column.bigint(),
    run_on: column.date(),
    transaction_id: column.uuid().nullable(),
    code: column.text().nullable(),
    detail: column.text().nullable(),
  },
});

export type ScheduleRow = RowOf<typeof scheduledTransactions>;
export type ScheduledRunRow = RowOf<typeof scheduledRuns>;
export type ScheduleTables = DatabaseOf<
  typeof scheduledTransactions | typeof scheduledAccounts | typeof scheduledRuns
>;

declare module '../../engine/define/state-table' {
  interface StateDatabase extends ScheduleTables {}
}
