import { codes, code as packaged } from 'currency-codes';
import { formerDigits } from './former-digits';

describe('the digits of accounts that were opened by version 1', () => {
  it('are those of the package that was asked then, for every code that it had', () => {
    for (const code of codes())
      expect([code, formerDigits(code)]).toEqual([code, packaged(code)!.digits]);
    expect(formerDigits('XAU')).toBe(0);
    expect(formerDigits('BGN')).toBe(2);
  });

  it.each(['HRK', 'XCG', 'POINTS', 'usd', ''])('are none for %j, which no account had', (code) => {
    expect(() => formerDigits(code)).toThrow('No account of version 1');
  });
});
