import { Client, Pool, type QueryResultRow } from 'pg';
import { clientConfig } from '../../src/database/connections';

/** Where a run's PostgreSQL is; handed from the global set-up to the workers by the environment. */
const VARIABLES = {
  superUrl: 'TRUEBOOK_TEST_SUPER_URL',
  ownerUrl: 'TRUEBOOK_TEST_OWNER_URL',
  logServiceUrl: 'TRUEBOOK_TEST_LOG_SERVICE_URL',
  stateServiceUrl: 'TRUEBOOK_TEST_STATE_SERVICE_URL',
  runDir: 'TRUEBOOK_TEST_RUN_DIR',
} as const;

/** One PostgreSQL serves a whole run of the tests. */
export interface TestCluster {
  /** The database `postgres` as the superuser. */
  readonly superUrl: string;
  /** The database `postgres` as the role that owns the program's databases. */
  readonly ownerUrl: string;
  /** A log and a state database as a service logs in. */
  readonly logServiceUrl: string;
  readonly stateServiceUrl: string;
  /** A folder of this run alone; removed at its end. */
  readonly runDir: string;
}

export function announceCluster(cluster: TestCluster): void {
  for (const [field, variable] of Object.entries(VARIABLES)) {
    process.env[variable] = cluster[field as keyof TestCluster];
  }
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
    logServiceUrl: read(VARIABLES.logServiceUrl),
    stateServiceUrl: read(VARIABLES.stateServiceUrl),
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

/** Connections of {@link query} by URL: what is waited for is asked again and again. */
const pools = new Map<string, Pool>();

/** The rows that one statement answers. */
export async function query<Row extends QueryResultRow>(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  return (await poolOf(url).query<Row>(text, [...values])).rows;
}

function poolOf(url: string): Pool {
  const known = pools.get(url);
  if (known) return known;
  const config = { ...clientConfig(url, undefined, TIMEOUTS), application_name: 'test' };
  const pool = new Pool({ ...config, allowExitOnIdle: true });
  // One that a spec has cut is replaced by the next query.
  pool.on('error', () => undefined);
  pools.set(url, pool);
  return pool;
}

/** Ends the connections of {@link query}, but for those to the run's database `postgres`. */
export async function endQueries(): Promise<void> {
  for (const [url, pool] of [...pools]) {
    if (url === process.env[VARIABLES.superUrl]) continue;
    pools.delete(url);
    await pool.end();
  }
}

/** Ends all connections of {@link query}. */
export async function endAllQueries(): Promise<void> {
  await Promise.all([...pools.values()].map((pool) => pool.end()));
  pools.clear();
}
