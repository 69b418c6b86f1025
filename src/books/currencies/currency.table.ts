import { column } from '../../database/column';
import { defineKeyedTable, type DatabaseOf, type RowOf } from '../../engine/define/state-table';

/**
 * The currencies that this ledger knows by its log: its own, and those of ISO that accounts have.
 * What a code's digits are is decided once, by the first event with it.
 */
export const currencies = defineKeyedTable({
  name: 'currencies',
  lastPosition: 'position',
  key: 'code',
  unique: [],
  mutable: [],
  cacheRows: 1_000,
  rebuildRows: 10_000,
  columns: {
    code: column.text(),
    /** Decimal digits of every amount. */
    digits: column.int(),
    /** Of one of the ledger's own; null for a code of ISO. */
    name: column.text().nullable(),
    /** Position of the first event that had the code. */
    position: column.bigint(),
  },
});

export type CurrencyRow = RowOf<typeof currencies>;
export type CurrencyTables = DatabaseOf<typeof currencies>;

declare module '../../engine/define/state-table' {
  interface StateDatabase extends CurrencyTables {}
}
