import { defineAppendTable, defineKeyedTable } from '../../engine/define/state-table';
import type { DayCount } from './day-count';
import type { BalanceStretch } from './interest.events';

/**
 * A row of `interest_periods`: the days of one accrual of an account as an event knew them. An
 * adjustment adds a row with the same last day and a higher position, and that one holds. The
 * row with the account's last day says where its interest stands.
 */
export interface InterestPeriodRow {
  account_id: string;
  through_date: string;
  /** Position of the event. */
  position: number;
  from_date: string;
  /** Decimal string. */
  annual_rate: string;
  day_count: DayCount;
  stretches: BalanceStretch[];
  /** Minor units, credits minus debits at the end of the last day, without interest. */
  balance: bigint;
  /** Minor units accrued in all after the event. */
  accrued: bigint;
  /** What rounding has left after the event; see exact-interest.ts for its unit. */
  carried: bigint;
  /** Entries up to this position, and no others, are all in the stretches. */
  scan_after: number;
}

export const interestPeriods = defineAppendTable<InterestPeriodRow>({
  name: 'interest_periods',
  lastPosition: 'position',
  columns: {
    account_id: 'uuid',
    through_date: 'date',
    position: 'bigint',
    from_date: 'date',
    annual_rate: 'text',
    day_count: 'text',
    stretches: 'json',
    balance: 'numeric',
    accrued: 'numeric',
    carried: 'numeric',
    scan_after: 'bigint',
  },
});

/** A row of `interest_postings`: a transaction that posted interest. */
export interface InterestPostingRow {
  transaction_id: string;
  /** Position of the first event that named it. */
  position: number;
}

export const interestPostings = defineKeyedTable<InterestPostingRow>({
  name: 'interest_postings',
  lastPosition: 'position',
  key: 'transaction_id',
  unique: [],
  mutable: [],
  // Events of one transaction follow each other.
  cacheRows: 100,
  columns: { transaction_id: 'uuid', position: 'bigint' },
});
