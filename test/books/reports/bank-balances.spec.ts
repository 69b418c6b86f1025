import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { testCluster } from '../../harness/cluster';
import { expectBankBalances } from './bank-balances';

/** Made up in the manner of the real one: see bank-balances.long.spec.ts. */
const SMALL_FILE = join(__dirname, 'small-bank.csv');

describe("the statements of a bank's file", () => {
  it("run through the bank's own balances, as far as its order within a day tells", async () => {
    const agreement = await expectBankBalances(SMALL_FILE);
    expect(agreement).toEqual({ accounts: 3, days: 10, inFileOrder: 7 });
  });

  it.each([
    ['a balance that is a crown off', ',308.20,', ',307.20,'],
    ['an interest that is two crowns more', '2.10,1004.10', '4.10,1004.10'],
  ])('are found to disagree by %s', async (_, said, wrong) => {
    const folder = await mkdtemp(join(testCluster().runDir, 'bank-'));
    const file = join(folder, 'bank.csv');
    const text = await readFile(SMALL_FILE, 'utf8');
    expect(text).toContain(said);
    await writeFile(file, text.replace(said, wrong));
    await expect(expectBankBalances(file)).rejects.toThrow(/No order of the rows/);
  });
});
