import { normalQuantity } from './order.rules';

const MOST = '9'.repeat(18);

describe('a quantity', () => {
  it.each([
    ['1', '1'],
    ['10.5', '10.5'],
    ['10.50', '10.5'],
    ['10.00', '10'],
    ['100', '100'],
    ['0.000000000000000001', '0.000000000000000001'],
    [`${MOST}.${MOST}`, `${MOST}.${MOST}`],
  ])('%s is kept as %s', (text, kept) => {
    expect(normalQuantity(text)).toBe(kept);
  });

  it.each([
    ...['', '0', '0.0', '-1', '+1', '01', '.5', '5.', '1e2', ' 1', '1,5', '0x10', '1\n', 'NaN'],
    ...['0.0000000000000000001', `1${MOST}`, `${'9'.repeat(40)}`],
  ])('%j is none', (text) => {
    expect(normalQuantity(text)).toBeUndefined();
  });
});
