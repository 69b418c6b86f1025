import { column } from '../../database/column';
import {
  defineAppendTable,
  defineKeyedTable,
  type DatabaseOf,
  type RowOf,
} from '../../engine/define/state-table';
import type { DayCount } from './day-count';
import type { BalanceStretch } from './interest.events';

/**
 * The days of one accrual of an account as an event knew them. An adjustment adds a row with the
 * same last day and a higher position, and that one holds. The row with the account's last day
 * says where its interest stands.
 */
export const interestPeriods = defineAppendTable({
  name: 'interest_periods',
  lastPosition: 'position',
  columns: {
    account_id: column.uuid(),
    through_date: column.date(),
    /** Position of the event. */
    position: column.bigint(),
    from_date: column.date(),
    /** Decimal string. */
    annual_rate: column.text(),
    day_count: column.text<DayCount>(),
    stretches: column.json<BalanceStretch[]>(),
    /** Minor units, credits minus debits at the end of the last day, without interest. */
    balance: column.numeric(),
    /** Minor units accrued in all after the event. */
    accrued: column.numeric(),
    /** What rounding has left after the event; see exact-interest.ts for its unit. */
    carried: column.numeric(),
    /** Entries up to this position, and no others, are all in the stretches. */
    scan_after: column.bigint(),
  },
});

/** The transactions that posted interest. */
export const interestPostings = defineKeyedTable({
  name: 'interest_postings',
  lastPosition: 'position',
  key: 'transaction_id',
  unique: [],
  mutable: [],
  // Events of one transaction follow each other.
  cacheRows: 100,
  columns: {
    transaction_id: column.uuid(),
    /** Position of the first event that named it. */
    position: column.bigint(),
  },
});

export type InterestPeriodRow = RowOf<typeof interestPeriods>;
export type InterestTables = DatabaseOf<typeof interestPeriods | typeof interestPostings>;

declare module '../../engine/define/state-table' {
  interface StateDatabase extends InterestTables {}
}
