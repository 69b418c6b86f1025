/**
 * What the strings of event data are, for those who read the exported schemas and for the check of
 * data that a person wrote. A released version of an event is never narrowed: whatever was stored
 * under these patterns must stay valid.
 */

/**
 * An id that the ledger made.
 * @format uuid
 * @pattern ^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$
 */
export type Uuid = string;

/**
 * An id that the client made, unique per kind of resource.
 * @pattern ^[A-Za-z0-9._:-]{1,64}$
 */
export type ClientId = string;

/**
 * What a caller named something by: its id in any case, or `client:` and an id that a client made.
 * @pattern ^(client:[A-Za-z0-9._:-]{1,64}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$
 */
export type Reference = string;

/**
 * Decimal string with all of the currency's digits, in major units; not negative.
 * @pattern ^(0|[1-9]\d*)(\.\d+)?$
 */
export type Amount = string;

/**
 * Decimal string with all of the currency's digits, in major units; may be negative.
 * @pattern ^(?!-0(\.0+)?$)-?(0|[1-9]\d*)(\.\d+)?$
 */
export type SignedAmount = string;

/**
 * Decimal string, not negative, without zeros at its end.
 * @pattern ^(0|[1-9]\d*)(\.\d*[1-9])?$
 */
export type Quantity = string;

/**
 * Decimal string: `"0.0425"` is 4.25 % a year.
 * @pattern ^(0|[1-9]\d*)(\.\d+)?$
 */
export type AnnualRate = string;

/**
 * Whole number as a decimal string, of any size; may be negative.
 * @pattern ^(0|-?[1-9]\d*)$
 */
export type WholeNumber = string;

/**
 * ISO 4217 code, or that of a currency of the ledger's own.
 * @pattern ^[A-Z0-9]{3,12}$
 */
export type CurrencyCode = string;

/**
 * A whole number of things, or a position.
 * @asType integer
 * @minimum 0
 */
export type Count = number;

/**
 * Decimal digits of the amounts of a currency.
 * @asType integer
 * @minimum 0
 * @maximum 18
 */
export type CurrencyDigits = number;

/**
 * ISO 3166 alpha-2 code.
 * @pattern ^[A-Z]{2}$
 */
export type CountryCode = string;

/**
 * `YYYY-MM-DD`.
 * @format date
 */
export type CalendarDate = string;

/**
 * RFC 3339 in UTC with milliseconds.
 * @format date-time
 * @pattern ^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$
 */
export type Instant = string;

/**
 * SHA-256 in lower-case hex.
 * @pattern ^[0-9a-f]{64}$
 */
export type Sha256 = string;

/**
 * Place in the log; 0 stands before the first event.
 * @asType integer
 * @minimum 0
 */
export type WholePosition = number;

/**
 * Path of names that colons divide: `liabilities:customers`.
 * @pattern ^[A-Za-z0-9._-]{1,40}(:[A-Za-z0-9._-]{1,40}){0,7}$
 */
export type AccountGroup = string;
