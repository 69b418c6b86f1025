import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkFile } from '../../../src/books/import/csv-rows';
import { importFile } from '../../../src/books/import/import-file';
import { importPlan } from '../../../src/books/import/import-plan';
import { JOURNAL_PROGRAMS } from '../../harness/journal-programs';
import { startTestService, type TestService } from '../../harness/service';
import { expectSameBalances, exported } from './exported-journal';

/** Not part of the project: 28,205 transactions of a Czech bank, published for a data contest. */
const REAL_FILE = join(__dirname, '../../../../shared/data/czech-bank-1993.csv');
const OPTIONS = { currency: 'CZK', createAccounts: true, counter: 'cash:asset' };
const MIDDLE = 'from=1993-04-01&to=1993-09-30';

/** Posts the transaction that is the first one by position, and the last one by date. */
async function postFirst({ api }: TestService): Promise<number> {
  const postings = [];
  for (const direction of ['debit', 'credit']) {
    const account = { clientId: direction, name: direction, type: 'equity', currency: 'CZK' };
    await api.post('/v1/accounts', account);
    postings.push({ accountId: `client:${direction}`, direction, amount: '1.00' });
  }
  const transaction = { description: 'Before all others', effectiveDate: '1999-12-31', postings };
  const { body } = await api.post<{ position: number }>('/v1/transactions', transaction);
  return body.position;
}

const whereThere = existsSync(REAL_FILE) ? it : it.failing;

describe('the journal of a year of a real bank', () => {
  whereThere(
    'is accepted by all programs, which find every balance',
    async () => {
      const service = await startTestService();
      const known = await postFirst(service);
      const checked = await checkFile(REAL_FILE, importPlan(OPTIONS));
      const { posted } = await importFile({ checked, open: service.open });
      expect(posted).toBe(28_205);
      for (const program of JOURNAL_PROGRAMS) {
        const { text } = await exported(service, `format=${program}`);
        await expectSameBalances(service, program, text, '');
        const { text: part } = await exported(service, `format=${program}&${MIDDLE}`);
        await expectSameBalances(service, program, part, 'asOf=1993-09-30');
      }
      // Behind more of the bank's, by its date, than are looked at for a page.
      const { text: early } = await exported(service, `format=ledger&atPosition=${known}`);
      await expectSameBalances(service, 'ledger', early, `atPosition=${known}`);
      expect(early.match(/^\d{4}-.*$/gm)).toEqual([`1999-12-31 (${known}) Before all others`]);
      const { text } = await exported(service, 'format=csv');
      const rows = readFileSync(REAL_FILE, 'utf8').trimEnd().split('\n').length - 1;
      expect(text.trimEnd().split('\r\n')).toHaveLength(3 + 2 * rows);
    },
    600_000,
  );
});
