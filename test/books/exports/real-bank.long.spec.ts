import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkFile } from '../../../src/books/import/csv-rows';
import { importFile } from '../../../src/books/import/import-file';
import { importPlan } from '../../../src/books/import/import-plan';
import { JOURNAL_PROGRAMS } from '../../harness/journal-programs';
import { startTestService } from '../../harness/service';
import { expectSameBalances, exported } from './exported-journal';

/** Not part of the project: 28,205 transactions of a Czech bank, published for a data contest. */
const REAL_FILE = join(__dirname, '../../../../shared/data/czech-bank-1993.csv');
const OPTIONS = { currency: 'CZK', createAccounts: true, counter: 'cash:asset' };
const MIDDLE = 'from=1993-04-01&to=1993-09-30';

const whereThere = existsSync(REAL_FILE) ? it : it.failing;

describe('the journal of a year of a real bank', () => {
  whereThere(
    'is accepted by all programs, which find every balance',
    async () => {
      const service = await startTestService();
      const checked = await checkFile(REAL_FILE, importPlan(OPTIONS));
      const { posted } = await importFile({ checked, open: service.open });
      expect(posted).toBe(28_205);
      for (const program of JOURNAL_PROGRAMS) {
        const { text } = await exported(service, `format=${program}`);
        await expectSameBalances(service, program, text, '');
        const { text: part } = await exported(service, `format=${program}&${MIDDLE}`);
        await expectSameBalances(service, program, part, 'asOf=1993-09-30');
      }
      const { text } = await exported(service, 'format=csv');
      const rows = readFileSync(REAL_FILE, 'utf8').trimEnd().split('\n').length - 1;
      expect(text.trimEnd().split('\r\n')).toHaveLength(1 + 2 * rows);
    },
    600_000,
  );
});
