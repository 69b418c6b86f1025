/**
 * What an account's balance is made of, in minor units on its normal side: what was paid in, and
 * posted interest that was not paid out yet. What leaves the account pays out interest first.
 */
export interface Standing {
  /** May be negative. */
  readonly principal: bigint;
  /** Never negative. */
  readonly interest: bigint;
}

/** Of an account without entries. */
export const EMPTY: Standing = { principal: 0n, interest: 0n };

/** Days, both included, at whose ends an account stood the same. */
export interface Stretch extends Standing {
  /** See dayNumber. */
  readonly from: number;
  readonly through: number;
}

/** What the entries of one day change, in minor units on the account's normal side. */
export interface Movement {
  /** See dayNumber. */
  readonly day: number;
  /** All of them together but interest; it counts at the end of the day. */
  readonly cash: bigint;
  /** Interest is posted when the day is over, so that no day's interest depends on itself. */
  readonly interest: bigint;
}

/** The balance, of which the rest of a standing is the parts. */
export function totalOf({ principal, interest }: Standing): bigint {
  return principal + interest;
}

function afterCash({ principal, interest }: Standing, cash: bigint): Standing {
  if (cash >= 0n) return { principal: principal + cash, interest };
  const paid = -cash < interest ? -cash : interest;
  return { principal: principal + cash + paid, interest: interest - paid };
}

/** Interest that is taken back and was paid out already is taken from the principal. */
export function afterInterest({ principal, interest }: Standing, posted: bigint): Standing {
  const left = interest + posted;
  if (left >= 0n) return { principal, interest: left };
  return { principal: principal + left, interest: 0n };
}

/** Some days of an account. */
export interface Walk {
  /** How it stood at their ends, each different from the one before it. */
  readonly stretches: readonly Stretch[];
  /** How it stands when the last day is over, with the interest that was posted then. */
  readonly closing: Standing;
}

/**
 * The days `from` to `through`, one after the other.
 * @param opening how the account stood when the day before was over
 * @param movements by day, ascending, one a day; those of other days are left out
 */
export function walk(
  from: number,
  through: number,
  opening: Standing,
  movements: readonly Movement[],
): Walk {
  const stretches: Stretch[] = [];
  let [standing, begin] = [opening, from];
  /** Ends the days that were like the last one before `day`. */
  const endBefore = (day: number) => {
    if (day === begin) return;
    const { principal, interest } = standing;
    const last = stretches.at(-1);
    const isSame = last?.principal === principal && last.interest === interest;
    if (isSame) stretches[stretches.length - 1] = { ...last, through: day - 1 };
    else stretches.push({ from: begin, through: day - 1, principal, interest });
    begin = day;
  };
  for (const { day, cash, interest } of movements) {
    if (day < from || day > through) continue;
    endBefore(day);
    standing = afterCash(standing, cash);
    if (interest === 0n) continue;
    endBefore(day + 1);
    standing = afterInterest(standing, interest);
  }
  endBefore(through + 1);
  return { stretches, closing: standing };
}

/** Movements of the same account, those of a day together. Ascending, if both lists are. */
export function merged(a: readonly Movement[], b: readonly Movement[]): Movement[] {
  const days = Map.groupBy([...a, ...b], ({ day }) => day);
  const sum = (list: readonly Movement[], of: 'cash' | 'interest') =>
    list.reduce((total, movement) => total + movement[of], 0n);
  return [...days]
    .map(([day, list]) => ({ day, cash: sum(list, 'cash'), interest: sum(list, 'interest') }))
    .sort((x, y) => x.day - y.day);
}

/** The movements that have made an account stand as it did in some days. */
export function movementsOf(opening: Standing, { stretches, closing }: Walk): Movement[] {
  const movements: Movement[] = [];
  let before = opening;
  const change = (after: Standing, day: number) => {
    // Only interest that is posted raises interest; whatever lowers it may as well be a payment.
    const interest = after.interest > before.interest ? after.interest - before.interest : 0n;
    const cash = totalOf(after) - totalOf(before) - interest;
    if (interest !== 0n) movements.push({ day: day - 1, cash: 0n, interest });
    if (cash !== 0n) movements.push({ day, cash, interest: 0n });
    before = after;
  };
  for (const stretch of stretches) change(stretch, stretch.from);
  const posted = totalOf(closing) - totalOf(before);
  if (posted !== 0n) {
    movements.push({ day: stretches.at(-1)!.through, cash: 0n, interest: posted });
  }
  return merged(movements, []);
}
