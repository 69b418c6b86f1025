import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkFile, type RefusedRow } from '../../../src/books/import/csv-rows';
import { importFile, type ImportReport } from '../../../src/books/import/import-file';
import { importPlan, type ImportTexts } from '../../../src/books/import/import-plan';
import { ClosePeriod } from '../../../src/books/periods/period.creators';
import { readTransaction } from '../../../src/books/transactions/transaction.queries';
import { openAccount } from '../../harness/books';
import { query, testCluster } from '../../harness/cluster';
import { startTestLedger, type TestLedger } from '../../harness/ledger';
import { runScript, startScript } from '../../harness/script';
import { rounds } from '../../harness/rounds';
import { randomOf, runSeed, type Random } from '../../harness/seed';
import { waitFor } from '../../harness/waiting';
import { balancesOf, expectSums } from './imported-sums';

/** How many rows are imported where the number matters to nobody. */
const ROWS = rounds(1_200, 3_500);
/** More than are posted before a program that is killed is gone. */
const KILLED_ROWS = rounds(5_000, 12_000);
const HEADER = 'transaction_id,date,account_id,kind,amount,counterparty';
const AGAINST = [
  'interest_credited=interest-expense:expense',
  'statement_fee=fee-income:income',
  'penalty_interest=interest-income:income',
];
const OPTIONS = { currency: 'CZK', createAccounts: true, counter: 'cash:asset', against: AGAINST };

async function fileOf(
  lines: readonly string[],
  { name = 'bank.csv', encoding }: { name?: string; encoding?: BufferEncoding } = {},
): Promise<string> {
  const folder = await mkdtemp(join(testCluster().runDir, 'import-'));
  const file = join(folder, name);
  await writeFile(file, `${lines.join('\n')}\n`, encoding);
  return file;
}

async function importOf(
  ledger: TestLedger,
  file: string,
  options: Partial<ImportTexts> = {},
): Promise<{ report: ImportReport; refused: RefusedRow[] }> {
  const refused: RefusedRow[] = [];
  const checked = await checkFile(file, importPlan({ ...OPTIONS, ...options }));
  const onRefused = (row: RefusedRow) => refused.push(row);
  const report = await importFile({ checked, open: ledger.open, onRefused });
  return { report, refused };
}

function generatedLines(random: Random, rows: number): string[] {
  const kinds = ['cash_deposit', 'interest_credited', 'statement_fee', 'household'];
  return [
    HEADER,
    ...Array.from({ length: rows }, (_, i) => {
      const sign = random.chance(0.4) ? '-' : '';
      const amount = `${sign}${1 + random.below(5_000)}.${10 + random.below(90)}`;
      const day = `1993-0${1 + random.below(9)}-0${1 + random.below(9)}`;
      return `${i + 1},${day},${random.below(60)},${random.pick(kinds)},${amount},`;
    }),
  ];
}

function seeded(): Random {
  const seed = runSeed();
  process.stderr.write(`SEED=${seed} (import)\n`);
  return randomOf(seed);
}

