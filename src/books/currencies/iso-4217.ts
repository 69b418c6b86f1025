import { ISO_CURRENT, type IsoEntry } from './iso-4217-current';
import { ISO_WITHDRAWN } from './iso-4217-withdrawn';

/** What the table of today says of a code of ISO 4217. */
export interface IsoCurrency {
  /** Decimal digits that an account has which is the first of its code in a ledger. */
  readonly digits: number;
  readonly name: string;
  /** Whether ISO has it today; what was withdrawn is usable, because old books have it. */
  readonly isActive: boolean;
}

/**
 * The codes of ISO 4217 as they are today, those that were withdrawn included. It proposes digits
 * to a ledger that has not used a code yet, and nothing else: from the first account on they are in
 * the log. So an entry may be added, changed or removed, and no amount means anything else.
 */
export const isoCurrencies: ReadonlyMap<string, IsoCurrency> = new Map([
  ...entries(ISO_CURRENT, true),
  ...entries(ISO_WITHDRAWN, false),
]);

function entries(list: readonly IsoEntry[], isActive: boolean): [string, IsoCurrency][] {
  return list.map(([code, digits, name]) => [code, { digits, name, isActive }]);
}
