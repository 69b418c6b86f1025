import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CalculateInterestOwed } from '../../../src/books/interest/interest.creators';
import { checkFile } from '../../../src/books/import/csv-rows';
import { importFile } from '../../../src/books/import/import-file';
import { importPlan } from '../../../src/books/import/import-plan';
import { openAccount } from '../../harness/books';
import { query } from '../../harness/cluster';
import { startTestLedger } from '../../harness/ledger';
import { expectSums } from '../import/imported-sums';
import { ModelAccount } from './interest-model';

/** Not part of the project: 28,205 transactions of a Czech bank, published for a data contest. */
const REAL_FILE = join(__dirname, '../../../../shared/data/czech-bank-1993.csv');
const OPTIONS = {
  ...{ currency: 'CZK', createAccounts: true, counter: 'cash:asset' },
  against: [
    'interest_credited=interest-expense:expense',
    'statement_fee=fee-income:income',
    'penalty_interest=interest-income:income',
  ],
};
const LAST_DAY = '1993-12-31';

/** Changes in minor units by account and day, read without the program's own parser. */
function changesOf(file: string): Map<string, Map<string, bigint>> {
  const accounts = new Map<string, Map<string, bigint>>();
  for (const line of readFileSync(file, 'utf8').trimEnd().split('\n').slice(1)) {
    const [, date, account, , amount] = line.split(',') as [string, string, string, string, string];
    const days = accounts.get(account) ?? new Map<string, bigint>();
    accounts.set(account, days);
    days.set(date, (days.get(date) ?? 0n) + BigInt(amount.replace('.', '')));
  }
  return accounts;
}

/** What is accrued, in three parts. */
const TERMS = { annualRate: '0.045', dayCount: 'actual/365', compounding: 'none' } as const;
const THROUGH = ['1993-03-10', '1993-11-30', LAST_DAY];

/** What three accruals come to, of an account with these changes. */
function owed(days: ReadonlyMap<string, bigint>): bigint {
  const account = new ModelAccount();
  for (const [date, minor] of days) account.post(date, minor);
  let sum = 0n;
  for (const through of THROUGH) {
    const expected = account.owed({ ...TERMS, through });
    if (!expected) continue;
    account.accrue(through, { ...TERMS, through }, expected);
    sum += expected.amount;
  }
  return sum;
}

const whereThere = existsSync(REAL_FILE) ? it : it.failing;

describe('a year of a real bank', () => {
  whereThere(
    'is imported to the last cent, and its interest of three parts is what days add up to',
    async () => {
      const ledger = await startTestLedger();
      const plan = importPlan(OPTIONS);
      const checked = await checkFile(REAL_FILE, plan);
      const { posted } = await importFile({ checked, open: ledger.open });
      expect(posted).toBe(28_205);
      const lines = readFileSync(REAL_FILE, 'utf8').trimEnd().split('\n');
      await expectSums(ledger, lines, 'import', OPTIONS.against);
      const expense = await openAccount(ledger, { type: 'expense', currency: 'CZK' });
      const rows = await query<{ account_id: string; client_id: string }>(
        ledger.databases.urls.state,
        `select account_id, client_id from state.accounts where type = 'liability'`,
      );
      const accountIds = rows.map((row) => row.account_id);
      const input = { ...TERMS, accountIds, expenseAccountId: expense.id };
      const totals = new Map<string, bigint>();
      for (const through of THROUGH) {
        const { accruals } = await ledger.accept(CalculateInterestOwed, { ...input, through });
        for (const { accountId, amount } of accruals) {
          const minor = BigInt(amount.replace('.', ''));
          totals.set(accountId, (totals.get(accountId) ?? 0n) + minor);
        }
      }
      const ids = new Map(rows.map((row) => [row.client_id, row.account_id]));
      const expected = [...changesOf(REAL_FILE)].map(([account, days]) => {
        return [ids.get(`import:${account}`), owed(days)] as const;
      });
      expect(expected.length).toBeGreaterThan(1_000);
      expect(totals.size).toBe(expected.length);
      const wrong = expected.filter(([id, minor]) => totals.get(id!) !== minor);
      expect(wrong).toEqual([]);
    },
  );
});
