import assert from 'node:assert';
import { parseAmount } from '../../money/amount';
import { dayNumber } from './day-count';
import {
  interestOf,
  roundInterest,
  type RoundedInterest,
  type Stretch,
  type Terms,
} from './exact-interest';
import type { ChangeRow, InterestAccountRow } from './interest.queries';
import type { InterestPeriodRow } from './interest.table';
import { changedStretches, stretchesOf, type Change } from './stretches';

/** An account with days to accrue, and everything that was posted since it was accrued last. */
export interface DueAccount {
  readonly account: InterestAccountRow;
  /** The first day to accrue. */
  readonly from: number;
  /** By day; all of days from `from` to the last one to accrue. */
  readonly changes: readonly Change[];
  /** By day; of days that have been accrued. */
  readonly backdated: readonly Change[];
  /** Where the next accrual has to look from, if not behind this one. */
  readonly scanAfter: number | undefined;
}

/** What an account is to be credited with for days that were not accrued yet. */
export interface Accrual extends RoundedInterest {
  readonly accountId: string;
  readonly from: number;
  readonly stretches: readonly Stretch[];
  readonly scanAfter: number | undefined;
}

/** The days of one accrual as they are known now. */
export interface ChangedPeriod extends Terms {
  readonly from: number;
  readonly through: number;
  readonly stretches: readonly Stretch[];
}

/** What an account was credited too little (or, below zero, too much) for days accrued before. */
export interface Adjustment extends RoundedInterest {
  readonly accountId: string;
  readonly from: number;
  readonly through: number;
  readonly periods: readonly ChangedPeriod[];
}

/** Divides what was posted into accrued days, days to accrue and later ones. */
function divide(account: InterestAccountRow, rows: readonly ChangeRow[], through: number) {
  const accruedThrough = account.through_date === null ? null : dayNumber(account.through_date);
  const changes: Change[] = [];
  const backdated: Change[] = [];
  let laterPosition = Infinity;
  for (const { effective_date, change, first_position } of rows) {
    const day = dayNumber(effective_date);
    if (day > through) laterPosition = Math.min(laterPosition, first_position);
    else if (accruedThrough === null || day > accruedThrough) changes.push({ day, change });
    else if (change !== 0n) backdated.push({ day, change });
  }
  const scanAfter = laterPosition === Infinity ? undefined : laterPosition - 1;
  return { accruedThrough, changes, backdated, scanAfter };
}

/**
 * The days of an account that are to be accrued: from the day after its last accrued one, or else
 * from that of its first entry.
 * @param rows what was posted, by effective date
 * @param through the last day, which the account has not accrued
 * @returns undefined where there is no entry until then
 */
export function dueAccount(
  account: InterestAccountRow,
  rows: readonly ChangeRow[],
  through: number,
): DueAccount | undefined {
  const { accruedThrough, changes, backdated, scanAfter } = divide(account, rows, through);
  const from = accruedThrough === null ? changes[0]?.day : accruedThrough + 1;
  return from === undefined ? undefined : { account, from, changes, backdated, scanAfter };
}

/** The interest of the account's due days; what was adjusted before, in the same step, counts. */
export function accrue(
  due: DueAccount,
  through: number,
  terms: Terms,
  adjustment: Adjustment | undefined,
): Accrual {
  const { account, from, changes, backdated, scanAfter } = due;
  let opening = account.balance ?? 0n;
  for (const { change } of backdated) opening += change;
  const stretches = stretchesOf(from, through, opening, changes);
  const before = adjustment ?? roundedOf(account);
  const rounded = roundInterest(before, interestOf(stretches, terms));
  return { accountId: account.account_id, from, stretches, scanAfter, ...rounded };
}

function roundedOf({
  accrued,
  carried,
}: InterestAccountRow): Pick<RoundedInterest, 'accrued' | 'carried'> {
  return { accrued: accrued ?? 0n, carried: carried ?? 0n };
}

/**
 * Computes days again that were accrued before later entries of theirs were posted.
 * @param periods the account's accruals by day, from the one with the first such entry on
 */
export function adjust(
  { account, backdated }: DueAccount,
  periods: readonly InterestPeriodRow[],
): Adjustment {
  const from = backdated[0]!.day;
  let difference = 0n;
  const changed: ChangedPeriod[] = [];
  const { digits } = account;
  for (const [index, row] of periods.entries()) {
    const terms = { annualRate: row.annual_rate, dayCount: row.day_count };
    const known = knownStretches(row, digits);
    const first = known[0]!.from;
    // Only the first accrual can begin after an entry: it began with the earliest known one.
    const isEarlier = index === 0 && from < first;
    const days = isEarlier ? [{ from, through: first - 1, balance: 0n }, ...known] : known;
    const stretches = changedStretches(days, backdated);
    if (isSame(stretches, known)) continue;
    difference += interestOf(stretches, terms) - interestOf(known, terms);
    changed.push({
      ...terms,
      from: days[0]!.from,
      through: dayNumber(row.through_date),
      stretches,
    });
  }
  const through = dayNumber(account.through_date!);
  assert(changed.length > 0, 'Something that was posted changes some day');
  const rounded = roundInterest(roundedOf(account), difference);
  return { accountId: account.account_id, from, through, periods: changed, ...rounded };
}

function knownStretches(row: InterestPeriodRow, digits: number): Stretch[] {
  return row.stretches.map(({ from, through, balance }) => ({
    from: dayNumber(from),
    through: dayNumber(through),
    balance: parseAmount(balance, digits)!,
  }));
}

function isSame(a: readonly Stretch[], b: readonly Stretch[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ from, balance }, i) => from === b[i]!.from && balance === b[i]!.balance)
  );
}
