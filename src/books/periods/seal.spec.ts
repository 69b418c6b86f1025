import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { TrialBalanceSeal, type SealedAccount } from './seal';

function account(n: number, currency: string, digits: number, net: bigint): SealedAccount {
  const account_id = `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`;
  return { account_id, currency, digits, net };
}

function sealOf(accounts: readonly SealedAccount[]) {
  const seal = new TrialBalanceSeal();
  for (const one of accounts) seal.add(one);
  return seal.finish();
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(canonicalize(value)!).digest('hex');
}

describe('the seal of a trial balance', () => {
  it('is the digest of its canonical form', () => {
    const accounts = [
      account(1, 'JPY', 0, 0n),
      account(2, 'KWD', 3, -1_005n),
      account(3, 'KWD', 3, 0n),
      account(4, 'KWD', 3, 1_000n),
      account(5, 'KWD', 3, 5n),
    ];
    const row = (n: number, debit: string, credit: string) => {
      return { accountId: account(n, '', 0, 0n).account_id, debit, credit };
    };
    const { digest, currencies } = sealOf(accounts);
    const expected = [
      { currency: 'JPY', rows: [], totalDebit: '0', totalCredit: '0' },
      {
        currency: 'KWD',
        rows: [row(2, '0.000', '1.005'), row(4, '1.000', '0.000'), row(5, '0.005', '0.000')],
        totalDebit: '1.005',
        totalCredit: '1.005',
      },
    ];
    expect(digest).toBe(digestOf(expected));
    expect(currencies).toEqual(expected.map(({ rows: _, ...totals }) => totals));
  });

  it('is that of an empty list where there are no accounts', () => {
    expect(sealOf([])).toEqual({ digest: digestOf([]), currencies: [] });
  });

  it('does not depend on how long the text is', () => {
    const accounts = Array.from({ length: 1_000 }, (_, i) => account(i, 'USD', 2, BigInt(i)));
    const rows = accounts.slice(1).map(({ account_id: accountId, net }) => {
      const cents = String(net % 100n).padStart(2, '0');
      return { accountId, debit: `${net / 100n}.${cents}`, credit: '0.00' };
    });
    const total = { totalDebit: '4995.00', totalCredit: '0.00' };
    expect(sealOf(accounts).digest).toBe(digestOf([{ currency: 'USD', rows, ...total }]));
  });
});
