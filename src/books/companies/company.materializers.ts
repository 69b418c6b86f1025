import assert from 'node:assert';
import { defineMaterializer } from '../../engine/define/materializer';
import { CompanyAddressChanged, CompanyCreated, type Address } from './company.events';
import { companies } from './company.table';

/** The task of telling a company's contact that its address has changed. */
export const ADDRESS_CHANGED_EMAIL = 'company.address-changed-email';

/** What the mail says, as of the event that asks for it. */
export interface AddressChangedEmail {
  companyId: string;
  companyName: string;
  contactEmail: string;
  address: Address;
  /** RFC 3339 UTC. */
  changedAt: string;
}

export const materializeCompanyCreated = defineMaterializer(
  CompanyCreated,
  1,
  async ({ position, recordedAt, data }, { state }) => {
    state.table(companies).insert({
      company_no: position,
      company_id: data.companyId,
      created_at: recordedAt,
      client_id: data.clientId,
      name: data.name,
      contact_email: data.contactEmail,
      address: data.address,
      version: 1,
      last_position: position,
    });
  },
);

export const materializeCompanyAddressChanged = defineMaterializer(
  CompanyAddressChanged,
  1,
  async ({ position, occurredAt, data }, { state, tasks }) => {
    const { companyId, address } = data;
    const company = await state.table(companies).get(companyId);
    assert(company, `No company ${companyId}`);
    state.table(companies).update({
      ...company,
      address,
      version: company.version + 1,
      last_position: position,
    });
    const email: AddressChangedEmail = {
      companyId,
      companyName: company.name,
      contactEmail: company.contact_email,
      address,
      changedAt: occurredAt,
    };
    const recipient = company.contact_email.toLowerCase();
    tasks.enqueue(ADDRESS_CHANGED_EMAIL, email, { subject: recipient });
  },
  ({ data }, needs) => needs.row(companies, 'company_id', data.companyId),
);
