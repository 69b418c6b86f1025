/** Codes of currencies: those of ISO 4217 have three letters, a ledger's own up to twelve. */
export const CURRENCY_PATTERN = /^[A-Z0-9]{3,12}$/;

/** Decimal digits that a currency may have at most; so many has a token of Ethereum, in wei. */
export const MAX_CURRENCY_DIGITS = 18;

/** What amounts of a currency are read and written by. */
export interface CurrencyDigits {
  readonly currency: string;
  /** Decimal digits: 2 for USD, 0 for JPY. */
  readonly digits: number;
}
