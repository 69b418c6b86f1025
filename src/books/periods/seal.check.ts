import type { BrokenSeal, SealCheck } from '../../engine/define/feature';
import { recomputeSeals, type RecomputedSeal } from './seal.queries';

/**
 * Finds closed periods whose trial balance is not what was sealed. Takes one pass over all entries,
 * however many seals there are, and one over the accounts in order, in which each account that has
 * a balance is hashed once for every seal.
 */
export const checkSeals: SealCheck = async (db, after) => {
  const recomputed = await recomputeSeals(db, after);
  return recomputed.flatMap((one) => brokenSeal(one) ?? []);
};

function brokenSeal({ close, seal }: RecomputedSeal): BrokenSeal | undefined {
  const { close_no: position, close_id: id, through_date: through, digest } = close;
  const wrong = [
    ...(seal.digest === digest ? [] : [`its digest is ${digest}, and the books' ${seal.digest}`]),
    ...(isSame(close.totals, seal.currencies) ? [] : ['its totals are not those of the books']),
    ...(close.sealed_position === position - 1 ? [] : ['it names another event before it']),
  ];
  if (wrong.length === 0) return undefined;
  const detail = `The period closed through ${through} by ${id} is not as it was sealed`;
  return { position, detail: `${detail}: ${wrong.join(', ')}` };
}

type Totals = RecomputedSeal['close']['totals'];

function isSame(sealed: Totals, now: Totals): boolean {
  const textOf = (totals: Totals) =>
    totals.map((t) => `${t.currency} ${t.totalDebit} ${t.totalCredit}`).join('\n');
  return textOf(sealed) === textOf(now);
}
