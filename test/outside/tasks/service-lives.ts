import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { clientConfig } from '../../../src/database/connections';
import {
  changedAddresses,
  expectEachToldOnce,
  expectNoTrace,
  settledAddresses,
  type TestCompany,
} from '../../harness/address-changes';
import { query, testCluster } from '../../harness/cluster';
import { cloneDatabases, type TestDatabases } from '../../harness/databases';
import { MailServer } from '../../harness/mail-server';
import { spawnService, type SpawnedService } from '../../harness/service';
import { waitFor } from '../../harness/waiting';
import type { StartQueue, TestQueue } from './queue-backends';

const ENV = {
  LOG_LEVEL: 'debug',
  SECRETS_KEY: '5'.repeat(64),
  TASK_POLL_MS: '100',
  TASK_SWEEP_MS: '200',
  TASK_LOCK_MS: '1000',
  // Whatever is done here is done by the sweep at start, or when the lock of a job has run out.
  TASK_GRACE_MS: '600000',
};

const LOCK_TIMEOUTS = { lockTimeoutMs: 10_000, statementTimeoutMs: 30_000 };

/** One life of the service after the other, on the same databases, queue and mail server. */
export class Lives {
  service!: SpawnedService;
  private printed = '';

  private constructor(
    readonly databases: TestDatabases,
    readonly queue: TestQueue,
    readonly mail: MailServer,
  ) {}

  static async start(startQueue: StartQueue, env: Record<string, string> = {}): Promise<Lives> {
    const databases = await cloneDatabases();
    const queue = await startQueue(databases.urls);
    databases.onEnd(() => queue.close());
    const mail = await MailServer.start();
    databases.onEnd(() => mail.close());
    const lives = new Lives(databases, queue, mail);
    await lives.begin(env);
    return lives;
  }

  async begin(more: Record<string, string> = {}): Promise<void> {
    const { redisUrl } = this.queue.options;
    const { urls } = this.databases;
    const env = { ...ENV, SMTP_URL: this.mail.url, ...(redisUrl && { REDIS_URL: redisUrl }) };
    this.service = await spawnService({ urls, env: { ...env, ...more } });
  }

  async kill(): Promise<void> {
    this.service.kill('SIGKILL');
    await this.service.exited;
    this.printed += this.service.output();
  }

  /** Looks at what the service and the databases' server printed, and at what is in the queue. */
  async expectNoTrace(): Promise<void> {
    const printed = this.printed + this.service.output() + (await databaseLog());
    expectNoTrace(printed + (await this.queue.dump()));
  }
}

/** What PostgreSQL wrote about statements that failed, in this run of the tests. */
async function databaseLog(): Promise<string> {
  const folder = join(testCluster().runDir, 'postgres', 'log');
  const files = await readdir(folder);
  const texts = files.map((file) => readFile(join(folder, file), 'utf8'));
  const text = (await Promise.all(texts)).join('\n');
  expect(text).toContain('LOG:');
  return text;
}

/** A table that nobody else can write, or use at all, until it is let go. */
export class HeldTable {
  private constructor(
    private readonly url: string,
    private readonly client: Client,
    private readonly table: string,
  ) {}

  /** A table of a pair's log or state database. */
  static async hold(
    databases: TestDatabases,
    of: 'log' | 'state',
    table: string,
  ): Promise<HeldTable> {
    const url = databases.superUrls[of];
    const client = new Client(clientConfig(url, undefined, LOCK_TIMEOUTS));
    databases.onEnd(() => client.end());
    await client.connect();
    await client.query('begin');
    await client.query(`lock table ${table} in access exclusive mode`);
    return new HeldTable(url, client, table);
  }

  /** Waits until somebody wants the table. */
  async untilWanted(): Promise<void> {
    await waitFor(`somebody to want ${this.table}`, async () => {
      const rows = await query(
        this.url,
        `select from pg_locks where relation = $1::regclass and not granted
           and database = (select oid from pg_database where datname = current_database())`,
        [this.table],
      );
      return rows.length > 0;
    });
  }

  /** Ends the statements that wait: a server would carry out those of a client that was killed. */
  async letGo(): Promise<void> {
    await query(
      this.url,
      `select pg_terminate_backend(pid, 5000) from pg_locks where not granted
         and database = (select oid from pg_database where datname = current_database())`,
    );
    await this.client.end();
  }
}

/** The statuses of the changed addresses, with the attempts at telling of them. */
export async function outcomes({ databases }: Lives): Promise<[string, number][]> {
  const changed = await changedAddresses(databases.urls);
  return changed.map(({ status, attempts }) => [status, attempts]);
}

/** Waits until everything is told, and looks whether it was told once. */
export async function expectToldAtLast(
  lives: Lives,
  companies: readonly TestCompany[],
): Promise<void> {
  const changed = await settledAddresses(lives.databases.urls);
  expectEachToldOnce(lives.mail, companies, changed);
  await lives.expectNoTrace();
}
