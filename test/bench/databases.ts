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
  const client = new Client({ connectionString: postgres.url('postgres', 'postgres') });
  await client.connect();
  for (const name of Object.values(EXTRA)) {
    await client.query(`create database ${name} owner ${OWNER}`);
  }
  await prepareWal(client, walFiles);
  await client.end();
  const naiveUrls = { log: postgres.url(EXTRA.log), state: postgres.url(EXTRA.state) };
  const taskUrls = { log: postgres.url(EXTRA.taskLog), state: postgres.url(EXTRA.taskState) };
  await migrate(postgres.urls);
  await migrate(taskUrls);
  const interestUrls = {
    log: postgres.url(EXTRA.interestLog),
    state: postgres.url(EXTRA.interestState),
  };
  const mixedUrls = { log: postgres.url(EXTRA.mixedLog), state: postgres.url(EXTRA.mixedState) };
  await migrate(interestUrls);
  await migrate(mixedUrls);
  await migrate(naiveUrls);
  return {
    dataDir,
    urls: postgres.urls,
    naiveUrls,
    taskUrls,
    interestUrls,
    mixedUrls,
    pgbenchUrl: postgres.url(EXTRA.pgbench),
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
