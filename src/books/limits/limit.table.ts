import { column } from '../../database/column';
import {
  defineAppendTable,
  defineKeyedTable,
  type DatabaseOf,
  type RowOf,
} from '../../engine/define/state-table';
import type { LimitCreatedData, LimitUse, LimitWindow } from './limit.events';

/** Velocity limits, as they are shown. Amounts in minor units. */
export const velocityLimits = defineKeyedTable({
  name: 'velocity_limits',
  lastPosition: 'last_position',
  key: 'limit_id',
  unique: ['client_id'],
  mutable: ['amount', 'count', 'removed_at', 'version', 'last_position'],
  cacheRows: 10_000,
  columns: {
    /** Position of the event that made it. */
    limit_no: column.bigint(),
    limit_id: column.uuid(),
    client_id: column.text().nullable(),
    created_at: column.timestamptz(),
    account_id: column.uuid().nullable(),
    account_group: column.text().nullable(),
    direction: column.text<'debit' | 'credit'>(),
    currency: column.text(),
    digits: column.int(),
    per: column.text<LimitWindow>(),
    amount: column.numeric().nullable(),
    count: column.bigint().nullable(),
    removed_at: column.timestamptz().nullable(),
    version: column.bigint(),
    last_position: column.bigint(),
  },
});

/** What a limit says, for who posts. */
export type LimitTerms = Pick<
  LimitCreatedData,
  'limitId' | 'direction' | 'currency' | 'amount' | 'count' | 'per'
>;

/**
 * The limits in force of an account or a group: a posting finds all that it needs in one row. For
 * accounts it comes with the account's own row, so that one without limits asks for nothing.
 */
export const limitTargets = defineKeyedTable({
  name: 'limit_targets',
  lastPosition: 'last_position',
  key: 'target',
  unique: [],
  mutable: ['terms', 'last_position'],
  cacheRows: 10_000,
  // Groups are few, and an account of one asks for all that it is in.
  keepsAbsent: true,
  columns: {
    /** An account's id, or `group:` and a group. */
    target: column.text(),
    terms: column.jsonb<readonly LimitTerms[]>(),
    last_position: column.bigint(),
  },
});

/** What is used of an account's limits, by direction. */
export type UsesByDirection = Readonly<Record<'debit' | 'credit', readonly LimitUse[]>>;

/**
 * What is used after each posting that counted; an account without limits has no row. As with
 * balances, the last row holds: nothing is updated, and who posts finds it in the account's row.
 */
export const limitUses = defineAppendTable({
  name: 'limit_uses',
  lastPosition: 'position',
  columns: {
    account_no: column.bigint(),
    position: column.bigint(),
    uses: column.jsonb<UsesByDirection>(),
  },
});

export type LimitRow = RowOf<typeof velocityLimits>;
export type LimitTables = DatabaseOf<
  typeof velocityLimits | typeof limitTargets | typeof limitUses
>;

declare module '../../engine/define/state-table' {
  interface StateDatabase extends LimitTables {}
}
