import { defineAppendTable, defineKeyedTable } from '../../engine/define/state-table';
import type { EntryRow } from '../accounts/account.table';

/** A row of `transactions`. */
export interface TransactionRow {
  position: number;
  transaction_id: string;
  recorded_at: string;
  effective_date: string;
  reverses: string | null;
  reversed_by: string | null;
  /** Position of the event that reversed it. */
  reversed_position: number | null;
  client_id: string | null;
  description: string;
  /** The accounts that it posts to, each once: where its entries are. */
  account_nos: readonly number[];
  metadata: Record<string, string>;
}

export const transactions = defineKeyedTable<TransactionRow>({
  name: 'transactions',
  lastPosition: 'coalesce(reversed_position, position)',
  key: 'transaction_id',
  unique: ['client_id'],
  mutable: ['reversed_by', 'reversed_position'],
  cacheRows: 0,
  isOnlyWritten: true,
  columns: {
    position: 'bigint',
    transaction_id: 'uuid',
    recorded_at: 'timestamptz',
    effective_date: 'date',
    reverses: 'uuid',
    reversed_by: 'uuid',
    reversed_position: 'bigint',
    client_id: 'text',
    description: 'text',
    account_nos: 'bigint[]',
    metadata: 'jsonb',
  },
});

export const entries = defineAppendTable<EntryRow>({
  name: 'entries',
  lastPosition: 'position',
  columns: {
    account_no: 'bigint',
    position: 'bigint',
    account_version: 'bigint',
    ordinal: 'int',
    effective_date: 'date',
    direction: 'text',
    amount: 'numeric',
    debits_after: 'numeric',
    credits_after: 'numeric',
  },
});
