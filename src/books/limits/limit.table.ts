import { column } from '../../database/column';
import { defineKeyedTable, type DatabaseOf, type RowOf } from '../../engine/define/state-table';
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

/**
 * What is used of an account's limits after the last posting that counted, by direction; an account
 * without limits has no row. It is updated: what was used before is on the events, and nobody asks
 * for it, so that a batch writes one row however often it posts to the account.
 */
export const limitUses = defineKeyedTable({
  name: 'limit_uses',
  lastPosition: 'last_position',
  key: 'account_id',
  unique: [],
  mutable: ['debit', 'credit', 'last_position'],
  cacheRows: 20_000,
  columns: {
    account_id: column.uuid(),
    debit: column.jsonb<readonly LimitUse[]>(),
    credit: column.jsonb<readonly LimitUse[]>(),
    last_position: column.bigint(),
  },
});

export type LimitRow = RowOf<typeof velocityLimits>;
export type LimitUsesRow = RowOf<typeof limitUses>;
export type LimitTables = DatabaseOf<
  typeof velocityLimits | typeof limitTargets | typeof limitUses
>;

declare module '../../engine/define/state-table' {
  interface StateDatabase extends LimitTables {}
}
