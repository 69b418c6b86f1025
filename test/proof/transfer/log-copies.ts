import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { ChangeCompanyAddress, CreateCompany } from '../../../src/books/companies/company.creators';
import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import { exportLog } from '../../../src/proof/transfer/export-log';
import { testCluster, withClient } from '../../harness/cluster';
import { cloneDatabases, type TestDatabases } from '../../harness/databases';
import { startTestLedger, type TestLedger } from '../../harness/ledger';
import type { Random } from '../../harness/seed';
import { mixedBooks } from '../replay/mixed-books';

const COMPANIES = 5;
/** Small, so that few events make many pages. */
export const PAGE_ROWS = 60;

/** What must be the same in two installations of one ledger. What ran is queued in the other. */
const DUMPED: Record<string, string> = {
  event_log: 't::text',
  event_backup: 't::text',
  event_types: 't::text',
  command_log: 't::text',
  task_log: 't::text',
  task_delivery: `replace(t::text, ',running,', ',queued,')`,
  task_dispatch: 't::text',
};

/** Every row of a log as text, by table. */
export function dumpLog(url: string): Promise<Record<string, string[]>> {
  return withClient(url, async (client) => {
    const dump: Record<string, string[]> = {};
    for (const [table, row] of Object.entries(DUMPED)) {
      const { rows } = await client.query<{ row: string }>(
        `select ${row} as row from ${table} t order by 1`,
      );
      dump[table] = rows.map((r) => r.row);
    }
    return dump;
  });
}

/** Rows of a log by table, so that specs see that there was something to move. */
export function counted(dump: Record<string, string[]>): Record<string, number> {
  return Object.fromEntries(Object.entries(dump).map(([table, rows]) => [table, rows.length]));
}

/** A path of this run for a file that is not there yet. */
export function newFile(extension = '.log'): string {
  return join(testCluster().runDir, `export-${randomBytes(6).toString('hex')}${extension}`);
}

/** Exports a log in small pages. @returns the path */
export async function exported({ urls }: TestDatabases, extension?: string): Promise<string> {
  const file = newFile(extension);
  await exportLog({ url: urls.log, to: file, pageRows: PAGE_ROWS });
  return file;
}

/** Books of every kind, with tasks, with commands before the first event and after the last. */
export async function someBooks(random: Random, commands: number): Promise<TestLedger> {
  const ledger = await startTestLedger();
  await refuseSome(ledger, 'before');
  await mixedBooks(ledger, random, commands);
  for (let i = 0; i < COMPANIES; i++) await changeAddresses(ledger, `company ${i}`);
  await refuseSome(ledger, 'after');
  return ledger;
}

/** Refused under keys of their own, which leaves no event. */
export async function refuseSome(ledger: TestLedger, prefix: string, count = 5): Promise<void> {
  for (let i = 0; i < count; i++) {
    const posting = { accountId: 'client:nobody', amount: '1' };
    const postings = (['debit', 'credit'] as const).map((direction) => ({ ...posting, direction }));
    const options = { idempotencyKey: `${prefix} ${i}` };
    await ledger.refuse(PostTransaction, { description: 'Refused', postings }, options);
  }
}

/** A company whose contact is to be told of a change. */
export async function changeAddresses(ledger: TestLedger, name: string): Promise<void> {
  const addressOf = (line1: string) => ({ line1, city: 'Bath', postalCode: 'BA1', country: 'GB' });
  const company = { name, contactEmail: 'them@example.com', address: addressOf('1 Old "Road"') };
  const { id } = await ledger.accept(CreateCompany, company);
  const change = { companyId: id, address: addressOf('2 New\\Road') };
  await ledger.accept(ChangeCompanyAddress, change, { idempotencyKey: `change ${name}` });
}

/** A fresh installation whose books are not checked until {@link startTestLedger} has them. */
export async function freshInstallation(): Promise<TestDatabases> {
  const databases = await cloneDatabases();
  databases.isChecked = false;
  return databases;
}
