import { cpus, totalmem, type as systemName, release } from 'node:os';
import { Client } from 'pg';
import { ACCOUNTS, type Sizes } from './sizes';

const SETTINGS = [
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'shared_buffers',
  'wal_buffers',
  'max_wal_size',
  'checkpoint_timeout',
];

/** What the numbers depend on; printed with them. */
export async function readConditions(
  url: string,
  sizes: Sizes,
): Promise<Record<string, string | number>> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const version = await client.query<{ server_version: string }>('show server_version');
  const settings = await client.query<{ name: string; value: string }>(
    'select name, current_setting(name) as value from unnest($1::text[]) as u(name)',
    [SETTINGS],
  );
  await client.end();
  return {
    date: new Date().toISOString(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    'memory GiB': Math.round(totalmem() / 1024 ** 3),
    system: `${systemName()} ${release()}`,
    node: process.version,
    postgres: version.rows[0]!.server_version,
    'postgres settings': settings.rows.map((s) => `${s.name}=${s.value}`).join(' '),
    'state database': 'synchronous_commit=off for the state alone',
    'recycled WAL files': sizes.walFiles,
    accounts: ACCOUNTS,
    'seconds of engine': sizes.engineMs / 1000,
    'seconds of HTTP': sizes.httpSeconds,
    'seconds of pgbench': sizes.pgbenchSeconds,
    rounds: sizes.rounds,
  };
}
