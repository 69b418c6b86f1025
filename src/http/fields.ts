import { ApiProperty } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  Max,
  Min,
  ValidateBy,
  ValidateIf,
  ValidateNested,
  type ValidationArguments,
} from 'class-validator';
import { CLIENT_ID_PATTERN, isClientId, isReference } from '../engine/define/reference';
import { AMOUNT_PATTERN, hasAmountSize, MAX_AMOUNT_DIGITS } from '../money/amount';
import { FIRST_EFFECTIVE_DATE, isCalendarDate, isEffectiveDate } from '../money/calendar-date';
import { CURRENCY_PATTERN } from '../money/currency';
import { INSTANT_PATTERN, readInstant } from '../money/instant';
import { isStorable } from './json-body';
import { isAlways, type NestedContext, type Shape } from './shape-compiler';

/** Whether a field may be left out, and whether it may be null. */
export interface Presence {
  readonly optional?: boolean;
  readonly nullable?: boolean;
}

/** What is wrong with a value, as the end of a sentence that begins with its name. */
export type Check = (value: unknown) => string | undefined;

/**
 * One field of a request: the rules of class-validator that it follows, and what the OpenAPI
 * document says of it.
 */
export function field(
  rules: PropertyDecorator | readonly PropertyDecorator[],
  schema: object,
  presence: Presence = {},
): PropertyDecorator {
  const { optional = false, nullable = false } = presence;
  const options = { required: !optional, ...(nullable && { nullable }), ...schema };
  const all = [conditionOf(presence), ...(typeof rules === 'function' ? [rules] : rules)];
  return (prototype, key) => {
    for (const rule of all) rule(prototype, key);
    ApiProperty(options)(prototype, key);
  };
}

const isGiven = (_: object, value: unknown) => value !== undefined;
const isNotNull = (_: object, value: unknown) => value !== null;

/**
 * When the rules of a field are asked; every rule of ours refuses undefined, so a field that may
 * not be left out needs none. All have a condition: the one of a class that extends another
 * replaces that one's.
 */
function conditionOf({ optional, nullable }: Presence): PropertyDecorator {
  if (optional) return nullable ? IsOptional() : ValidateIf(isGiven);
  return ValidateIf(nullable ? isNotNull : isAlways);
}

/** A rule that a function of ours knows. */
export function checkedBy(name: string, check: Check): PropertyDecorator {
  return ValidateBy({
    name,
    validator: {
      validate: (value) => check(value) === undefined,
      defaultMessage: (args) => check(args?.value) ?? '',
    },
  });
}

/** A rule of strings that a function or a pattern accepts. */
export function textRule(
  name: string,
  isValid: (text: string) => boolean,
  message: string,
): PropertyDecorator {
  const validate = (value: unknown) => typeof value === 'string' && isValid(value);
  return ValidateBy({ name, validator: { validate } }, { message: ofText(message) });
}

/** What a rule of strings says. One rule a field, because a second one costs as much again. */
function ofText(message: string): (args: ValidationArguments) => string {
  return ({ value }) => (typeof value === 'string' ? message : 'must be a string');
}

/**
 * Whether a text has `min` to `max` characters, as OpenAPI counts them: code points, some of which
 * are two of JavaScript's units.
 */
export function hasLength(text: string, min: number, max: number): boolean {
  if (text.length > 2 * max) return false;
  // Most texts fit in any count.
  if (text.length >= 2 * min && text.length <= max) return true;
  const { length } = Array.from(text);
  return length >= min && length <= max;
}

/** Text of `min` to `max` characters. */
export function Text(min: number, max: number, presence?: Presence): PropertyDecorator {
  return field(
    textRule(
      'text',
      (t) => hasLength(t, min, max) && isStorable(t),
      `must have ${min} to ${max} characters`,
    ),
    { type: 'string', minLength: min, maxLength: max },
    presence,
  );
}

export function OneOf(values: readonly string[], presence?: Presence): PropertyDecorator {
  return field(
    IsIn(values, { message: ofText(`must be one of ${values.join(', ')}`) }),
    { type: 'string', enum: [...values] },
    presence,
  );
}

/** The pattern of amounts that have no more digits than an amount may have. */
export function sized({ source }: RegExp): string {
  return `^(?!-?(?:\\.?\\d){${MAX_AMOUNT_DIGITS + 1}})${source.slice(1)}`;
}

