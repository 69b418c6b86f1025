import { isReference } from '../engine/define/reference';
import { hasAmountSize, MAX_AMOUNT_DIGITS, SIGNED_AMOUNT_PATTERN } from '../money/amount';
import { checkedBy, field, REFERENCE_PATTERN, sized, textRule } from './fields';
import type { Check, Presence } from './fields';

const GROUP_PATTERN = /^[A-Za-z0-9._-]{1,40}(?::[A-Za-z0-9._-]{1,40}){0,7}$/;

/** A group of accounts: a path whose names colons divide. */
export function AccountGroup(presence?: Presence): PropertyDecorator {
  return field(
    textRule(
      'accountGroup',
      (t) => GROUP_PATTERN.test(t),
      'must be 1 to 8 names of 1 to 40 of A-Z a-z 0-9 . _ -, with ":" between them',
    ),
    { type: 'string', pattern: GROUP_PATTERN.source, example: 'liabilities:customers' },
    presence,
  );
}

/** A decimal string that may be negative. */
export function SignedAmount(presence?: Presence): PropertyDecorator {
  return field(
    textRule(
      'signedAmount',
      (t) => t.length <= MAX_AMOUNT_DIGITS + 2 && SIGNED_AMOUNT_PATTERN.test(t) && hasAmountSize(t),
      `must be a decimal string such as "-100.50", of ${MAX_AMOUNT_DIGITS} digits at most`,
    ),
    { type: 'string', pattern: sized(SIGNED_AMOUNT_PATTERN), example: '0.00' },
    presence,
  );
}

/** A list of ids or `client:<clientId>`; one rule for all, as there may be very many. */
export function References(max: number, presence?: Presence): PropertyDecorator {
  const check: Check = (value) => {
    if (!Array.isArray(value) || value.length === 0 || value.length > max) {
      return `must be a list of 1 to ${max} ids`;
    }
    const wrong = value.findIndex((item) => typeof item !== 'string' || !isReference(item));
    return wrong === -1 ? undefined : `has no UUID and no "client:" with a clientId at ${wrong}`;
  };
  const schema = {
    type: 'array',
    items: { type: 'string', pattern: REFERENCE_PATTERN },
    minItems: 1,
    maxItems: max,
    example: ['client:savings'],
  };
  return field(checkedBy('references', check), schema, presence);
}
