import fc from 'fast-check';
import { checkProperty } from '../../harness/seed';
import { add, halfEven, interestOfDay, ZERO, type Rational } from './rational';
import { DAY_COUNTS, dateText, dayNumber } from '../../../src/books/interest/day-count';
import {
  fractionText,
  interestOf,
  RATE_PATTERN,
  roundInterest,
} from '../../../src/books/interest/exact-interest';
import {
  UNITS_PER_MINOR,
  type RoundedInterest,
  type Stretch,
  type Terms,
} from '../../../src/books/interest/exact-interest';
import { changedStretches, stretchesOf, type Change } from '../../../src/books/interest/stretches';

const START = dayNumber('2023-11-15');
const NOTHING: RoundedInterest = { amount: 0n, accrued: 0n, carried: 0n };

const rates = fc
  .tuple(fc.nat(2), fc.bigInt(0n, 10n ** 12n - 1n), fc.integer({ min: 1, max: 12 }))
  .map(([whole, fraction, digits]) => {
    const text = fraction.toString().padStart(12, '0').slice(0, digits);
    return `${whole}.${text}`;
  });
/** Some of these make halves of a minor unit, which random rates hardly ever do. */
const plainRates = fc.constantFrom('0', '0.01825', '0.0365', '0.018', '0.05475', '1', '0.0425');
const terms: fc.Arbitrary<Terms> = fc.record({
  annualRate: fc.oneof(rates, plainRates),
  dayCount: fc.constantFrom(...DAY_COUNTS),
});
const minor = fc.oneof(
  fc.bigInt(-(10n ** 13n), 10n ** 13n),
  fc.constantFrom(0n, -1n, 1n, 100n, 10_000n, 30_000n),
);
const changes = (length: number): fc.Arbitrary<Change[]> =>
  fc
    .uniqueArray(fc.record({ day: fc.integer({ min: 0, max: length - 1 }), change: minor }), {
      selector: (c) => c.day,
      maxLength: 12,
    })
    .map((list) =>
      list.map(({ day, change }) => ({ day: START + day, change })).sort((a, b) => a.day - b.day),
    );

/** The definition: each day on its own balance. */
function reference(of: readonly Change[], from: number, through: number, of2: Terms): Rational {
  let sum = ZERO;
  for (let day = from; day <= through; day++) {
    const balance = balanceOn(of, day);
    sum = add(sum, interestOfDay(dateText(day), balance, of2.annualRate, of2.dayCount));
  }
  return sum;
}

function balanceOn(of: readonly Change[], day: number): bigint {
  return of.reduce((sum, c) => (c.day <= day ? sum + c.change : sum), 0n);
}

function accrueAll(of: readonly Change[], cuts: readonly number[], of2: Terms): RoundedInterest {
  let rounded = NOTHING;
  let from = START;
  for (const through of cuts) {
    const opening = balanceOn(of, from - 1);
    const within = of.filter((c) => c.day >= from && c.day <= through);
    const exact = interestOf(stretchesOf(from, through, opening, within), of2);
    rounded = roundInterest(rounded, exact);
    from = through + 1;
  }
  return rounded;
}

