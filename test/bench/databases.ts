import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { DatabaseUrls } from '../../src/database/connections';
import { EmbeddedPostgres } from '../../src/database/embedded-postgres';
import { migrate } from '../../src/database/migrator';

/** A cluster of the bench's own, with the settings that `npm start` gives the embedded one. */
export interface BenchCluster {
  readonly dataDir: string;
  /** The program's own pair of databases. */
  readonly urls: DatabaseUrls;
  /** A migrated pair for the naive path, so that it writes into the same tables. */
  readonly naiveUrls: DatabaseUrls;
  /** A migrated pair for what the service's own materializers do not know. */
  readonly taskUrls: DatabaseUrls;
  /** A migrated pair with accounts that earn interest. */
  readonly interestUrls: DatabaseUrls;
  /** A migrated pair with books that are read by date. */
  readonly datedUrls: DatabaseUrls;
  /** A migrated pair with events of every kind. */
  readonly mixedUrls: DatabaseUrls;
  /** An empty database for pgbench. */
  readonly pgbenchUrl: string;
  close(): Promise<void>;
}

const OWNER = 'truebook_owner';
const EXTRA = {
  log: 'bench_naive_log',
  state: 'bench_naive_state',
  taskLog: 'bench_task_log',
  taskState: 'bench_task_state',
  interestLog: 'bench_interest_log',
  interestState: 'bench_interest_state',
  datedLog: 'bench_dated_log',
  datedState: 'bench_dated_state',
  mixedLog: 'bench_mixed_log',
  mixedState: 'bench_mixed_state',
  pgbench: 'bench_pgbench',
};
const READABLE = 0o755;

/** @param walFiles how many files of WAL, 16 MiB each, the server has to recycle */
export async function openCluster(walFiles: number): Promise<BenchCluster> {
  const dataDir = await mkdtemp(join(tmpdir(), 'truebook-bench-'));
  // The server's own user has to reach its folder below.
  await chmod(dataDir, READABLE);
  const postgres = await EmbeddedPostgres.open(dataDir);
  const client = new Client({ connectionString: await postgres.superUrl() });
  await client.connect();
  for (const name of Object.values(EXTRA)) {
    await client.query(`create database ${name} owner ${OWNER}`);
  }
  await prepareWal(client, walFiles);
  await client.end();
  const migrated = async (owners: DatabaseUrls) => (await migrate(owners)).urls;
  const own = async (log: string, state: string) =>
    migrated({ log: await postgres.ownerUrl(log), state: await postgres.ownerUrl(state) });
  const urls = await migrated(await postgres.owners());
  const taskUrls = await own(EXTRA.taskLog, EXTRA.taskState);
  const interestUrls = await own(EXTRA.interestLog, EXTRA.interestState);
  const datedUrls = await own(EXTRA.datedLog, EXTRA.datedState);
  const mixedUrls = await own(EXTRA.mixedLog, EXTRA.mixedState);
  const naiveUrls = await own(EXTRA.log, EXTRA.state);
  return {
    dataDir,
    urls,
    naiveUrls,
    taskUrls,
    interestUrls,
    datedUrls,
    mixedUrls,
    pgbenchUrl: await postgres.ownerUrl(EXTRA.pgbench),
    close: async () => {
      await postgres.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/**
 * A server that has run for a while writes its WAL into files that it recycles. A new one makes a
 * file for every 16 MiB, which takes 50 ms each, and that would be measured instead.
 */
async function prepareWal(client: Client, files: number): Promise<void> {
  for (let i = 0; i < files; i++) {
    await client.query(`select pg_logical_emit_message(true, 'bench', '')`);
    await client.query('select pg_switch_wal()');
  }
  await client.query('checkpoint');
}
