import type { Compounding } from '../../../src/books/interest/exact-interest';
import type { DayCount } from '../../../src/books/interest/day-count';
import { add, dayAfter, daysBetween, halfEven, interestOfDay, subtract } from './rational';
import { ZERO, type Rational } from './rational';

export interface ModelTerms {
  readonly through: string;
  readonly annualRate: string;
  readonly dayCount: DayCount;
  readonly compounding: Compounding;
}

/** What one accrual has come to for one account. */
interface ModelRun extends ModelTerms {
  readonly id: string;
  /** Minor units, posted when the day `through` was over: what was made good, and new interest. */
  readonly posted: bigint;
}

/** What an accrual is expected to come to for an account, in minor units. */
export interface Expected {
  readonly adjustment: bigint;
  readonly amount: bigint;
  readonly principal: bigint;
  /** What is left of the exact interest after rounding. */
  readonly carried: Rational;
}

const max = (a: bigint, b: bigint) => (a > b ? a : b);

/**
 * One account's interest, written from the API's contract alone and sharing no code with the
 * program. It remembers entries and accruals, and computes everything from the first day on, day
 * by day, whenever it is asked: what has been accrued in all is the interest of all accrued days,
 * each on what is known of it now, rounded once.
 */
export class ModelAccount {
  private readonly cash: { readonly date: string; readonly minor: bigint }[] = [];
  private runs: ModelRun[] = [];

  constructor(
    /** Minor units. */
    readonly limits: { readonly min?: bigint; readonly max?: bigint } = {},
  ) {}

  get accruedThrough(): string | undefined {
    return this.runs.at(-1)?.through;
  }

  get lastRunId(): string | undefined {
    return this.runs.at(-1)?.id;
  }

  get balance(): bigint {
    const posted = this.runs.reduce((sum, run) => sum + run.posted, 0n);
    return this.cash.reduce((sum, { minor }) => sum + minor, posted);
  }

  /** Whether limits let an amount be added. */
  admits(minor: bigint): boolean {
    const { min, max } = this.limits;
    const balance = this.balance + minor;
    return (min === undefined || balance >= min) && (max === undefined || balance <= max);
  }

  post(date: string, minor: bigint): void {
    this.cash.push({ date, minor });
  }

  /** What an accrual would come to; undefined where there is no entry until its last day. */
  owed(terms: ModelTerms): Expected | undefined {
    const first = this.cash.map(({ date }) => date).sort()[0];
    if (first === undefined || first > terms.through) return undefined;
    const before = this.runs.reduce((sum, run) => sum + run.posted, 0n);
    const known = halfEven(this.exact(first, this.runs));
    const all = this.exact(first, [...this.runs, terms]);
    const total = halfEven(all);
    const [, bearing] = [...this.days(first, [...this.runs, terms])].at(-1)!;
    return {
      adjustment: this.runs.length > 0 ? known - before : 0n,
      amount: total - (this.runs.length > 0 ? known : 0n),
      principal: bearing,
      carried: subtract(all, total),
    };
  }

  accrue(id: string, terms: ModelTerms, { adjustment, amount }: Expected): void {
    this.runs.push({ ...terms, id, posted: adjustment + amount });
  }

  /** Forgets the last accrual. */
  reverse(): void {
    this.runs = this.runs.slice(0, -1);
  }

  private exact(first: string, runs: readonly ModelTerms[]): Rational {
    let sum = ZERO;
    let countedFrom = first;
    let before: ModelTerms | undefined;
    for (const [day, bearing, run] of this.days(first, runs)) {
      const goesOn = before === undefined || before === run || before.dayCount === run.dayCount;
      if (!goesOn) countedFrom = day;
      before = run;
      const { annualRate, dayCount } = run;
      sum = add(sum, interestOfDay(day, bearing, annualRate, dayCount, countedFrom));
    }
    return sum;
  }

  /** Every accrued day with what bears interest at its end, and the terms that it is accrued by. */
  private *days(
    first: string,
    runs: readonly ModelTerms[],
  ): Iterable<readonly [day: string, bearing: bigint, run: ModelTerms]> {
    let [principal, interest] = [0n, 0n];
    let next = first;
    for (const run of runs) {
      for (const day of daysBetween(next, run.through)) {
        const moved = this.cash
          .filter(({ date }) => date === day)
          .reduce((sum, { minor }) => sum + minor, 0n);
        // Money that comes in is principal; what leaves pays out interest first.
        const left = max(-moved, 0n);
        const fromInterest = left < interest ? left : interest;
        interest -= fromInterest;
        principal += moved + fromInterest;
        const bearing = run.compounding === 'posted' ? principal + interest : principal;
        yield [day, max(bearing, 0n), run];
      }
      interest += (run as Partial<ModelRun>).posted ?? 0n;
      if (interest < 0n) [principal, interest] = [principal + interest, 0n];
      next = dayAfter(run.through);
    }
  }
}
