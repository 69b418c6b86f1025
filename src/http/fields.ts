import { ApiProperty } from '@nestjs/swagger';
import { CLIENT_ID_PATTERN, isClientId, isReference } from '../engine/define/reference';
import {
  AMOUNT_PATTERN,
  hasAmountSize,
  MAX_AMOUNT_DIGITS,
  SIGNED_AMOUNT_PATTERN,
} from '../money/amount';
import { isCalendarDate } from '../money/calendar-date';
import { currencyDigits } from '../money/currency';
import { isStorable } from './json-body';
import { declareField, type Check, type Shape } from './validation';

/** Whether a field may be left out, and whether it may be null. */
export interface Presence {
  readonly optional?: boolean;
  readonly nullable?: boolean;
}

/** One field of a request: how it is checked, and what the OpenAPI document says of it. */
export function field(
  check: Check,
  schema: object,
  { optional = false, nullable = false }: Presence = {},
  items?: () => Shape,
): PropertyDecorator {
  return (prototype, key) => {
    const name = String(key);
    declareField(prototype, { name, isOptional: optional, isNullable: nullable, check, items });
    const options = { required: !optional, ...(nullable && { nullable }), ...schema };
    ApiProperty(options)(prototype, key);
  };
}

/** A check for strings that a function or a pattern accepts. */
export function textCheck(isValid: (text: string) => boolean, message: string): Check {
  return (value) => {
    if (typeof value !== 'string') return 'must be a string';
    return isValid(value) ? undefined : message;
  };
}

/** Text of `min` to `max` characters (UTF-16 code units). */
export function Text(min: number, max: number, presence?: Presence): PropertyDecorator {
  return field(
    textCheck(
      (t) => t.length >= min && t.length <= max && isStorable(t),
      `must have ${min} to ${max} characters`,
    ),
    { type: 'string', minLength: min, maxLength: max },
    presence,
  );
}

export function OneOf(values: readonly string[], presence?: Presence): PropertyDecorator {
  return field(
    textCheck((t) => values.includes(t), `must be one of ${values.join(', ')}`),
    { type: 'string', enum: [...values] },
    presence,
  );
}

/** A decimal string without sign; how many decimals fit, the account's currency says. */
export function Amount(presence?: Presence): PropertyDecorator {
  return field(
    textCheck(
      (t) => t.length <= MAX_AMOUNT_DIGITS + 1 && AMOUNT_PATTERN.test(t) && hasAmountSize(t),
      `must be a decimal string such as "100.50", of ${MAX_AMOUNT_DIGITS} digits at most`,
    ),
    { type: 'string', pattern: AMOUNT_PATTERN.source, maxLength: 31, example: '100.50' },
    presence,
  );
}

/** A decimal string that may be negative. */
export function SignedAmount(presence?: Presence): PropertyDecorator {
  return field(
    textCheck(
      (t) => t.length <= MAX_AMOUNT_DIGITS + 2 && SIGNED_AMOUNT_PATTERN.test(t) && hasAmountSize(t),
      `must be a decimal string such as "-100.50", of ${MAX_AMOUNT_DIGITS} digits at most`,
    ),
    { type: 'string', pattern: SIGNED_AMOUNT_PATTERN.source, maxLength: 32, example: '0.00' },
    presence,
  );
}

export function Currency(presence?: Presence): PropertyDecorator {
  return field(
    textCheck((t) => currencyDigits(t) !== undefined, 'must be an ISO 4217 code such as "USD"'),
    { type: 'string', pattern: '^[A-Z]{3}$', example: 'USD' },
    presence,
  );
}

/** A name that the client gives to what it makes. */
export function ClientId(presence: Presence = { optional: true }): PropertyDecorator {
  return field(
    textCheck(isClientId, 'must be 1 to 64 of A-Z a-z 0-9 . _ : -'),
    { type: 'string', pattern: CLIENT_ID_PATTERN.source, example: 'order-4711' },
    presence,
  );
}

/** An id, or `client:<clientId>`. */
export function Reference(presence?: Presence): PropertyDecorator {
  return field(
    textCheck(isReference, 'must be a UUID or "client:" and a clientId'),
    { type: 'string', example: 'client:cash' },
    presence,
  );
}

