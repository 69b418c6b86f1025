import assert from 'node:assert';
import type { RowNeeds, StateSession } from '../../engine/define/state-session';
import type { CurrencyDigits } from '../../money/currency';
import { currencies } from './currency.table';
import { isoCurrencies } from './iso-4217';

/** Names the currency whose digits are going to be asked for. */
export function needCurrency(needs: Pick<RowNeeds, 'row'>, code: string): void {
  needs.row(currencies, 'code', code);
}

/**
 * The digits of a code for who opens an account: those that the ledger has used before, or else
 * those that the table of today proposes.
 * @returns undefined for a code that neither knows
 */
export async function proposedDigits(
  state: StateSession,
  code: string,
): Promise<number | undefined> {
  const known = await state.table(currencies).get(code);
  return known?.digits ?? isoCurrencies.get(code)?.digits;
}

/** The digits of a code that an account has, which a materializer has named among its needs. */
export function knownDigits(state: StateSession, code: string): number {
  const known = state.table(currencies).loaded(code);
  assert(known, `No account has the currency ${code}`);
  return known.digits;
}

/**
 * Keeps the digits of an account's opening for its code, named among the needs: all accounts of a
 * code have the same.
 */
export function keepDigits(
  state: StateSession,
  { currency: code, digits }: CurrencyDigits,
  position: number,
): void {
  const known = state.table(currencies).loaded(code);
  if (!known) state.table(currencies).insert({ code, digits, name: null, position });
  else assert(known.digits === digits, `${code} has ${known.digits} digits, not ${digits}`);
}
