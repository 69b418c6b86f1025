import type { CompanyRow } from './company.table';
import type { CompanyDto } from './company.dto';

export function companyView(row: CompanyRow): CompanyDto {
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
