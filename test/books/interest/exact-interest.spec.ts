import fc from 'fast-check';
import { checkProperty } from '../../harness/seed';
import { add, halfEven, interestOfDay, ZERO, type Rational } from './rational';
import { DAY_COUNTS, dateText, dayNumber } from '../../../src/books/interest/day-count';
import {
  bearingOf,
  COMPOUNDINGS,
  fractionText,
  interestOf,
  RATE_PATTERN,
  roundInterest,
  UNITS_PER_MINOR,
} from '../../../src/books/interest/exact-interest';
import type { RoundedInterest, Terms } from '../../../src/books/interest/exact-interest';
import { EMPTY, merged, movementsOf, walk } from '../../../src/books/interest/stretches';
import type { Movement, Standing, Stretch } from '../../../src/books/interest/stretches';

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
  compounding: fc.constantFrom(...COMPOUNDINGS),
  countedFrom: fc.constant(START),
});
const PLAIN: Terms = {
  ...{ annualRate: '0.01825', dayCount: 'actual/365' },
  ...{ compounding: 'none', countedFrom: START },
};
const minor = fc.oneof(
  fc.bigInt(-(10n ** 13n), 10n ** 13n),
  fc.constantFrom(0n, -1n, 1n, -100n, 100n, 10_000n, 30_000n),
);
const interestMinor = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0n) },
  fc.bigInt(-1_000n, 100_000n),
);
const movements = (length: number): fc.Arbitrary<Movement[]> =>
  fc
    .uniqueArray(
      fc.record({
        day: fc.integer({ min: 0, max: length - 1 }),
        cash: minor,
        interest: interestMinor,
      }),
      { selector: (m) => m.day, maxLength: 12 },
    )
    .map((list) => list.map((m) => ({ ...m, day: START + m.day })).sort((a, b) => a.day - b.day));

/** How the account stands at the end of each day, and after the last one; day by day. */
function standings(of: readonly Movement[], from: number, through: number, opening = EMPTY) {
  let { principal, interest } = opening;
  const ends: Standing[] = [];
  for (let day = from; day <= through; day++) {
    const here = of.filter((m) => m.day === day);
    for (const { cash } of here) {
      principal += cash;
      if (cash >= 0n) continue;
      const paid = interest < -cash ? interest : -cash;
      interest -= paid;
      principal += paid;
    }
    ends.push({ principal, interest });
    for (const posted of here) {
      interest += posted.interest;
      if (interest >= 0n) continue;
      principal += interest;
      interest = 0n;
    }
  }
  return { ends, closing: { principal, interest } };
}

/** The definition: each day on its own balance. */
function reference(of: readonly Movement[], from: number, through: number, of2: Terms): Rational {
  let sum = ZERO;
  for (const [i, standing] of standings(of, from, through).ends.entries()) {
    const { annualRate, dayCount, compounding, countedFrom } = of2;
    const bearing =
      compounding === 'none' ? standing.principal : standing.principal + standing.interest;
    const day = dateText(from + i);
    sum = add(sum, interestOfDay(day, bearing, annualRate, dayCount, dateText(countedFrom)));
  }
  return sum;
}

function accrueAll(of: readonly Movement[], cuts: readonly number[], of2: Terms): RoundedInterest {
  let rounded = NOTHING;
  let [from, opening] = [START, EMPTY];
  for (const through of cuts) {
    const days = walk(from, through, opening, of);
    rounded = roundInterest(rounded, interestOf(days.stretches, of2));
    [from, opening] = [through + 1, days.closing];
  }
  return rounded;
}

const each = (of: readonly Stretch[]): Standing[] =>
  of.flatMap(({ from, through, principal, interest }) =>
    Array.from({ length: through - from + 1 }, () => ({ principal, interest })),
  );

