import { execFile } from 'node:child_process';
import { access, constants, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';

const run = promisify(execFile);
const CLIENTS = 64;
const THREADS = 2;
const DEBIAN_VERSIONS = '/usr/lib/postgresql';

/** What an event of a transfer looks like, so that a row is as large as one of the log. */
const ROW = JSON.stringify({
  transactionId: '01a1fc55-8c05-731e-86cb-3b6ca3d174ad',
  description: 'transfer',
  effectiveDate: '2026-11-21',
  postings: ['debit', 'credit'].map((direction) => ({
    accountId: '01a1fc55-8b94-7205-92a2-35586cfb13d4',
    direction,
    amount: '1.00',
    currency: 'USD',
    balanceAfter: '-1.00',
  })),
});

/** @throws Error with a sentence that says how to get it */
export async function findPgbench(): Promise<string> {
  const versions = await readdir(DEBIAN_VERSIONS).catch(() => []);
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    ...versions.sort((a, b) => Number(b) - Number(a)).map((v) => join(DEBIAN_VERSIONS, v, 'bin')),
  ];
  for (const folder of folders) {
    const file = join(folder, 'pgbench');
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  throw new Error(
    'pgbench is missing: install it with "apt-get install postgresql" (Debian and Ubuntu) or ' +
      '"postgresql-contrib" (others), or put the folder that has it in PATH',
  );
}

/** One-row inserts, each a transaction of its own, by 64 clients. @returns commits a second */
export async function measurePgbench(
  pgbench: string,
  url: string,
  seconds: number,
): Promise<number> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query('drop table if exists one_row');
  await client.query(`
    create table one_row (position bigint generated always as identity primary key, data jsonb)`);
  await client.end();
  const folder = await mkdtemp(join(tmpdir(), 'truebook-pgbench-'));
  try {
    const script = join(folder, 'insert.sql');
    await writeFile(script, `insert into one_row (data) values ('${ROW}');\n`);
    // Without a shell nothing takes the quotes of the row apart.
    const { stdout } = await run(
      pgbench,
      ['--no-vacuum', '--protocol=prepared', `--client=${CLIENTS}`, `--jobs=${THREADS}`].concat(
        `--time=${seconds}`,
        `--file=${script}`,
        url,
      ),
      { cwd: folder },
    );
    const tps = /^tps = ([\d.]+)/m.exec(stdout)?.[1];
    if (tps === undefined) throw new Error(`pgbench said no tps: ${stdout}`);
    return Number(tps);
  } finally {
    await rm(folder, { recursive: true });
  }
}
