import type { Address } from './company.events';

/** An address as a caller gives it. */
export interface AddressInput {
  line1: string;
  line2?: string | null | undefined;
  city: string;
  region?: string | null | undefined;
  postalCode: string;
  country: string;
}

/**
 * The one way in which an address is written: without white space around its lines, in Unicode
 * NFC, and with null for an optional line that is absent, null or blank. None of that makes
 * another address; everything else does, the case of letters included.
 */
export function normalAddress(input: AddressInput): Address {
  return {
    line1: normalLine(input.line1),
    line2: optionalLine(input.line2),
    city: normalLine(input.city),
    region: optionalLine(input.region),
    postalCode: normalLine(input.postalCode),
    country: input.country,
  };
}

function normalLine(text: string): string {
  return text.normalize('NFC').trim();
}

function optionalLine(text: string | null | undefined): string | null {
  return normalLine(text ?? '') || null;
}

/** Whether two addresses in normal form are the same. */
export function isSameAddress(a: Address, b: Address): boolean {
  return (
    a.line1 === b.line1 &&
    a.line2 === b.line2 &&
    a.city === b.city &&
    a.region === b.region &&
    a.postalCode === b.postalCode &&
    a.country === b.country
  );
}

/** The lines of an address as they stand on an envelope. */
export function addressLines(address: Address): string[] {
  const place = [address.city, address.region, address.postalCode].filter((p) => p !== null);
  const lines = [address.line1, address.line2, place.join(', '), address.country];
  return lines.filter((line) => line !== null);
}

const MAX_EMAIL = 254;
const MAX_LOCAL_PART = 64;
const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const EMAIL = new RegExp(`^${ATOM}(?:\\.${ATOM})*@${LABEL}(?:\\.${LABEL})*$`);
/** What {@link isEmail} accepts, but for the length of the whole. */
export const EMAIL_SHAPE = `^(?=[^@]{0,${MAX_LOCAL_PART}}@)${EMAIL.source.slice(1)}`;

/**
 * Whether a text is one plain ASCII mail address, `local@domain`. Narrower than RFC 5321: no quoted
 * local part and no address literal, so that nothing in it can end a header or begin a second
 * recipient.
 */
export function isEmail(text: string): boolean {
  return text.length <= MAX_EMAIL && text.indexOf('@') <= MAX_LOCAL_PART && EMAIL.test(text);
}
