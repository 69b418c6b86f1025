import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { testCluster } from '../../harness/cluster';
import { cloneDatabases } from '../../harness/databases';
import { runScript } from '../../harness/script';
import { startTestService, type TestService } from '../../harness/service';
import { exported } from './exported-journal';

describe('asking for a journal', () => {
  let service: TestService;
  /** The time and the position of the first transaction. */
  let known: { readonly recordedAt: string; readonly position: number };

  beforeAll(async () => {
    service = await startTestService({ databases: await cloneDatabases({ lifetime: 'file' }) });
    for (const [clientId, type] of Object.entries({ till: 'asset', sales: 'income' })) {
      const account = { clientId, name: `My ${clientId}`, type, currency: 'USD' };
      await service.api.post('/v1/accounts', account);
    }
    known = await post('2025-01-05');
    await post('2025-01-10');
    await post('2025-01-01');
  });

  async function post(effectiveDate: string) {
    const amount = '1.50';
    const { body } = await service.api.post<typeof known>('/v1/transactions', {
      ...{ description: `Sale of ${effectiveDate}`, effectiveDate },
      postings: [
        { accountId: 'client:till', direction: 'debit', amount },
        { accountId: 'client:sales', direction: 'credit', amount },
      ],
    });
    return body;
  }

  it('answers in the order of effective dates, with what was there before', async () => {
    const { text } = await exported(service, 'format=hledger&from=2025-01-02&to=2025-01-05');
    const lines = text.replace(/^ {4};.*\n/gm, '').split('\n');
    expect(lines).toEqual([
      '; Journal of Truebook for hledger, from 2025-01-02 to 2025-01-05 as known at position 5',
      ...['', 'decimal-mark .', '', 'commodity 1000.00 USD'],
      ...['account Assets:1 My till', 'account Income:2 My sales', ''],
      '2025-01-02 Opening balances',
      ...['    Assets:1 My till  1.50 USD', '    Income:2 My sales  -1.50 USD', ''],
      '2025-01-05 (3) Sale of 2025-01-05',
      ...['    Assets:1 My till  1.50 USD', '    Income:2 My sales  -1.50 USD', ''],
      '; End of the journal: 1 transactions, from 2025-01-02 to 2025-01-05 as known at position 5',
      '',
    ]);
    const { text: all } = await exported(service, 'format=ledger');
    const days = [...all.matchAll(/^2025-01-\d\d/gm)].map(([day]) => day);
    expect(days).toEqual(['2025-01-01', '2025-01-05', '2025-01-10']);
  });

  it('knows no more than was known at a position or a time', async () => {
    const { position, recordedAt } = known;
    const byPosition = await exported(service, `format=beancount&atPosition=${position}`);
    const byTime = await exported(service, `format=beancount&at=${recordedAt}`);
    const transactions = byPosition.text.match(/^2025-.*$/gm);
    expect(transactions).toEqual(['2025-01-05 * "Sale of 2025-01-05"']);
    expect(byPosition.text).toContain(`1 transactions, as known at position ${position}\n`);
    // What was recorded in the same millisecond counts too.
    expect(byTime.text.length).toBeGreaterThanOrEqual(byPosition.text.length);
    const { text } = await exported(service, 'format=ledger&at=1999-12-31T23:59:59Z');
    expect(text).not.toContain('account');
    expect(text).toMatch(/; End of the journal: 0 transactions, as known at position 0\n$/);
  });

  it.each([
    ['', '/format'],
    ['format=gnucash', '/format'],
    ['format=ledger&format=csv', '/format'],
    ['format=ledger&from=2025-02-30', '/from'],
    ['format=ledger&to=tomorrow', '/to'],
    ['format=ledger&from=2025-01-02&to=2025-01-01', '/to'],
    ['format=ledger&atPosition=0', '/atPosition'],
    ['format=ledger&atPosition=1e3', '/atPosition'],
    ['format=ledger&atPosition=999999', '/atPosition'],
    ['format=ledger&at=now', '/at'],
    ['format=ledger&at=2025-01-01T00:00:00Z&atPosition=1', '/at'],
    ['format=ledger&limit=5', '/limit'],
  ])('refuses %s', async (query, pointer) => {
    const { status, text } = await exported(service, query);
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ code: 'validation_failed', errors: [{ pointer }] });
  });

  it('needs a key', async () => {
    const { status } = await fetch(`${service.url}/v1/exports/journal?format=csv`);
    expect(status).toBe(401);
  });

  it('is done by a script too, whose file is whole or not there', async () => {
    const folder = await mkdtemp(join(testCluster().runDir, 'export-'));
    const of = ['--format', 'beancount', '--from', '2025-01-02', '--to', '2025-01-31'];
    const run = (...args: string[]) => runScript('export-books', args, service.urls);
    expect(await run(...of, join(folder, 'a.gz'))).toMatchObject({ end: 0, stdout: '' });
    const { text } = await exported(service, 'format=beancount&from=2025-01-02&to=2025-01-31');
    expect(gunzipSync(await readFile(join(folder, 'a.gz'))).toString()).toBe(text);
    const wrong = await run(...of, '--at-position', '99', join(folder, 'b'));
    expect(wrong).toMatchObject({
      end: 1,
      stderr: "--at-position must not be above the ledger's position, 5\n",
    });
    expect(await readdir(folder)).toEqual(['a.gz']);
    const unknown = await run('--format', 'x');
    expect([unknown.end, unknown.stderr.slice(0, 13)]).toEqual([1, 'Give a format']);
  });
});
