import { code as findCurrency, codes } from 'currency-codes';

const known = new Map<string, number | undefined>();

/**
 * Decimal digits of an ISO 4217 currency (USD 2, JPY 0, KWD 3); undefined for a code that ISO does
 * not list. From the ISO table and not from Intl, which follows CLDR and disagrees on HUF, COP, …
 */
export function currencyDigits(currency: string): number | undefined {
  let digits = known.get(currency);
  if (digits === undefined && /^[A-Z]{3}$/.test(currency)) {
    digits = findCurrency(currency)?.digits;
    if (digits !== undefined) known.set(currency, digits);
  }
  return digits;
}

/** All codes that {@link currencyDigits} knows, in order. */
export function currencyCodes(): string[] {
  return codes()
    .filter((currency) => currencyDigits(currency) !== undefined)
    .sort();
}
