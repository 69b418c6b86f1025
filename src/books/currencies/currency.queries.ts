import type { Kysely } from 'kysely';
import { anyOf } from '../../database/arrays';
import type { CurrencyDto } from './currency.dto';
import type { CurrencyRow, CurrencyTables } from './currency.table';
import { currencyView, ownCurrencyView } from './currency.view';
import { isoCurrencies } from './iso-4217';

/** The currency of a code, as this ledger has it. */
export async function readCurrency(
  db: Kysely<CurrencyTables>,
  code: string,
): Promise<CurrencyDto | undefined> {
  const row = await db
    .selectFrom('currencies')
    .selectAll()
    .where('code', '=', code)
    .executeTakeFirst();
  return currencyView(code, row);
}

/** A currency with its place in the list. */
export interface ListedCurrency {
  readonly place: CurrencyPlace;
  readonly currency: CurrencyDto;
}

/** ISO's code as a number to the base of 36, and 0; or {@link OWN} and a position. */
export type CurrencyPlace = readonly [isoCode: number, position: number];

/** Behind every code of three. */
const OWN = 36 ** 3;

/** The currencies after a place: those of ISO by code, then the ledger's own in their order. */
export async function listCurrencies(
  db: Kysely<CurrencyTables>,
  [isoCode, position]: CurrencyPlace,
  limit: number,
): Promise<ListedCurrency[]> {
  const iso = isoCode < OWN ? (await readIso(db, isoCode)).slice(0, limit) : [];
  if (iso.length === limit) return iso;
  const own = await db
    .selectFrom('currencies')
    .select(['code', 'digits', 'name', 'position'])
    .where('name', 'is not', null)
    .where('position', '>', position)
    .orderBy('position')
    .limit(limit - iso.length)
    .$narrowType<{ name: string }>()
    .execute();
  return [
    ...iso,
    ...own.map((row) => ({
      place: [OWN, row.position] as const,
      currency: ownCurrencyView(row),
    })),
  ];
}

/** All of ISO after a code, a few hundred at most; without codes that are the ledger's own. */
async function readIso(db: Kysely<CurrencyTables>, after: number): Promise<ListedCurrency[]> {
  const codes = [...isoCurrencies.keys()];
  const rows = await db
    .selectFrom('currencies')
    .selectAll()
    .where((eb) => eb.or([eb('name', 'is', null), eb('code', '=', anyOf('text', codes))]))
    .execute();
  const known = new Map<string, CurrencyRow>(rows.map((row) => [row.code, row]));
  return [...new Set([...codes, ...known.keys()])]
    .map((code) => ({
      place: [parseInt(code, 36), 0] as const,
      currency: currencyView(code, known.get(code))!,
    }))
    .filter(({ place, currency }) => currency.source === 'iso' && place[0] > after)
    .sort((a, b) => a.place[0] - b.place[0]);
}