describe('interest', () => {
  it('is the sum over the days, exactly, with every day count', () => {
    checkProperty(
      fc.property(movements(400), terms, fc.integer({ min: 1, max: 400 }), (of, of2, length) => {
        const through = START + length - 1;
        const exact = interestOf(walk(START, through, EMPTY, of).stretches, of2);
        const expected = reference(of, START, through, of2);
        expect(exact * expected.denominator).toBe(expected.numerator * UNITS_PER_MINOR);
      }),
      60,
    );
  });

  it('accrued daily, or in any parts, is what it is accrued once', () => {
    const parts = fc.uniqueArray(fc.nat(398), { maxLength: 40 });
    checkProperty(
      fc.property(movements(400), terms, parts, (of, of2, cuts) => {
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
    checkProperty(
      fc.property(halves, fc.integer({ min: 1, max: 60 }), (deposits, length) => {
        const of = merged(
          deposits.map(([day, cash]) => ({ day: START + day, cash, interest: 0n })),
          [],
        );
        const daily = Array.from({ length }, (_, i) => START + i);
        const once = accrueAll(of, daily.slice(-1), PLAIN);
        const { accrued, carried } = accrueAll(of, daily, PLAIN);
        expect({ accrued, carried }).toEqual({ accrued: once.accrued, carried: once.carried });
      }),
      200,
    );
  });

  it('never takes anything back while days are only added', () => {
    checkProperty(
      fc.property(movements(60), terms, (of, of2) => {
        let rounded = NOTHING;
        for (const [i, standing] of standings(of, START, START + 59).ends.entries()) {
          const day = START + i;
          const exact = interestOf([{ from: day, through: day, ...standing }], of2);
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
    const day = { from: START, through: START, principal: balance, interest: 0n };
    const rounded = roundInterest(NOTHING, interestOf([day], { ...PLAIN, annualRate }));
    expect(rounded.amount).toBe(amount);
    expect(fractionText(rounded.carried, 2)).toBe(left);
  });

  it('rounds halves by the sum, so that three half cents a day are four after three days', () => {
    const one = { from: START, through: START, principal: 30_000n, interest: 0n };
    const day = interestOf([one], PLAIN);
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
    [1n, 2, '0.00000000000000000001'],
    [1n, 3, '0'],
    [-1n, 3, '0'],
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
  it('are how the account stands day by day, whatever the days are divided into', () => {
    checkProperty(
      fc.property(movements(90), fc.nat(78), (of, cut) => {
        const expected = standings(of, START, START + 79);
        const { stretches, closing } = walk(START, START + 79, EMPTY, of);
        expect(each(stretches)).toEqual(expected.ends);
        expect(closing).toEqual(expected.closing);
        for (const [i, { from, principal, interest }] of stretches.slice(1).entries()) {
          const before = stretches[i]!;
          expect(from).toBe(before.through + 1);
          expect([before.principal, before.interest]).not.toEqual([principal, interest]);
        }
        const first = walk(START, START + cut, EMPTY, of);
        const second = walk(START + cut + 1, START + 79, first.closing, of);
        expect(each([...first.stretches, ...second.stretches])).toEqual(expected.ends);
        expect(second.closing).toEqual(closing);
      }),
    );
  });

  it('say what moved, so that later entries give what all of them together would have', () => {
    // Interest is posted when a period is over, and not within it.
    const cash = (length: number) =>
      movements(length).map((list) => list.map((m) => ({ ...m, interest: 0n })));
    const posted = fc.bigInt(-1_000n, 100_000n);
    checkProperty(
      fc.property(cash(40), posted, cash(80), (known, interest, later) => {
        const [cut, end] = [START + 39, START + 79];
        const all = merged(known, [{ day: cut, cash: 0n, interest }]);
        const first = walk(START, cut, EMPTY, all);
        const second = walk(cut + 1, end, first.closing, all);
        const found = [...movementsOf(EMPTY, first), ...movementsOf(first.closing, second)];
        const now = standings(merged(all, later), START, end);
        expect(each(walk(START, end, EMPTY, merged(found, later)).stretches)).toEqual(now.ends);
      }),
    );
  });

  it('bear interest on the principal, or on all of it', () => {
    const standing = { principal: 100n, interest: 5n };
    expect(bearingOf(standing, 'none')).toBe(100n);
    expect(bearingOf(standing, 'posted')).toBe(105n);
    expect(bearingOf({ principal: -7n, interest: 5n }, 'posted')).toBe(0n);
    expect(bearingOf({ principal: -3n, interest: 5n }, 'posted')).toBe(2n);
  });
});
