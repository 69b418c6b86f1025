import assert from 'node:assert';
import type { CurrencyDigits } from './currency';

/** Decimal digits that an amount may have in all, before and after the point. */
export const MAX_AMOUNT_DIGITS = 30;

const TOO_LARGE = 10n ** BigInt(MAX_AMOUNT_DIGITS);

/** An amount without sign: no `+`, exponent or leading zero; digits on both sides of a point. */
export const AMOUNT_PATTERN = /^(0|[1-9]\d*)(\.\d+)?$/;

/** An amount that may be negative; `-0` is none. */
export const SIGNED_AMOUNT_PATTERN = /^(?!-0(\.0+)?$)-?(0|[1-9]\d*)(\.\d+)?$/;

/**
 * A decimal string as minor units: `"100.5"` with 2 digits is 10050n.
 * @returns undefined where the text is no amount or has more digits than the currency
 */
export function parseAmount(text: string, digits: number): bigint | undefined {
  assertDigits(digits);
  if (!SIGNED_AMOUNT_PATTERN.test(text)) return undefined;
  const point = text.indexOf('.');
  const fraction = point === -1 ? 0 : text.length - point - 1;
  if (fraction > digits) return undefined;
  const whole = point === -1 ? text : text.slice(0, point) + text.slice(point + 1);
  return BigInt(whole + '0'.repeat(digits - fraction));
}

/** Minor units as a decimal string with all of the currency's digits: 10050n is `"100.50"`. */
export function formatAmount(minor: bigint, digits: number): string {
  assertDigits(digits);
  const text = minor.toString();
  if (digits === 0) return text;
  const sign = minor < 0n ? '-' : '';
  const all = (sign ? text.slice(1) : text).padStart(digits + 1, '0');
  return `${sign}${all.slice(0, -digits)}.${all.slice(-digits)}`;
}

/** Digits that nobody knows would write an amount that looks like another one. */
function assertDigits(digits: number): void {
  const isKnown = Number.isInteger(digits) && digits >= 0 && digits <= MAX_AMOUNT_DIGITS;
  if (!isKnown) assert.fail(`An amount of ${digits} digits`);
}

/**
 * An amount as a caller gives it, in minor units. With all digits of its currency, as it is
 * answered, it has no more than {@link MAX_AMOUNT_DIGITS}, so that an answer can be sent again.
 * @returns a text where it does not fit: the end of a sentence that begins with its name
 */
export function readAmount(text: string, { currency, digits }: CurrencyDigits): bigint | string {
  const minor = parseAmount(text, digits);
  if (minor === undefined) return `must have at most ${digits} decimals in ${currency}`;
  if (minor < TOO_LARGE && minor > -TOO_LARGE) return minor;
  return `must have at most ${MAX_AMOUNT_DIGITS - digits} digits before the point in ${currency}`;
}

/** Whether an amount stays within {@link MAX_AMOUNT_DIGITS}. */
export function hasAmountSize(text: string): boolean {
  return (
    text.length - (text.startsWith('-') ? 1 : 0) - (text.includes('.') ? 1 : 0) <= MAX_AMOUNT_DIGITS
  );
}
