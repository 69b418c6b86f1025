import { defineKeyedTable } from '../../engine/define/state-table';
import type { Address } from './company.events';

/** A row of `companies`. */
export interface CompanyRow {
  /** Position of the event that created the company. */
  company_no: number;
  company_id: string;
  created_at: string;
  client_id: string | null;
  name: string;
  contact_email: string;
  address: Address;
  /** 1 when created, and one more with every change. */
  version: number;
  /** Position of the last event that changed the company. */
  last_position: number;
}

export const companies = defineKeyedTable<CompanyRow>({
  name: 'companies',
  lastPosition: 'last_position',
  key: 'company_id',
  unique: ['client_id'],
  mutable: ['address', 'version', 'last_position'],
  cacheRows: 10_000,
  // About 600 bytes each.
  rebuildRows: 50_000,
  columns: {
    company_no: 'bigint',
    company_id: 'uuid',
    created_at: 'timestamptz',
    client_id: 'text',
    name: 'text',
    contact_email: 'text',
    address: 'jsonb',
    version: 'bigint',
    last_position: 'bigint',
  },
});
