import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expectBankBalances } from './bank-balances';

/** Not part of the project: 28,205 transactions of a Czech bank, published for a data contest. */
const REAL_FILE = join(__dirname, '../../../../shared/data/czech-bank-1993.csv');

const whereThere = existsSync(REAL_FILE) ? it : it.failing;

describe('a year of a real bank', () => {
  whereThere("has statements that run through the bank's own balances", async () => {
    const { accounts, days, inFileOrder } = await expectBankBalances(REAL_FILE);
    expect({ accounts, days, inFileOrder }).toEqual({
      ...{ accounts: 1_139, days: 23_440 },
      // On the other days the file has interest and fees, say, in front of what came before them.
      inFileOrder: 21_209,
    });
  });
});
