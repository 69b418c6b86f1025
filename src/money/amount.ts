/** Decimal digits that an amount may have in all, before and after the point. */
export const MAX_AMOUNT_DIGITS = 30;

/** An amount without sign: no `+`, exponent or leading zero; digits on both sides of a point. */
export const AMOUNT_PATTERN = /^(0|[1-9]\d*)(\.\d+)?$/;

/** An amount that may be negative; `-0` is none. */
export const SIGNED_AMOUNT_PATTERN = /^(?!-0(\.0+)?$)-?(0|[1-9]\d*)(\.\d+)?$/;

/**
 * A decimal string as minor units: `"100.5"` with 2 digits is 10050n.
 * @returns undefined where the text is no amount or has more digits than the currency
 */
export function parseAmount(text: string, digits: number): bigint | undefined {
  if (!SIGNED_AMOUNT_PATTERN.test(text)) return undefined;
  const point = text.indexOf('.');
  const fraction = point === -1 ? 0 : text.length - point - 1;
  if (fraction > digits) return undefined;
  const whole = point === -1 ? text : text.slice(0, point) + text.slice(point + 1);
  return BigInt(whole + '0'.repeat(digits - fraction));
}

/** Minor units as a decimal string with all of the currency's digits: 10050n is `"100.50"`. */
export function formatAmount(minor: bigint, digits: number): string {
  const text = minor.toString();
  if (digits === 0) return text;
  const sign = minor < 0n ? '-' : '';
  const all = (sign ? text.slice(1) : text).padStart(digits + 1, '0');
  return `${sign}${all.slice(0, -digits)}.${all.slice(-digits)}`;
}

/** Whether an amount stays within {@link MAX_AMOUNT_DIGITS}. */
export function hasAmountSize(text: string): boolean {
  return (
    text.length - (text.startsWith('-') ? 1 : 0) - (text.includes('.') ? 1 : 0) <= MAX_AMOUNT_DIGITS
  );
}
