import { column } from '../../database/column';
import { defineKeyedTable, type DatabaseOf, type RowOf } from '../../engine/define/state-table';
import type { Address } from './company.events';

export const companies = defineKeyedTable({
  name: 'companies',
  lastPosition: 'last_position',
  key: 'company_id',
  unique: ['client_id'],
  mutable: ['address', 'version', 'last_position'],
  cacheRows: 10_000,
  // About 600 bytes each.
  rebuildRows: 50_000,
  columns: {
    /** Position of the event that created the company. */
    company_no: column.bigint(),
    company_id: column.uuid(),
    created_at: column.timestamptz(),
    client_id: column.text().nullable(),
    name: column.text(),
    contact_email: column.text(),
    address: column.jsonb<Address>(),
    /** 1 when created, and one more with every change. */
    version: column.bigint(),
    /** Position of the last event that changed the company. */
    last_position: column.bigint(),
  },
});

export type CompanyRow = RowOf<typeof companies>;
export type CompanyTables = DatabaseOf<typeof companies>;

declare module '../../engine/define/state-table' {
  interface StateDatabase extends CompanyTables {}
}
