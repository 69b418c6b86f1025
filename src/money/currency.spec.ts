import { CURRENCY_PATTERN } from './currency';

describe('the pattern of codes of currencies', () => {
  it.each(['USD', 'XAU', '1INCH', 'POINTS', 'ABCDEFGHIJKL', '007'])('fits %j', (code) => {
    expect(CURRENCY_PATTERN.test(code)).toBe(true);
  });

  it.each(['', 'usd', 'US', 'U$D', ' USD', 'USD\n', 'ABCDEFGHIJKLM', '__proto__', 'ÜSD'])(
    'does not fit %j',
    (code) => {
      expect(CURRENCY_PATTERN.test(code)).toBe(false);
    },
  );
});
