import { defineEvent } from '../../engine/define/event';
import type { ClientId, CountryCode, Uuid } from '../../engine/define/event-fields';

/** A postal address, without white space around its lines, in Unicode NFC. */
export interface Address {
  line1: string;
  line2: string | null;
  city: string;
  region: string | null;
  postalCode: string;
  country: CountryCode;
}

export interface CompanyCreatedData {
  companyId: Uuid;
  clientId: ClientId | null;
  name: string;
  /** Who is told of changes. */
  contactEmail: string;
  address: Address;
}
export const CompanyCreated = defineEvent<CompanyCreatedData>('CompanyCreated');

export interface CompanyAddressChangedData {
  companyId: Uuid;
  /** The new one, whole. */
  address: Address;
}
export const CompanyAddressChanged =
  defineEvent<CompanyAddressChangedData>('CompanyAddressChanged');