describe('an import (on real databases)', () => {
  it('makes every closing balance the exact sum of the rows', async () => {
    const ledger = await startTestLedger();
    const lines = generatedLines(seeded(), ROWS);
    const file = await fileOf(lines);
    const { report, refused } = await importOf(ledger, file);
    expect(refused).toEqual([]);
    expect(report).toMatchObject({ rows: ROWS, posted: ROWS, alreadyThere: 0, refused: 0 });
    await expectSums(ledger, lines, 'import', AGAINST);
    const again = await importOf(ledger, file);
    expect(again.report).toMatchObject({ posted: 0, alreadyThere: ROWS, refused: 0 });
    await expectSums(ledger, lines, 'import', AGAINST);
  });

  it('keeps what a row says', async () => {
    const ledger = await startTestLedger();
    const lines = [HEADER, '17,1993-02-03,5,"household, rent",-1234.50,"Žižka ""Jan"""'];
    await importOf(ledger, await fileOf(lines), { name: 'my-bank' });
    const { value } = await ledger.open.stateReader.read((db) =>
      readTransaction(db, 'client:my-bank:17'),
    );
    expect(value).toMatchObject({
      clientId: 'my-bank:17',
      description: 'household, rent',
      effectiveDate: '1993-02-03',
      metadata: { kind: 'household, rent', counterparty: 'Žižka "Jan"' },
      postings: [
        { direction: 'debit', amount: '1234.50', currency: 'CZK', balanceAfter: '-1234.50' },
        { direction: 'credit', amount: '1234.50', currency: 'CZK', balanceAfter: '-1234.50' },
      ],
    });
  });

  it('reports rows that it refuses by line and reason, and posts the others', async () => {
    const ledger = await startTestLedger();
    const file = await fileOf([
      HEADER,
      '1,1993-01-01,5,cash_deposit,700.00,',
      '2,1993-02-30,5,cash_deposit,700.00,',
      '3,1993-01-01,5,cash_deposit,"7,00",',
      '4,1993-01-01,5,cash_deposit,1.005,',
      '5,1993-01-01,5,cash_deposit,0.00,',
      '6,1993-01-01,,cash_deposit,1.00,',
      '7,1993-01-01,5,cash_deposit',
      '1,1993-01-01,5,cash_deposit,800.00,',
      '',
      '1,1993-01-01,5,cash_deposit,700.00,',
      'x y,1993-01-01,5,cash_deposit,1.00,',
      '8,1993-01-01,5,cash_deposit,1.00,ab"c',
      '9,1993-01-01,5,cash_deposit,1.00,',
      '10,1899-12-31,5,cash_deposit,1.00,',
      '11,2999-01-01,5,cash_deposit,1.00,',
    ]);
    const { report, refused } = await importOf(ledger, file);
    expect(report).toMatchObject({ rows: 14, posted: 2, alreadyThere: 1, refused: 11 });
    const reasons = new Map(refused.map(({ line, reason }) => [line, reason]));
    expect(Object.fromEntries(reasons)).toEqual({
      3: 'date "1993-02-30" is no day as YYYY-MM-DD',
      4: 'amount "7,00" is no decimal number',
      5: expect.stringContaining('at most 2 decimals in CZK') as string,
      6: expect.stringContaining('zero_amount') as string,
      7: 'account_id "" makes no client id',
      8: 'it has 4 columns and not 6',
      9: expect.stringContaining('client_id_taken') as string,
      12: 'transaction_id "x y" makes no client id',
      13: expect.stringContaining('no valid CSV') as string,
      15: 'date 1899-12-31 is before 1900-01-01',
      16: expect.stringContaining('future_effective_date') as string,
    });
    expect((await balancesOf(ledger)).get('import:5')).toBe(70_100n);
  });

  it('posts nothing into a closed period, and says which', async () => {
    const ledger = await startTestLedger();
    await ledger.accept(ClosePeriod, { through: '1993-01-31' });
    const file = await fileOf([
      HEADER,
      '1,1993-01-31,5,cash_deposit,700.00,',
      '2,1993-02-01,5,cash_deposit,1.00,',
    ]);
    const { report, refused } = await importOf(ledger, file);
    expect(report).toMatchObject({ rows: 2, posted: 1, refused: 1 });
    const reason = expect.stringMatching(/period_closed.* closed through 1993-01-31/) as string;
    expect(refused).toEqual([{ line: 2, reason }]);
    expect((await balancesOf(ledger)).get('import:5')).toBe(100n);
  });

  it('refuses what cannot be imported before it posts anything', async () => {
    const ledger = await startTestLedger();
    const good = '1,1993-01-01,5,cash_deposit,700.00,';
    const file = await fileOf([HEADER, good]);
    const failing = (texts: Partial<ImportTexts>) => importOf(ledger, file, texts);
    await expect(failing({ currency: 'XYZW' })).rejects.toThrow('ISO 4217');
    await expect(failing({ counter: 'cash' })).rejects.toThrow('CLIENTID:TYPE');
    await expect(failing({ counter: 'cash:money' })).rejects.toThrow('asset, liability');
    await expect(failing({ name: 'a b' })).rejects.toThrow('--name');
    await expect(failing({ createAccounts: false })).rejects.toThrow('There is no account');
    await openAccount(ledger, { clientId: 'cash', type: 'asset', currency: 'USD' });
    await expect(failing({})).rejects.toThrow('of type asset in USD, not asset in CZK');
    const headless = await fileOf(['id,date,amount', good]);
    await expect(importOf(ledger, headless, { counter: 'till:asset' })).rejects.toThrow(
      'lacks the column account_id',
    );
    await expect(importOf(ledger, `${file}.nope`)).rejects.toThrow('cannot be read');
    expect(await query(ledger.databases.urls.state, 'select from transactions')).toEqual([]);
  });

  it('uses accounts that exist, and refuses rows of those that do not', async () => {
    const ledger = await startTestLedger();
    await openAccount(ledger, { clientId: 'cash', type: 'asset', currency: 'CZK' });
    await openAccount(ledger, { clientId: 'customer-5', type: 'liability', currency: 'CZK' });
    const file = await fileOf([
      HEADER,
      '1,1993-01-01,5,cash_deposit,700.00,',
      '2,1993-01-01,6,cash_deposit,700.00,',
    ]);
    const { report, refused } = await importOf(ledger, file, {
      createAccounts: false,
      against: [],
      accountPrefix: 'customer-',
    });
    expect(report).toMatchObject({ posted: 1, refused: 1 });
    expect(refused).toEqual([
      { line: 3, reason: 'account_not_found: There is no account "customer-6"' },
    ]);
    expect((await balancesOf(ledger)).get('customer-5')).toBe(70_000n);
  });
});

