import { defineEvent } from '../../engine/define/event';
import type { CurrencyCode, CurrencyDigits } from '../../engine/define/event-fields';

/** A currency of the ledger's own: a token, points, hours. Its digits stay as they are for ever. */
export interface CurrencyDefinedData {
  code: CurrencyCode;
  digits: CurrencyDigits;
  name: string;
}
export const CurrencyDefined = defineEvent<CurrencyDefinedData>('CurrencyDefined');