/** A day, `YYYY-MM-DD`. */
export function DateOnly(presence?: Presence): PropertyDecorator {
  return field(
    textCheck(isCalendarDate, 'must be a day that exists, as YYYY-MM-DD'),
    { type: 'string', format: 'date', example: '2026-01-31' },
    presence,
  );
}

const METADATA = { keys: 50, keyLength: 64, valueLength: 500 } as const;
/** Names that JavaScript gives a meaning of its own. */
const RESERVED_NAMES = ['__proto__', 'constructor', 'prototype'];

/**
 * Characters that JSON escapes: Node 24's JSON.parse can give a key that has one another name
 * (V8 13.6 takes it for a similar key that it has seen), so no event may depend on them.
 */
const ESCAPED = /["\\\p{Cc}]/u;

function checkMetadata(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return 'must be an object of strings';
  }
  const entries = Object.entries(value);
  if (entries.length > METADATA.keys) return `must have at most ${METADATA.keys} keys`;
  for (const [key, text] of entries) {
    if (key.length === 0 || key.length > METADATA.keyLength) {
      return `must have keys of 1 to ${METADATA.keyLength} characters`;
    }
    if (RESERVED_NAMES.includes(key)) return `must not have the key ${key}`;
    if (ESCAPED.test(key)) return 'must have keys without quotes, backslashes and controls';
    if (typeof text !== 'string') return 'must have strings as values';
    if (text.length > METADATA.valueLength) {
      return `must have values of at most ${METADATA.valueLength} characters`;
    }
  }
  return undefined;
}

/** Strings by name: the client's own notes. */
export function Metadata(): PropertyDecorator {
  const schema = {
    type: 'object',
    additionalProperties: { type: 'string', maxLength: METADATA.valueLength },
    maxProperties: METADATA.keys,
    example: { invoice: '2026-17' },
  };
  return field(checkMetadata, schema, { optional: true });
}

const IDEMPOTENCY_KEY = /^[\x20-\x7e]{1,255}$/;

export function isIdempotencyKey(text: string): boolean {
  return IDEMPOTENCY_KEY.test(text);
}

/** An idempotency key inside a body, for one of several commands. */
export function IdempotencyKey(): PropertyDecorator {
  return field(
    textCheck(isIdempotencyKey, 'must be 1 to 255 printable ASCII characters'),
    { type: 'string', minLength: 1, maxLength: 255 },
    { optional: true },
  );
}

/** A list of `min` to `max` objects of a shape. */
export function ListOf(items: () => Shape, min: number, max: number): PropertyDecorator {
  const check: Check = (value) => {
    if (!Array.isArray(value)) return 'must be a list';
    const fits = value.length >= min && value.length <= max;
    return fits ? undefined : `must have ${min} to ${max} items`;
  };
  const schema = { type: () => items(), isArray: true, minItems: min, maxItems: max };
  return field(check, schema, {}, items);
}

/** An object of a shape. */
export function ObjectOf(shape: () => Shape, presence?: Presence): PropertyDecorator {
  const check: Check = (value) => (Array.isArray(value) ? 'must be an object' : undefined);
  return field(check, { type: () => shape() }, presence, shape);
}

/** A position of the log in a query. */
export function PositionText(
  least: 0 | 1,
  presence: Presence = { optional: true },
): PropertyDecorator {
  return field(
    textCheck(
      (t) => /^(0|[1-9]\d{0,15})$/.test(t) && Number(t) >= least && isSafe(t),
      `must be a whole number from ${least}`,
    ),
    { type: 'integer', minimum: least },
    presence,
  );
}

function isSafe(digits: string): boolean {
  return Number.isSafeInteger(Number(digits));
}
/** A whole number from 1 to `max` in a query. */
export function CountText(max: number, byDefault: number): PropertyDecorator {
  return field(
    textCheck(
      (t) => /^[1-9]\d{0,5}$/.test(t) && Number(t) <= max,
      `must be a whole number from 1 to ${max}`,
    ),
    { type: 'integer', minimum: 1, maximum: max, default: byDefault },
    { optional: true },
  );
}
