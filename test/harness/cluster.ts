import { Client, type QueryResultRow } from 'pg';
import { clientConfig } from '../../src/database/connections';

/** Where a run's PostgreSQL is; handed from the global set-up to the workers by the environment. */
const VARIABLES = {
  superUrl: 'TRUEBOOK_TEST_SUPER_URL',
  ownerUrl: 'TRUEBOOK_TEST_OWNER_URL',
  runDir: 'TRUEBOOK_TEST_RUN_DIR',
} as const;

/** One PostgreSQL serves a whole run of the tests. */
export interface TestCluster {
  /** The database `postgres` as the superuser. */
  readonly superUrl: string;
  /** The database `postgres` as the role that owns the program's databases. */
  readonly ownerUrl: string;
  /** A folder of this run alone; removed at its end. */
  readonly runDir: string;
}

export function announceCluster(cluster: TestCluster): void {
  process.env[VARIABLES.superUrl] = cluster.superUrl;
  process.env[VARIABLES.ownerUrl] = cluster.ownerUrl;
  process.env[VARIABLES.runDir] = cluster.runDir;
}

export function testCluster(): TestCluster {
  const read = (name: string) => {
    const value = process.env[name];
    if (value === undefined) throw new Error(`${name} is missing: run the specs with npm test`);
    return value;
  };
  return {
    superUrl: read(VARIABLES.superUrl),
    ownerUrl: read(VARIABLES.ownerUrl),
    runDir: read(VARIABLES.runDir),
  };
}

/** The same server and user, another database. */
export function databaseUrl(url: string, database: string): string {
  const parsed = new URL(url);
  parsed.pathname = `/${database}`;
  return parsed.href;
}

const TIMEOUTS = { lockTimeoutMs: 30_000, statementTimeoutMs: 60_000 };

/** Runs `work` on a connection of its own, without any role but that of the URL. */
export async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(clientConfig(url, undefined, TIMEOUTS));
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The rows that one statement answers. */
export function query<Row extends QueryResultRow>(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  return withClient(url, async (client) => (await client.query<Row>(text, [...values])).rows);
}
