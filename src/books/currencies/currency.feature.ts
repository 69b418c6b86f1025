import { defineFeature } from '../../engine/define/feature';
import { DefineCurrency } from './currency.creators';
import { materializeCurrencyDefined } from './currency.materializers';
import { currencies } from './currency.table';

export const currencyFeature = defineFeature({
  name: 'currencies',
  tables: [currencies],
  materializers: [materializeCurrencyDefined],
  creators: [DefineCurrency],
  problems: { currency_exists: { status: 409, title: 'There is such a currency' } },
  service: () => import('./currency.service.js'),
});
