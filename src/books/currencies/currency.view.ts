import type { CurrencyDto } from './currency.dto';
import type { CurrencyDefinedData } from './currency.events';
import type { CurrencyRow } from './currency.table';
import { isoCurrencies } from './iso-4217';

export function ownCurrencyView({ code, digits, name }: CurrencyDefinedData): CurrencyDto {
  return { code, digits, name, source: 'own', active: true };
}

/**
 * A currency as this ledger has it: digits of its log come before those of the table of today. A
 * code that the table has no more is called by itself.
 * @param row where accounts have it or it is the ledger's own
 * @returns undefined for a code that neither knows
 */
export function currencyView(code: string, row: CurrencyRow | undefined): CurrencyDto | undefined {
  if (row && row.name !== null) return ownCurrencyView({ ...row, name: row.name });
  const iso = isoCurrencies.get(code);
  const digits = row?.digits ?? iso?.digits;
  if (digits === undefined) return undefined;
  return { code, digits, name: iso?.name ?? code, source: 'iso', active: iso?.isActive ?? false };
}
