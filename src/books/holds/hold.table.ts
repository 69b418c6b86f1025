import { column } from '../../database/column';
import {
  defineAppendTable,
  defineKeyedTable,
  defineListTable,
  type DatabaseOf,
  type RowOf,
} from '../../engine/define/state-table';
import type { HoldPosting } from './hold.events';

export type HoldStatus = 'held' | 'captured' | 'voided' | 'expired';
export const HOLD_STATUSES = ['held', 'captured', 'voided', 'expired'] as const;

/** A posting of a hold with what was captured of it; decimal strings with all digits. */
export interface HeldPosting extends HoldPosting {
  captured: string;
}

export const holds = defineKeyedTable({
  name: 'holds',
  lastPosition: 'last_position',
  key: 'hold_id',
  unique: ['client_id'],
  mutable: ['status', 'postings', 'transaction_ids', 'version', 'last_position'],
  cacheRows: 20_000,
  // About 1 kB each. A hold may be captured long after it was placed.
  rebuildRows: 100_000,
  // Each may have a thousand postings, and 100 KB of metadata.
  loadRows: 32,
  columns: {
    /** Position of the event that placed the hold. */
    hold_no: column.bigint(),
    hold_id: column.uuid(),
    created_at: column.timestamptz(),
    client_id: column.text().nullable(),
    description: column.text(),
    expires_at: column.timestamptz().nullable(),
    metadata: column.jsonb<Record<string, string>>(),
    status: column.text<HoldStatus>(),
    postings: column.jsonb<readonly HeldPosting[]>(),
    /** Its accounts, each once. */
    account_nos: column.bigints(),
    /** The transactions that captured it, in the order of the log. */
    transaction_ids: column.jsonb<readonly string[]>(),
    /** 1 when placed, and one more with every change. */
    version: column.bigint(),
    /** Position of the last event that changed the hold. */
    last_position: column.bigint(),
  },
});

/** Where the holds stand that are not of one account: with all others of the ledger. */
export const ALL_ACCOUNTS = 0;

/**
 * The open holds of each account, and of all ({@link ALL_ACCOUNTS}). A hold leaves these lists when
 * it ends, and is not in them with another status: of what has an index nothing is updated.
 */
export const openHolds = defineListTable({
  name: 'open_holds',
  lastPosition: 'hold_no',
  keys: ['account_no', 'hold_no'],
  columns: {
    account_no: column.bigint(),
    hold_no: column.bigint(),
    expires_at: column.timestamptz().nullable(),
  },
});

/** The same of holds that have ended, by how they did. */
export const endedHolds = defineAppendTable({
  name: 'ended_holds',
  lastPosition: 'position',
  columns: {
    account_no: column.bigint(),
    status: column.text<HoldStatus>(),
    hold_no: column.bigint(),
    /** Of the event that ended it. */
    position: column.bigint(),
  },
});

export type HoldRow = RowOf<typeof holds>;
export type HoldTables = DatabaseOf<typeof holds> &
  DatabaseOf<typeof openHolds> &
  DatabaseOf<typeof endedHolds>;

declare module '../../engine/define/state-table' {
  interface StateDatabase extends HoldTables {}
}