/** A decimal string without sign; how many decimals fit, the account's currency says. */
export function Amount(presence?: Presence): PropertyDecorator {
  return field(
    textRule(
      'amount',
      (t) => t.length <= MAX_AMOUNT_DIGITS + 1 && AMOUNT_PATTERN.test(t) && hasAmountSize(t),
      `must be a decimal string such as "100.50", of ${MAX_AMOUNT_DIGITS} digits at most`,
    ),
    { type: 'string', pattern: sized(AMOUNT_PATTERN), example: '100.50' },
    presence,
  );
}

/** The code of a currency; whether there is one, the ledger says. */
export function Currency(presence?: Presence): PropertyDecorator {
  return field(
    textRule(
      'currency',
      (t) => CURRENCY_PATTERN.test(t),
      'must be the code of a currency such as "USD", 3 to 12 of A-Z 0-9',
    ),
    { type: 'string', pattern: CURRENCY_PATTERN.source, example: 'USD' },
    presence,
  );
}

/** A name that the client gives to what it makes. */
export function ClientId(presence: Presence = { optional: true }): PropertyDecorator {
  return field(
    textRule('clientId', isClientId, 'must be 1 to 64 of A-Z a-z 0-9 . _ : -'),
    { type: 'string', pattern: CLIENT_ID_PATTERN.source, example: 'order-4711' },
    presence,
  );
}

/** What {@link isReference} accepts. */
export const REFERENCE_PATTERN =
  `^(?:client:${CLIENT_ID_PATTERN.source.slice(1, -1)}|` +
  '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$';

/** An id, or `client:<clientId>`. */
export function Reference(presence?: Presence): PropertyDecorator {
  return field(
    textRule('reference', isReference, 'must be a UUID or "client:" and a clientId'),
    { type: 'string', pattern: REFERENCE_PATTERN, example: 'client:cash' },
    presence,
  );
}

/** A day, `YYYY-MM-DD`. */
export function DateOnly(presence?: Presence): PropertyDecorator {
  return field(
    textRule('calendarDate', isCalendarDate, 'must be a day that exists, as YYYY-MM-DD'),
    { type: 'string', format: 'date', example: '2026-01-31' },
    presence,
  );
}

/** A day that what is posted takes effect on, `YYYY-MM-DD`. */
export function EffectiveDate(presence?: Presence): PropertyDecorator {
  return field(
    textRule(
      'effectiveDate',
      isEffectiveDate,
      `must be a day that exists, as YYYY-MM-DD, from ${FIRST_EFFECTIVE_DATE} on`,
    ),
    {
      ...{ type: 'string', format: 'date', pattern: '^(19|[2-9]\\d)', example: '2026-01-31' },
      description: "From 1900 on, and not after today in the book's time zone",
    },
    presence,
  );
}

/** A point in time, RFC 3339 with any offset. */
export function Instant(presence?: Presence): PropertyDecorator {
  const isInstant = (text: string) => readInstant(text) !== undefined;
  const example = '2026-01-31T10:00:00Z';
  const rule = textRule('instant', isInstant, `must be an RFC 3339 time such as "${example}"`);
  const schema = { type: 'string', format: 'date-time', pattern: INSTANT_PATTERN.source, example };
  return field(rule, schema, presence);
}

/** `bytes`: of all keys and values in UTF-8. A thousand accounts have room in a small heap. */
export const METADATA = { keys: 50, keyLength: 64, valueLength: 500, bytes: 32 * 1024 } as const;
/** Names that JavaScript gives a meaning of its own. */
const RESERVED_NAMES = ['__proto__', 'constructor', 'prototype'];

/**
 * Characters that JSON escapes: Node 24's JSON.parse can give a key that has one another name
 * (V8 13.6 takes it for a similar key that it has seen), so no event may depend on them.
 */
const ESCAPED = /["\\\p{Cc}]/u;

/** What is wrong with metadata. */
export function checkMetadata(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return 'must be an object of strings';
  }
  const entries = Object.entries(value);
  if (entries.length > METADATA.keys) return `must have at most ${METADATA.keys} keys`;
  let bytes = 0;
  for (const [key, text] of entries) {
    if (!hasLength(key, 1, METADATA.keyLength)) {
      return `must have keys of 1 to ${METADATA.keyLength} characters`;
    }
    if (RESERVED_NAMES.includes(key)) return `must not have the key ${key}`;
    if (ESCAPED.test(key)) return 'must have keys without quotes, backslashes and controls';
    if (typeof text !== 'string') return 'must have strings as values';
    if (!hasLength(text, 0, METADATA.valueLength)) {
      return `must have values of at most ${METADATA.valueLength} characters`;
    }
    bytes += Buffer.byteLength(key) + Buffer.byteLength(text);
  }
  if (bytes > METADATA.bytes) return `must have at most ${METADATA.bytes} bytes in UTF-8`;
  return undefined;
}

