import { defineCreator } from '../../engine/define/creator';
import type { LedgerEvent } from '../../engine/define/event';
import { Refusal } from '../../engine/define/refusal';
import type { CurrencyDto } from './currency.dto';
import { CurrencyDefined, type CurrencyDefinedData } from './currency.events';
import { needCurrency, proposedDigits } from './currency.rules';
import { ownCurrencyView } from './currency.view';

/** `code`: 3 to 12 of A-Z0-9; `digits`: 0 to 18. */
export interface DefineCurrencyInput {
  code: string;
  digits: number;
  name: string;
}

/**
 * Defines a currency of the ledger's own. Refuses `currency_exists` where ISO 4217 has the code or
 * had it once, or this ledger does: an amount would have two meanings.
 */
export const DefineCurrency = defineCreator<DefineCurrencyInput, CurrencyDto>({
  name: 'DefineCurrency',
  needs: ({ code }, needs) => needCurrency(needs, code),
  run: async (context, { code, digits, name }) => {
    if ((await proposedDigits(context.state, code)) !== undefined) {
      throw new Refusal('currency_exists', `There is a currency ${code}`);
    }
    await context.append(CurrencyDefined, { code, digits, name });
  },
  answer: ([event]) => ownCurrencyView((event as LedgerEvent<CurrencyDefinedData>).data),
});
