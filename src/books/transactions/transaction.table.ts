import { column } from '../../database/column';
import {
  defineAppendTable,
  defineKeyedTable,
  type DatabaseOf,
  type RowOf,
} from '../../engine/define/state-table';

export const transactions = defineKeyedTable({
  name: 'transactions',
  lastPosition: ['reversed_position', 'position'],
  key: 'transaction_id',
  unique: ['client_id'],
  mutable: ['reversed_by', 'reversed_position'],
  cacheRows: 0,
  isOnlyWritten: true,
  columns: {
    position: column.bigint(),
    transaction_id: column.uuid(),
    recorded_at: column.timestamptz(),
    effective_date: column.date(),
    reverses: column.uuid().nullable(),
    reversed_by: column.uuid().nullable(),
    /** Position of the event that reversed it. */
    reversed_position: column.bigint().nullable(),
    client_id: column.text().nullable(),
    description: column.text(),
    /** The accounts that it posts to, each once: where its entries are. */
    account_nos: column.bigints(),
    metadata: column.jsonb<Record<string, string>>(),
  },
});

/** One posting of one transaction, with the account's totals after it. Money in minor units. */
export const entries = defineAppendTable({
  name: 'entries',
  lastPosition: 'position',
  columns: {
    account_no: column.bigint(),
    position: column.bigint(),
    account_version: column.bigint(),
    /** The posting's place in its transaction, from 0. */
    ordinal: column.int(),
    effective_date: column.date(),
    direction: column.text<'debit' | 'credit'>(),
    amount: column.numeric(),
    debits_after: column.numeric(),
    credits_after: column.numeric(),
  },
});

export type TransactionRow = RowOf<typeof transactions>;
export type EntryRow = RowOf<typeof entries>;
export type TransactionTables = DatabaseOf<typeof transactions | typeof entries>;

declare module '../../engine/define/state-table' {
  interface StateDatabase extends TransactionTables {}
}
