import type { Address } from './company.events';
import type { CompanyRow } from './company.table';

/** A company as the API answers it. */
export interface CompanyView {
  id: string;
  clientId: string | null;
  name: string;
  contactEmail: string;
  address: Address;
  version: number;
  createdAt: string;
  position: number;
}

export function companyView(row: CompanyRow): CompanyView {
  // The database does not keep the order of an object's keys.
  const { line1, line2, city, region, postalCode, country } = row.address;
  return {
    id: row.company_id,
    clientId: row.client_id,
    name: row.name,
    contactEmail: row.contact_email,
    address: { line1, line2, city, region, postalCode, country },
    version: row.version,
    createdAt: row.created_at,
    position: row.last_position,
  };
}
