import type { Stretch } from './exact-interest';

/** What the entries of one day change of an account's balance, in minor units. */
export interface Change {
  /** See dayNumber. */
  readonly day: number;
  readonly change: bigint;
}

/**
 * The days `from` to `through`, in stretches of constant balance.
 * @param opening the balance before `from`
 * @param changes by day, ascending; none before `from` or after `through`
 */
export function stretchesOf(
  from: number,
  through: number,
  opening: bigint,
  changes: readonly Change[],
): Stretch[] {
  const stretches: Stretch[] = [];
  let begin = from;
  let balance = opening;
  for (const { day, change } of changes) {
    if (change === 0n) continue;
    if (day > begin) {
      stretches.push({ from: begin, through: day - 1, balance });
      begin = day;
    }
    balance += change;
  }
  stretches.push({ from: begin, through, balance });
  return stretches;
}

/**
 * Stretches as they would have been, had later entries of their days been known.
 * @param changes by day, ascending; those before the first day change all of them, those after the
 *   last none
 */
export function changedStretches(
  stretches: readonly Stretch[],
  changes: readonly Change[],
): Stretch[] {
  const changed: Stretch[] = [];
  let next = 0;
  let sum = 0n;
  const push = (from: number, through: number, balance: bigint) => {
    const last = changed.at(-1);
    if (last?.balance === balance) changed[changed.length - 1] = { ...last, through };
    else changed.push({ from, through, balance });
  };
  for (const { from, through, balance } of stretches) {
    let begin = from;
    for (; next < changes.length && changes[next]!.day <= through; next++) {
      const { day, change } = changes[next]!;
      if (day > begin) {
        push(begin, day - 1, balance + sum);
        begin = day;
      }
      sum += change;
    }
    push(begin, through, balance + sum);
  }
  return changed;
}
