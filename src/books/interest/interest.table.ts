import { column } from '../../database/column';
import { defineAppendTable, type DatabaseOf, type RowOf } from '../../engine/define/state-table';
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

/** What the transactions that posted interest are part of. */
export const ACCRUAL_SOURCE = 'interest_accrual';

export type InterestPeriodRow = RowOf<typeof interestPeriods>;
export type InterestTables = DatabaseOf<typeof interestPeriods>;

declare module '../../engine/define/state-table' {
  interface StateDatabase extends InterestTables {}
}
