import fc from 'fast-check';
import { checkProperty } from '../../test/harness/seed';
import { AMOUNT_PATTERN, formatAmount, hasAmountSize, parseAmount, readAmount } from './amount';
import { SIGNED_AMOUNT_PATTERN } from './amount';

const MALFORMED = [
  ...['', ' ', '1e2', '1E2', '+1', '-0', '-0.0', '-0.00', '01', '00', '-01', '.5', '5.', '.', '-'],
  ...['--1', '1.2.3', '1,000', '1_000', '0x10', '0b1', '1n', ' 1', '1 ', '1\n', '\t1', '१', '１'],
  ...['NaN', 'Infinity', '-Infinity', 'null', '1.-5', '1/2', '$1', '1%'],
];

describe('parseAmount', () => {
  it.each([
    ['100', 2, 10_000n],
    ['100.5', 2, 10_050n],
    ['100.50', 2, 10_050n],
    ['0.01', 2, 1n],
    ['0', 2, 0n],
    ['0.00', 2, 0n],
    ['-3.07', 2, -307n],
    ['500', 0, 500n],
    ['1.234', 3, 1_234n],
    ['-0.001', 3, -1n],
    ['9'.repeat(28) + '.99', 2, 10n ** 30n - 1n],
  ])('reads %s with %i digits', (text, digits, minor) => {
    expect(parseAmount(text, digits)).toBe(minor);
  });

  it.each(MALFORMED)('refuses %j', (text) => {
    for (const digits of [0, 2, 3]) expect(parseAmount(text, digits)).toBeUndefined();
    expect(AMOUNT_PATTERN.test(text)).toBe(false);
    expect(SIGNED_AMOUNT_PATTERN.test(text)).toBe(false);
  });

  it.each([
    ['1.5', 0],
    ['1.0', 0],
    ['1.005', 2],
    ['1.000', 2],
    ['1.0001', 3],
  ])('refuses %s in a currency of %i digits', (text, digits) => {
    expect(parseAmount(text, digits)).toBeUndefined();
  });

  it('has no sign in an unsigned amount', () => {
    expect(AMOUNT_PATTERN.test('-1')).toBe(false);
    expect(SIGNED_AMOUNT_PATTERN.test('-1')).toBe(true);
  });

  it('is the inverse of formatAmount for up to 30 digits', () => {
    const minor = fc.bigInt({ min: -(10n ** 30n) + 1n, max: 10n ** 30n - 1n });
    checkProperty(
      fc.property(minor, fc.constantFrom(0, 2, 3, 4), (amount, digits) => {
        const text = formatAmount(amount, digits);
        expect(parseAmount(text, digits)).toBe(amount);
        expect(text).toMatch(digits === 0 ? /^-?\d+$/ : new RegExp(`^-?\\d+\\.\\d{${digits}}$`));
      }),
    );
  });

  it('reads nothing but what the pattern of amounts allows', () => {
    const text = fc.string({ unit: fc.constantFrom(...'0123456789.-+eE, ') });
    checkProperty(
      fc.property(text, (candidate) => {
        const minor = parseAmount(candidate, 30);
        expect(minor !== undefined).toBe(
          SIGNED_AMOUNT_PATTERN.test(candidate) && minor !== undefined,
        );
        if (minor === undefined) return;
        // Whatever is read is written as the same digits, with zeros behind them.
        const [whole, decimals = ''] = candidate.split('.');
        expect(formatAmount(minor, 30)).toBe(`${whole}.${decimals.padEnd(30, '0')}`);
        expect(/^-?\d/.test(candidate)).toBe(true);
      }),
      500,
    );
  });
});

describe('formatAmount', () => {
  it.each([
    [10_050n, 2, '100.50'],
    [5n, 2, '0.05'],
    [-5n, 2, '-0.05'],
    [0n, 2, '0.00'],
    [0n, 0, '0'],
    [-120n, 0, '-120'],
    [1n, 3, '0.001'],
    [1n, 18, '0.000000000000000001'],
  ])('writes %s with %i digits as %s', (minor, digits, text) => {
    expect(formatAmount(minor, digits)).toBe(text);
  });
});

describe('amounts of digits that nobody knows', () => {
  it.each([undefined, null, NaN, -1, 1.5, 31, '2'])(
    'are neither read nor written: %p',
    (digits) => {
      const wrong = digits as number;
      expect(() => formatAmount(500n, wrong)).toThrow(`An amount of ${digits} digits`);
      expect(() => parseAmount('5', wrong)).toThrow(`An amount of ${digits} digits`);
    },
  );
});

describe('readAmount', () => {
  const usd = { currency: 'USD', digits: 2 };
  const wei = { currency: 'ETHER', digits: 18 };

  it('reads what can be answered and sent again', () => {
    expect(readAmount('100.5', usd)).toBe(10_050n);
    expect(readAmount(`-${'9'.repeat(28)}`, usd)).toBe(-(10n ** 30n) + 100n);
    expect(readAmount(`${'9'.repeat(12)}.${'9'.repeat(18)}`, wei)).toBe(10n ** 30n - 1n);
  });

  it('says what does not fit', () => {
    expect(readAmount('1.005', usd)).toBe('must have at most 2 decimals in USD');
    expect(readAmount('1'.repeat(29), usd)).toBe(
      'must have at most 28 digits before the point in USD',
    );
    expect(readAmount('-1000000000000', wei)).toBe(
      'must have at most 12 digits before the point in ETHER',
    );
    expect(readAmount(`0.${'0'.repeat(18)}1`, wei)).toBe('must have at most 18 decimals in ETHER');
  });
});

describe('hasAmountSize', () => {
  it('counts digits and neither sign nor point', () => {
    expect(hasAmountSize('9'.repeat(30))).toBe(true);
    expect(hasAmountSize(`-${'9'.repeat(28)}.99`)).toBe(true);
    expect(hasAmountSize('9'.repeat(31))).toBe(false);
    expect(hasAmountSize(`${'9'.repeat(29)}.99`)).toBe(false);
  });
});
