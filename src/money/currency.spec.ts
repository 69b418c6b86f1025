import { currencyDigits } from './currency';

describe('currencyDigits', () => {
  it.each([
    ['USD', 2],
    ['EUR', 2],
    ['CZK', 2],
    ['JPY', 0],
    ['KRW', 0],
    ['KWD', 3],
    ['BHD', 3],
    // Where Intl follows CLDR and says 0, ISO 4217 says:
    ['HUF', 2],
    ['COP', 2],
    ['AFN', 2],
    ['IQD', 3],
  ])('%s has %i digits', (currency, digits) => {
    expect(currencyDigits(currency)).toBe(digits);
    expect(currencyDigits(currency)).toBe(digits);
  });

  it.each(['', 'usd', 'US', 'USDX', 'ZZZ', 'U$D', ' USD', '840', '__proto__', 'toString'])(
    'does not know %j',
    (currency) => {
      expect(currencyDigits(currency)).toBeUndefined();
    },
  );
});