describe('an import that does not guess', () => {
  const ROW = '1,2025-01-01,5,x,7.00';
  const HEAD = 'transaction_id,date,account_id,kind,amount';
  const CASH = { against: [], counter: 'cash:asset' };
  const postedSum = async (ledger: TestLedger, id = 'import:5') =>
    (await balancesOf(ledger)).get(id);

  it.each([
    ['currency', '--currency-column'],
    ['CCY', '--currency-column'],
    ['Status', '--status'],
    ['booking status', '--status'],
    ['direction', 'with its sign'],
  ])('asks what a column "%s" is for', async (column, option) => {
    const ledger = await startTestLedger();
    const file = await fileOf([`${HEAD},${column}`, `${ROW},EUR`]);
    await expect(importOf(ledger, file, CASH)).rejects.toThrow(option);
    const kept = await importOf(ledger, file, { ...CASH, metadata: [column] });
    expect(kept.report).toMatchObject({ posted: 1 });
  });

  it('posts the rows of its currency alone', async () => {
    const ledger = await startTestLedger();
    const file = await fileOf([`${HEAD},currency`, `${ROW},CZK`, '2,2025-01-01,5,x,9.00,EUR']);
    const { report, refused } = await importOf(ledger, file, {
      ...{ ...CASH, currencyColumn: 'currency' },
    });
    expect(report).toMatchObject({ posted: 1, refused: 1 });
    expect(refused).toEqual([{ line: 3, reason: 'currency is "EUR" and not CZK' }]);
    expect(await postedSum(ledger)).toBe(700n);
  });

  it('leaves out what its status says is not booked', async () => {
    const ledger = await startTestLedger();
    const rows = ['BOOKED', 'PENDING', 'REVERTED', 'Booked', ''].map(
      (status, i) => `${i},2025-01-01,5,x,1.00,${status}`,
    );
    const file = await fileOf([`${HEAD},status`, ...rows]);
    const { report } = await importOf(ledger, file, { ...CASH, status: 'status=BOOKED,Booked' });
    expect(report).toMatchObject({ rows: 5, posted: 2, notBooked: 3, refused: 0 });
    expect(await postedSum(ledger)).toBe(200n);
  });

  it('books nothing twice under another name of the file, or in another order', async () => {
    const ledger = await startTestLedger();
    await importOf(ledger, await fileOf([HEAD, ROW]), CASH);
    const renamed = await fileOf([HEAD, ROW], { name: 'bank (1).csv' });
    expect((await importOf(ledger, renamed, CASH)).report).toMatchObject({ alreadyThere: 1 });
    const turned = await fileOf([
      'amount,kind,transaction_id,account_id,date',
      '7.00,x,1,5,2025-01-01',
    ]);
    expect((await importOf(ledger, turned, CASH)).report).toMatchObject({ alreadyThere: 1 });
    const { refused } = await importOf(ledger, renamed, { ...CASH, name: 'other' });
    expect(refused).toEqual([{ line: 2, reason: 'it was imported before, with other options' }]);
    expect(await postedSum(ledger)).toBe(700n);
  });

  it('takes equal rows without an id for several, and each of them once', async () => {
    const ledger = await startTestLedger();
    const row = '2025-01-01,5,coffee,-3.50';
    const head = 'date,account_id,kind,amount';
    const once = await importOf(ledger, await fileOf([head, row, row, row]), CASH);
    expect(once.report).toMatchObject({ posted: 3, alreadyThere: 0 });
    const longer = await importOf(ledger, await fileOf([head, row, row, row, row]), CASH);
    expect(longer.report).toMatchObject({ posted: 1, alreadyThere: 3 });
    expect(await postedSum(ledger)).toBe(-1_400n);
  });

  it('takes text only in its encoding', async () => {
    const ledger = await startTestLedger();
    const latin1 = await fileOf([HEAD, ROW, '2,2025-01-01,5,Café,1.00'], { encoding: 'latin1' });
    await expect(importOf(ledger, latin1, CASH)).rejects.toThrow(
      /is not text in utf-8 at line 3: give --encoding/,
    );
    expect(await balancesOf(ledger)).toEqual(new Map());
    const { report } = await importOf(ledger, latin1, { ...CASH, encoding: 'iso-8859-1' });
    expect(report).toMatchObject({ posted: 2 });
    const { value } = await ledger.open.stateReader.read((db) =>
      readTransaction(db, 'client:import:2'),
    );
    expect(value).toMatchObject({ description: 'Café' });
  });

  it.each([
    [{ accountType: 'asset' }, 700n],
    [{ accountType: 'asset', sign: 'credit' }, -700n],
    [{ accountType: 'liability' }, 700n],
    [{ accountType: 'liability', sign: 'debit' }, -700n],
  ])('with %j makes +7.00 a balance of %s', async (options, balance) => {
    const ledger = await startTestLedger();
    await importOf(ledger, await fileOf([HEAD, ROW]), { ...CASH, ...options });
    expect(await postedSum(ledger)).toBe(balance);
  });

  it('refuses an account of another type than the one it was told', async () => {
    const ledger = await startTestLedger();
    await openAccount(ledger, { clientId: 'import:5', type: 'asset', currency: 'CZK' });
    const file = await fileOf([HEAD, ROW]);
    const { refused } = await importOf(ledger, file, CASH);
    expect(refused).toEqual([
      { line: 2, reason: expect.stringContaining('of type asset') as string },
    ]);
    const { report } = await importOf(ledger, file, { ...CASH, accountType: 'asset' });
    expect(report).toMatchObject({ posted: 1, refused: 0 });
  });

  it.each([
    ['a quote that is left open', ['1,2025-01-01,5,"x,1.00', ROW, ROW]],
    [
      'a quote that ends in a later row',
      ['1,2025-01-01,5,"x,1.00', ROW, '2,2025-01-01,5,x",1.00,,'],
    ],
    ['a field without end', [`1,2025-01-01,5,"${'x\n'.repeat(600_000)}",1.00`, ROW]],
  ])('posts nothing of a file with %s', async (_, rows) => {
    const ledger = await startTestLedger();
    const file = await fileOf([HEAD, '0,2025-01-01,5,x,1.00', ...rows]);
    await expect(importOf(ledger, file, CASH)).rejects.toThrow('a quote is left open before line');
    expect(await balancesOf(ledger)).toEqual(new Map());
  });

  it('asks the books again for a row that they refused', async () => {
    const ledger = await startTestLedger();
    const file = await fileOf([HEAD, ROW]);
    const options = { ...CASH, createAccounts: false };
    await openAccount(ledger, { clientId: 'cash', type: 'asset', currency: 'CZK' });
    const first = await importOf(ledger, file, options);
    expect(first.report).toMatchObject({ posted: 0, refused: 1 });
    await openAccount(ledger, { clientId: 'import:5', type: 'liability', currency: 'CZK' });
    expect((await importOf(ledger, file, options)).report).toMatchObject({ posted: 1, refused: 0 });
    expect((await importOf(ledger, file, options)).report).toMatchObject({ alreadyThere: 1 });
  });

  it('leaves no account behind of rows that were refused', async () => {
    const ledger = await startTestLedger();
    const file = await fileOf([HEAD, '1,2025-01-01,5,x,1.005', '2,2025-01-01,6,x,0.00']);
    const { report } = await importOf(ledger, file, { ...CASH, counter: 'tpyo:asset' });
    expect(report).toMatchObject({ posted: 0, refused: 2 });
    expect(await balancesOf(ledger)).toEqual(new Map());
  });

  it('tries everything in a dry run, and keeps nothing', async () => {
    const ledger = await startTestLedger();
    const file = await fileOf([HEAD, ROW, '2,2025-01-01,5,x,0.00']);
    const { report, refused } = await importOf(ledger, file, { ...CASH, dryRun: true });
    expect(report).toMatchObject({ posted: 1, refused: 1 });
    expect(refused).toHaveLength(1);
    expect(await balancesOf(ledger)).toEqual(new Map());
    expect((await importOf(ledger, file, CASH)).report).toMatchObject({ posted: 1 });
  });
});

