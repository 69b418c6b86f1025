import { codes, code as packaged } from 'currency-codes';
import { CURRENCY_PATTERN, MAX_CURRENCY_DIGITS } from '../../money/currency';
import { isoCurrencies } from './iso-4217';
import { ISO_CURRENT } from './iso-4217-current';
import { ISO_WITHDRAWN } from './iso-4217-withdrawn';

/** For these ISO says "N.A.", which the package takes for 0. */
const NOT_APPLICABLE = 'XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX'.split(' ');

describe('the table of ISO 4217', () => {
  it('has the codes of list one and list three of 2026-01-01, each once and in order', () => {
    expect(ISO_CURRENT).toHaveLength(178);
    expect(ISO_WITHDRAWN).toHaveLength(129);
    expect(isoCurrencies.size).toBe(178 + 129);
    for (const list of [ISO_CURRENT, ISO_WITHDRAWN]) {
      const inOrder = list.map(([code]) => code);
      expect(inOrder).toEqual([...inOrder].sort());
      for (const [code, digits, name] of list) {
        expect(code).toMatch(/^[A-Z]{3}$/);
        expect(code).toMatch(CURRENCY_PATTERN);
        expect([0, 2, 3, 4, 6]).toContain(digits);
        expect(digits).toBeLessThanOrEqual(MAX_CURRENCY_DIGITS);
        expect(name).toBe(name.trim());
        expect(name).not.toBe('');
      }
    }
  });

  it('has the minor units that ISO publishes', () => {
    const withDigits = (wanted: number) =>
      ISO_CURRENT.filter(
        ([code, digits]) => digits === wanted && !NOT_APPLICABLE.includes(code),
      ).map(([code]) => code);
    expect(withDigits(0).join(' ')).toBe(
      'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
    );
    expect(withDigits(3).join(' ')).toBe('BHD IQD JOD KWD LYD OMR TND');
    expect(withDigits(4).join(' ')).toBe('CLF UYW');
    expect(withDigits(2)).toHaveLength(139);
    // Where Intl follows CLDR and says 0, ISO 4217 says:
    for (const code of ['HUF', 'COP', 'AFN']) expect(isoCurrencies.get(code)!.digits).toBe(2);
  });

  it.each([
    ['XCG', true],
    ['XAD', true],
    ['ZWG', true],
    ['SLE', true],
    ['ANG', false],
    ['BGN', false],
    ['CUC', false],
    ['HRK', false],
    ['SLL', false],
    ['ZWL', false],
    ['DEM', false],
  ])('knows what became of %s since the package was made: active %p', (code, isActive) => {
    expect(isoCurrencies.get(code)).toMatchObject({ isActive, digits: 2 });
  });

  it('gives metals and units of account, where ISO has no digits, those that books need', () => {
    const digits = Object.fromEntries(
      NOT_APPLICABLE.map((code) => [code, isoCurrencies.get(code)!.digits]),
    );
    expect(digits).toEqual({
      ...{ XAG: 6, XAU: 6, XPD: 6, XPT: 6 },
      ...{ XBA: 2, XBB: 2, XBC: 2, XBD: 2, XDR: 2, XSU: 2, XTS: 2, XUA: 2, XXX: 2 },
    });
  });

  it('says of all other codes what the package says that was asked before', () => {
    expect(codes()).toHaveLength(179);
    for (const code of codes()) {
      const ours = isoCurrencies.get(code);
      const { digits } = packaged(code)!;
      expect([code, ours?.digits]).toEqual([
        code,
        NOT_APPLICABLE.includes(code) ? expect.any(Number) : digits,
      ]);
    }
    const added = ISO_CURRENT.map(([code]) => code).filter((code) => !packaged(code));
    expect(added).toEqual(['XAD', 'XCG']);
  });

  it('knows no more than ISO', () => {
    const unknown = ['', 'usd', 'US', 'USDX', 'ZZZ', '840', '__proto__', 'toString', 'BTC'];
    for (const code of unknown) expect(isoCurrencies.has(code)).toBe(false);
  });
});