/** Strings by name: the client's own notes. */
export function Metadata(): PropertyDecorator {
  const schema = {
    type: 'object',
    additionalProperties: { type: 'string', maxLength: METADATA.valueLength },
    maxProperties: METADATA.keys,
    description:
      `Keys of 1 to ${METADATA.keyLength} characters, no quotes, backslashes, controls; ` +
      `${METADATA.bytes} bytes of UTF-8 in all`,
    example: { invoice: '2026-17' },
  };
  return field(checkedBy('metadata', checkMetadata), schema, { optional: true });
}

const IDEMPOTENCY_KEY = /^[\x20-\x7e]{1,255}$/;

export function isIdempotencyKey(text: string): boolean {
  return IDEMPOTENCY_KEY.test(text);
}

/** An idempotency key inside a body, for one of several commands. */
export function IdempotencyKey(): PropertyDecorator {
  return field(
    textRule('idempotencyKey', isIdempotencyKey, 'must be 1 to 255 printable ASCII characters'),
    { type: 'string', pattern: IDEMPOTENCY_KEY.source },
    { optional: true },
  );
}

/** A list of `min` to `max` objects of a shape; none at least where `min` is not said. */
export function ListOf(
  shape: () => Shape,
  min: number,
  max: number,
  { description, ...presence }: Presence & { readonly description?: string } = {},
): PropertyDecorator {
  const message = min > 0 ? `must have ${min} to ${max} items` : `must have at most ${max} items`;
  const schema = {
    ...{ type: () => shape(), isArray: true },
    ...(min > 0 && { minItems: min }),
    maxItems: max,
    ...(description !== undefined && { description }),
  };
  const rules = [
    IsArray({ message: 'must be a list' }),
    ArrayMinSize(min, { message }),
    ArrayMaxSize(max, { message }),
    // ValidateNested alone takes `[[]]` for a list of nothing.
    IsObject({ each: true, message: 'must be an object' }),
    ValidateNested({ each: true, context: { shape } satisfies NestedContext }),
  ];
  return field(rules, schema, presence);
}

/** An object of a shape. */
export function ObjectOf(shape: () => Shape, presence?: Presence): PropertyDecorator {
  const rules = [
    IsObject({ message: 'must be an object' }),
    ValidateNested({ context: { shape } satisfies NestedContext }),
  ];
  return field(rules, { type: () => shape() }, presence);
}

/** An object with whatever fields. */
export function AnyObject(description: string): PropertyDecorator {
  const schema = { type: 'object', additionalProperties: true, description };
  return field(IsObject({ message: 'must be an object' }), schema);
}

/** A position of the log in a body. */
export function Position(
  least: 0 | 1,
  { description, ...presence }: Presence & { readonly description?: string } = {},
): PropertyDecorator {
  const message = `must be a whole number from ${least}`;
  const bounds = { minimum: least, maximum: Number.MAX_SAFE_INTEGER };
  return wholeNumber(message, bounds, description, presence);
}

/** A whole number of a range in a body. */
export function Whole(
  minimum: number,
  maximum: number,
  description: string,
  presence?: Presence,
): PropertyDecorator {
  const message = `must be a whole number from ${minimum} to ${maximum}`;
  return wholeNumber(message, { minimum, maximum }, description, presence);
}

function wholeNumber(
  message: string,
  bounds: { readonly minimum: number; readonly maximum: number },
  description?: string,
  presence?: Presence,
): PropertyDecorator {
  const rules = [
    IsInt({ message }),
    Min(bounds.minimum, { message }),
    Max(bounds.maximum, { message }),
  ];
  const schema = { type: 'integer', ...bounds, ...(description && { description }) };
  return field(rules, schema, presence);
}

/** True or false in a body. */
export function Flag(description: string): PropertyDecorator {
  const rule = IsBoolean({ message: 'must be true or false' });
  return field(rule, { type: 'boolean', description }, { optional: true });
}

/** A position of the log in a query. */
export function PositionText(
  least: 0 | 1,
  presence: Presence = { optional: true },
): PropertyDecorator {
  return field(
    textRule(
      'positionText',
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
    textRule(
      'countText',
      (t) => /^[1-9]\d{0,5}$/.test(t) && Number(t) <= max,
      `must be a whole number from 1 to ${max}`,
    ),
    { type: 'integer', minimum: 1, maximum: max, default: byDefault },
    { optional: true },
  );
}