describe('npm run import', () => {
  const flags = (file: string) => [
    ...[file, '--currency', 'CZK', '--create-accounts', '--counter', 'cash:asset'],
    ...AGAINST.flatMap((text) => ['--against', text]),
  ];

  it('is restarted after a kill without doubling anything', async () => {
    const ledger = await startTestLedger();
    const { urls } = ledger.databases;
    const lines = generatedLines(seeded(), KILLED_ROWS);
    const file = await fileOf(lines);
    const { child, ended } = await startScript('import', flags(file), urls);
    await waitFor('the first rows to be posted', async () => {
      const rows = await query(urls.state, 'select from transactions limit 1');
      return rows.length > 0;
    });
    child.kill('SIGKILL');
    expect((await ended).end).toBe('SIGKILL');
    const second = await runScript('import', flags(file), urls);
    const [, rows, posted, there] =
      /^(\d+) rows: (\d+) posted, (\d+) already there, 0 refused/.exec(second.stdout) ?? [];
    expect({ end: second.end, rows }).toEqual({ end: 0, rows: String(KILLED_ROWS) });
    expect(Number(posted)).toBeGreaterThan(0);
    expect(Number(there)).toBeGreaterThan(0);
    expect(Number(posted) + Number(there)).toBe(KILLED_ROWS);
    await expectSums(ledger, lines, 'import', AGAINST);
  });

  it('says how it is used', async () => {
    const ledger = await startTestLedger();
    const { end, stdout } = await runScript('import', ['--help'], ledger.databases.urls);
    expect(end).toBe(0);
    for (const option of ['--sign', '--status', '--currency-column', '--dry-run', '--encoding']) {
      expect(stdout).toContain(option);
    }
  });

  it('ends with 2 where rows were refused, and says which', async () => {
    const ledger = await startTestLedger();
    const file = await fileOf([HEADER, '1,1993-01-01,5,x,1.00,', '2,soon,5,x,1.00,']);
    const { end, stdout, stderr } = await runScript('import', flags(file), ledger.databases.urls);
    expect(end).toBe(2);
    expect(stderr).toBe('Line 3: date "soon" is no day as YYYY-MM-DD\n');
    expect(stdout).toMatch(/^2 rows: 1 posted, 0 already there, 1 refused \(.*\)\.\n$/);
  });
});