describe('interest', () => {
  it('is the sum over the days, exactly, with every day count', () => {
    checkProperty(
      fc.property(changes(400), terms, fc.integer({ min: 1, max: 400 }), (of, of2, length) => {
        const through = START + length - 1;
        const within = of.filter((c) => c.day <= through);
        const exact = interestOf(stretchesOf(START, through, 0n, within), of2);
        const expected = reference(within, START, through, of2);
        expect(exact * expected.denominator).toBe(expected.numerator * UNITS_PER_MINOR);
      }),
      60,
    );
  });

  it('accrued daily, or in any parts, is what it is accrued once', () => {
    const parts = fc.uniqueArray(fc.nat(398), { maxLength: 40 });
    checkProperty(
      fc.property(changes(400), terms, parts, (of, of2, cuts) => {
        const last = START + 399;
        const once = accrueAll(of, [last], of2);
        const daily = Array.from({ length: 400 }, (_, i) => START + i);
        const some = [...cuts.map((c) => START + c).sort((a, b) => a - b), last];
        for (const each of [daily, some]) {
          const { accrued, carried } = accrueAll(of, each, of2);
          expect({ accrued, carried }).toEqual({ accrued: once.accrued, carried: once.carried });
        }
        expect(once.accrued).toBe(halfEven(reference(of, START, last, of2)));
      }),
      40,
    );
  });

  it('is the same daily and once where every day makes half a cent', () => {
    const halves = fc.array(fc.tuple(fc.nat(29), fc.constantFrom(10_000n, 20_000n, 30_000n)), {
      minLength: 1,
      maxLength: 6,
    });
    const of2 = { annualRate: '0.01825', dayCount: 'actual/365' } as const;
    checkProperty(
      fc.property(halves, fc.integer({ min: 1, max: 60 }), (deposits, length) => {
        const all = deposits.map(([day, change]) => ({ day: START + day, change }));
        const of = [...Map.groupBy(all, (c) => c.day)]
          .map(([day, list]) => ({ day, change: list.reduce((sum, c) => sum + c.change, 0n) }))
          .sort((a, b) => a.day - b.day);
        const daily = Array.from({ length }, (_, i) => START + i);
        const once = accrueAll(of, daily.slice(-1), of2);
        const { accrued, carried } = accrueAll(of, daily, of2);
        expect({ accrued, carried }).toEqual({ accrued: once.accrued, carried: once.carried });
      }),
      200,
    );
  });

  it('never takes anything back while days are only added', () => {
    checkProperty(
      fc.property(changes(60), terms, (of, of2) => {
        let rounded = NOTHING;
        for (let day = START; day < START + 60; day++) {
          const exact = interestOf([{ from: day, through: day, balance: balanceOn(of, day) }], of2);
          rounded = roundInterest(rounded, exact);
          expect(rounded.amount).toBeGreaterThanOrEqual(0n);
          expect(
            2n * (rounded.carried < 0n ? -rounded.carried : rounded.carried),
          ).toBeLessThanOrEqual(UNITS_PER_MINOR);
        }
      }),
      60,
    );
  });

  it.each([
    [10_000n, '0.01825', 0n, '0.005'],
    [30_000n, '0.01825', 2n, '-0.005'],
    [50_000n, '0.01825', 2n, '0.005'],
    [9_999n, '0.01825', 0n, '0.0049995'],
    [10_001n, '0.01825', 1n, '-0.0049995'],
    [100_000n, '0.0365', 10n, '0'],
    [100_000n, '0.0425', 12n, '-0.00356164383561643836'],
    [-100_000n, '0.0425', 0n, '0'],
  ])('of a day on %d at %s rounds to %d and leaves %s', (balance, annualRate, amount, left) => {
    const day: Stretch = { from: START, through: START, balance };
    const rounded = roundInterest(
      NOTHING,
      interestOf([day], { annualRate, dayCount: 'actual/365' }),
    );
    expect(rounded.amount).toBe(amount);
    expect(fractionText(rounded.carried, 2)).toBe(left);
  });

  it('rounds halves by the sum, so that three half cents a day are four after three days', () => {
    const of2 = { annualRate: '0.01825', dayCount: 'actual/365' } as const;
    const day = interestOf([{ from: START, through: START, balance: 30_000n }], of2);
    const first = roundInterest(NOTHING, day);
    const second = roundInterest(first, day);
    const third = roundInterest(second, day);
    expect([first, second, third].map((s) => s.amount)).toEqual([2n, 1n, 1n]);
    expect(roundInterest(NOTHING, 3n * day)).toEqual({ ...third, amount: 4n });
  });
});

describe('a carried fraction', () => {
  it.each([
    [0n, 2, '0'],
    [UNITS_PER_MINOR / 2n, 0, '0.5'],
    [-UNITS_PER_MINOR / 2n, 3, '-0.0005'],
    [UNITS_PER_MINOR / 3n, 0, '0.33333333333333333333'],
    [-UNITS_PER_MINOR / 3n, 2, '-0.00333333333333333333'],
    [1n, 2, '0.00000000000000000038'],
    [1n, 4, '0'],
    [-1n, 4, '0'],
  ])('of %d units with %i digits reads %s', (carried, digits, text) => {
    expect(fractionText(carried, digits)).toBe(text);
  });
});

describe('a rate', () => {
  it('is a plain decimal of 12 decimals at most', () => {
    for (const text of ['0', '0.0425', '1', '999.123456789012']) expect(text).toMatch(RATE_PATTERN);
    for (const text of ['', '-0.1', '.5', '00.1', '1.', '1e-2', '0.1234567890123', '1000', '٣']) {
      expect(text).not.toMatch(RATE_PATTERN);
    }
  });
});

describe('stretches', () => {
  it('with later entries are those that all entries together would have made', () => {
    checkProperty(
      fc.property(changes(90), changes(90), (known, later) => {
        const through = START + 79;
        const first = known.filter((c) => c.day <= through);
        const before = stretchesOf(START, through, 0n, first);
        const after = changedStretches(before, later);
        const balances = (of: readonly Stretch[]) =>
          of.flatMap((s) => Array.from({ length: s.through - s.from + 1 }, () => s.balance));
        const days = Array.from({ length: 80 }, (_, i) => START + i);
        expect(balances(before)).toEqual(days.map((d) => balanceOn(first, d)));
        expect(balances(after)).toEqual(days.map((d) => balanceOn([...first, ...later], d)));
        expect(after[0]!.from).toBe(START);
        for (const [i, { from, balance }] of after.slice(1).entries()) {
          expect(from).toBe(after[i]!.through + 1);
          expect(balance).not.toBe(after[i]!.balance);
        }
      }),
    );
  });
});
