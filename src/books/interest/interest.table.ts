import { column } from '../../database/column';
import {
  defineAppendTable,
  defineKeyedTable,
  type DatabaseOf,
  type RowOf,
} from '../../engine/define/state-table';
import type { DayCount } from './day-count';
import type { Compounding } from './exact-interest';
import type { BalanceStretch } from './interest.events';

// Money in minor units; balances are on the account's normal side.

/** Every accrual. Its terms are null until the first event that tells them. */
export const interestAccruals = defineKeyedTable({
  name: 'interest_accruals',
  lastPosition: 'last_position',
  key: 'accrual_id',
  unique: [],
  mutable: [
    'through_date',
    'annual_rate',
    'day_count',
    'compounding',
    'lines',
    'reversed_position',
    'reversed_at',
    'reversal_reason',
    'last_position',
  ],
  cacheRows: 1_000,
  columns: {
    /** Position of its first event. */
    accrual_no: column.bigint(),
    accrual_id: column.uuid(),
    recorded_at: column.timestamptz(),
    through_date: column.date().nullable(),
    /** Decimal string. */
    annual_rate: column.text().nullable(),
    day_count: column.text<DayCount>().nullable(),
    compounding: column.text<Compounding>().nullable(),
    expense_account_id: column.uuid().nullable(),
    income_account_id: column.uuid().nullable(),
    /** Accounts that it accrued, adjusted or left out, each as often as that. */
    lines: column.int(),
    reversed_position: column.bigint().nullable(),
    reversed_at: column.timestamptz().nullable(),
    reversal_reason: column.text().nullable(),
    /** Position of the last event that changed the row. */
    last_position: column.bigint(),
  },
});

/**
 * The days of one accrual of an account as an event knew them. An adjustment adds a row with the
 * same last day and a higher position, and that one holds. The row with the account's last day
 * says where its interest stands. Rows of accruals that were reversed count for nothing.
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
    /** The accrual whose event it is: an adjustment is part of a later one than its days. */
    accrual_no: column.bigint(),
    /** Decimal string. */
    annual_rate: column.text(),
    day_count: column.text<DayCount>(),
    compounding: column.text<Compounding>(),
    /** Null where it is the first day. */
    counted_from: column.date().nullable(),
    /** How the account stood before the first day; null where an older version accrued. */
    opening_balance: column.numeric().nullable(),
    opening_interest: column.numeric().nullable(),
    stretches: column.json<BalanceStretch[]>(),
    /** The balance without interest when the last day was over. */
    balance: column.numeric(),
    /** Interest that was not paid out then; null where an older version accrued. */
    interest: column.numeric().nullable(),
    /** What the accrual came to; null in the rows of adjustments. */
    principal: column.numeric().nullable(),
    amount: column.numeric().nullable(),
    /** Accrued in all after the event. */
    accrued: column.numeric(),
    /** What rounding has left after the event; see exact-interest.ts for its unit. */
    carried: column.numeric(),
    /** Entries up to this position, and no others, are all in the stretches. */
    scan_after: column.bigint(),
  },
});

/** What accruals have adjusted of earlier ones. */
export const interestAdjustments = defineAppendTable({
  name: 'interest_adjustments',
  lastPosition: 'position',
  columns: {
    accrual_no: column.bigint(),
    position: column.bigint(),
    account_id: column.uuid(),
    from_date: column.date(),
    through_date: column.date(),
    amount: column.numeric(),
  },
});

/** Accounts that accruals have left out. */
export const interestSkips = defineAppendTable({
  name: 'interest_skips',
  lastPosition: 'position',
  columns: {
    accrual_no: column.bigint(),
    position: column.bigint(),
    /** Or what the caller named where there is no such account. */
    account_id: column.text(),
    code: column.text(),
    detail: column.text(),
  },
});

/** What the transactions that posted interest, or took it back, are part of. */
export const ACCRUAL_SOURCE = 'interest_accrual';

export type InterestAccrualRow = RowOf<typeof interestAccruals>;
export type InterestPeriodRow = RowOf<typeof interestPeriods>;
export type InterestTables = DatabaseOf<
  | typeof interestAccruals
  | typeof interestPeriods
  | typeof interestAdjustments
  | typeof interestSkips
>;

declare module '../../engine/define/state-table' {
  interface StateDatabase extends InterestTables {}
}
