import { defineMaterializer } from '../../engine/define/materializer';
import { CurrencyDefined } from './currency.events';
import { needCurrency } from './currency.rules';
import { currencies } from './currency.table';

export const materializeCurrencyDefined = defineMaterializer(
  CurrencyDefined,
  1,
  ({ position, data: { code, digits, name } }, { state }) => {
    state.table(currencies).insert({ code, digits, name, position });
  },
  ({ data }, needs) => needCurrency(needs, data.code),
);
