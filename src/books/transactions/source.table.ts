import { column } from '../../database/column';
import { defineKeyedTable, type DatabaseOf, type RowOf } from '../../engine/define/state-table';

/** The transactions that are part of another fact; most have no row. See source.rules.ts. */
export const transactionSources = defineKeyedTable({
  name: 'transaction_sources',
  lastPosition: 'position',
  key: 'transaction_id',
  unique: [],
  mutable: [],
  // Events that name one transaction follow each other.
  cacheRows: 1_000,
  columns: {
    transaction_id: column.uuid(),
    /** Position of the first event that named it. */
    position: column.bigint(),
    source_type: column.text(),
    source_id: column.uuid(),
    /** The request that undoes the fact, as a caller writes it. */
    undone_by: column.text(),
  },
});

export type TransactionSourceRow = RowOf<typeof transactionSources>;
export type SourceTables = DatabaseOf<typeof transactionSources>;

declare module '../../engine/define/state-table' {
  interface StateDatabase extends SourceTables {}
}
