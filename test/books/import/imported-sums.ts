import { listAccounts } from '../../../src/books/accounts/account.queries';
import { accountView } from '../../../src/books/accounts/account.view';
import { parseAmount } from '../../../src/money/amount';
import type { TestLedger } from '../../harness/ledger';

/** Balances in minor units by client id, negative balances of debited liabilities too. */
export async function balancesOf(ledger: TestLedger): Promise<Map<string, bigint>> {
  const balances = new Map<string, bigint>();
  let after = 0;
  for (;;) {
    const { value } = await ledger.open.stateReader.read((db) => listAccounts(db, {}, after, 200));
    for (const row of value.rows)
      balances.set(row.client_id!, parseAmount(accountView(row).balance, 2)!);
    if (!value.hasMore) return balances;
    after = value.rows.at(-1)!.account_no;
  }
}

/** The exact sum of each account's rows, read without the program's own parser. */
function sumsOf(lines: readonly string[], prefix: string): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const line of lines.slice(1)) {
    const [, , account, , amount] = line.split(',');
    const minor = BigInt(amount!.replace('.', ''));
    sums.set(prefix + account!, (sums.get(prefix + account!) ?? 0n) + minor);
  }
  return sums;
}

/**
 * Every account that was imported has the exact sum of its rows.
 * @param against the accounts of the other side, by kind, as the import was told them
 */
export async function expectSums(
  ledger: TestLedger,
  lines: readonly string[],
  name: string,
  against: readonly string[],
): Promise<void> {
  const balances = await balancesOf(ledger);
  const sums = sumsOf(lines, `${name}:`);
  expect(sums.size).toBeGreaterThan(10);
  for (const [account, sum] of sums)
    expect([account, balances.get(account)]).toEqual([account, sum]);
  // Accounts of the other side are opened for the kinds that the file has: the named, all others.
  const kinds = new Set(lines.slice(1).map((line) => line.split(',')[3]));
  const named = against.filter((text) => kinds.has(text.slice(0, text.indexOf('='))));
  expect(balances.size).toBe(sums.size + named.length + 1);
}
