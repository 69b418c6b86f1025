import { column } from '../../database/column';
import { defineKeyedTable, type DatabaseOf, type RowOf } from '../../engine/define/state-table';
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
    /** The transactions that captured it, in the order of the log. */
    transaction_ids: column.jsonb<readonly string[]>(),
    /** 1 when placed, and one more with every change. */
    version: column.bigint(),
    /** Position of the last event that changed the hold. */
    last_position: column.bigint(),
  },
});

/** The accounts of a hold, each once. */
export const holdAccounts = defineKeyedTable({
  name: 'hold_accounts',
  lastPosition: 'last_position',
  key: 'line_no',
  unique: [],
  mutable: ['status', 'last_position'],
  cacheRows: 40_000,
  isOnlyWritten: true,
  columns: {
    /** See {@link linesOf}. */
    line_no: column.bigint(),
    account_no: column.bigint(),
    hold_no: column.bigint(),
    expires_at: column.timestamptz().nullable(),
    status: column.text<HoldStatus>(),
    last_position: column.bigint(),
  },
});

export type HoldRow = RowOf<typeof holds>;
export type HoldTables = DatabaseOf<typeof holds | typeof holdAccounts>;

declare module '../../engine/define/state-table' {
  interface StateDatabase extends HoldTables {}
}

/** More accounts than a hold can have. */
const LINES = 1_000;

/** The keys of a hold's rows in `hold_accounts`: one for each of its accounts, in their order. */
export function linesOf({ hold_no: holdNo, postings }: Pick<HoldRow, 'hold_no' | 'postings'>) {
  const accountIds = [...new Set(postings.map((posting) => posting.accountId))];
  return accountIds.map((accountId, i) => ({ lineNo: holdNo * LINES + i, accountId }));
}
