import { defineEvent } from '../engine/event';

/** A postal address, without white space around its lines, in Unicode NFC. */
export interface Address {
  line1: string;
  line2: string | null;
  city: string;
  region: string | null;
  postalCode: string;
  /** ISO 3166 alpha-2. */
  country: string;
}

export interface CompanyCreatedData {
  companyId: string;
  clientId: string | null;
  name: string;
  /** Who is told of changes. */
  contactEmail: string;
  address: Address;
}
export const CompanyCreated = defineEvent<CompanyCreatedData>('CompanyCreated');

export interface CompanyAddressChangedData {
  companyId: string;
  /** The new one, whole. */
  address: Address;
}
export const CompanyAddressChanged =
  defineEvent<CompanyAddressChangedData>('CompanyAddressChanged');
