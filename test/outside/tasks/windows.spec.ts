import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { clientConfig } from '../../../src/database/connections';
import {
  changeAddress,
  changedAddresses,
  createCompanies,
  expectEachToldOnce,
  expectNoTrace,
  settledAddresses,
  taskIdOf,
  type TestCompany,
} from '../../harness/address-changes';
import { query, testCluster } from '../../harness/cluster';
import { cloneDatabases, type TestDatabases } from '../../harness/databases';
import { MailServer } from '../../harness/mail-server';
import { spawnService, type SpawnedService } from '../../harness/service';
import { waitFor } from '../../harness/waiting';
import { BACKENDS, type StartQueue, type TestQueue } from './queue-backends';

const ENV = {
  LOG_LEVEL: 'debug',
  SECRETS_KEY: '5'.repeat(64),
  TASK_POLL_MS: '100',
  TASK_SWEEP_MS: '200',
  TASK_LOCK_MS: '1000',
  // Whatever is done here is done by the sweep at start, or when the lock of a job has run out.
  TASK_GRACE_MS: '600000',
};

jest.setTimeout(120_000);

const LOCK_TIMEOUTS = { lockTimeoutMs: 10_000, statementTimeoutMs: 30_000 };

/** One life of the service after the other, on the same databases, queue and mail server. */
class Lives {
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
class HeldTable {
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
async function outcomes({ databases }: Lives): Promise<[string, number][]> {
  const changed = await changedAddresses(databases.urls);
  return changed.map(({ status, attempts }) => [status, attempts]);
}

async function expectToldAtLast(lives: Lives, companies: readonly TestCompany[]): Promise<void> {
  const changed = await settledAddresses(lives.databases.urls);
  expectEachToldOnce(lives.mail, companies, changed);
  await lives.expectNoTrace();
}

const [[, onPostgres]] = BACKENDS;

describe('a service killed on the way from the log to the queue', () => {
  it('after the commit of the log, before any hand-over: the next one does it', async () => {
    const lives = await Lives.start(onPostgres);
    const companies = await createCompanies(lives.service.api, 2);
    const table = await HeldTable.hold(lives.databases, 'log', 'task_dispatch');
    for (const [i, company] of companies.entries()) {
      const answer = await changeAddress(lives.service.api, company, `key ${i}`);
      expect(answer.status).toBe(200);
    }
    await table.untilWanted();
    await lives.kill();
    await table.letGo();
    expect(await outcomes(lives)).toEqual(Array(2).fill(['recorded', 0]));
    expect(await lives.queue.countJobs()).toBe(0);

    await lives.begin();
    await expectToldAtLast(lives, companies);
    expect(await outcomes(lives)).toEqual(Array(2).fill(['done', 1]));
    expect(lives.mail.mails).toHaveLength(2);
  });

  it('after the hand-over was noted, before the queue had it: the next sweep does it', async () => {
    const lives = await Lives.start(onPostgres);
    const companies = await createCompanies(lives.service.api, 2);
    const table = await HeldTable.hold(lives.databases, 'state', 'bullmq.job');
    const [first, second] = companies;
    await changeAddress(lives.service.api, first!, 'first');
    await table.untilWanted();
    // Waits in the log for the queue to take the first one.
    await changeAddress(lives.service.api, second!, 'second');
    await lives.kill();
    await table.letGo();
    expect(await outcomes(lives)).toEqual([
      ['queued', 0],
      ['recorded', 0],
    ]);
    expect(await lives.queue.countJobs()).toBe(0);

    await lives.begin();
    await expectToldAtLast(lives, companies);
    expect(await outcomes(lives)).toEqual(Array(2).fill(['done', 1]));
    expect(lives.mail.mails).toHaveLength(2);
  });

  it('after one of a company was done, before its next one was in the queue', async () => {
    const lives = await Lives.start(onPostgres);
    const companies = await createCompanies(lives.service.api, 1);
    let table: HeldTable | undefined;
    lives.mail.onMail = async () => {
      lives.mail.onMail = () => undefined;
      for (const key of ['second', 'third']) {
        await changeAddress(lives.service.api, companies[0]!, key);
      }
      await waitFor('both to wait for the first', async () =>
        (await outcomes(lives)).slice(1).every(([status]) => status === 'queued'),
      );
      table = await HeldTable.hold(lives.databases, 'state', 'bullmq.job');
    };
    await changeAddress(lives.service.api, companies[0]!, 'first');
    await waitFor('the first to be done', async () => (await outcomes(lives))[0]?.[0] === 'done');
    await lives.kill();
    await table!.letGo();
    expect((await outcomes(lives)).slice(1)).toEqual(Array(2).fill(['queued', 0]));

    await lives.begin();
    await expectToldAtLast(lives, companies);
    expect(await outcomes(lives)).toEqual(Array(3).fill(['done', 1]));
    expect(lives.mail.mails).toHaveLength(3);
  });
});

describe.each(BACKENDS)(
  'a service killed while a task is done, with the queue on %s',
  (_, start) => {
    it('when the mail was there and not answered: it comes again under the same id', async () => {
      const lives = await Lives.start(start);
      const companies = await createCompanies(lives.service.api, 1);
      const killed = new Promise<void>((done) => {
        lives.mail.onMail = async () => {
          lives.mail.onMail = () => undefined;
          await lives.kill();
          done();
        };
      });
      expect(await changeAddress(lives.service.api, companies[0]!, 'key')).toMatchObject({
        status: 200,
      });
      await killed;
      expect(await outcomes(lives)).toEqual([['running', 1]]);

      await lives.begin();
      await expectToldAtLast(lives, companies);
      expect(await outcomes(lives)).toEqual([['done', 2]]);
      expect(lives.mail.mails).toHaveLength(2);
      expect(new Set(lives.mail.mails.map(taskIdOf)).size).toBe(1);
    }, 60_000);

    it('when the mail was taken, and not noted: it comes again under the same id', async () => {
      const lives = await Lives.start(start);
      const companies = await createCompanies(lives.service.api, 1);
      let table: HeldTable | undefined;
      lives.mail.onMail = async () => {
        lives.mail.onMail = () => undefined;
        // The attempt has begun, so what wants the table next is the record of its end.
        table = await HeldTable.hold(lives.databases, 'log', 'task_delivery');
      };
      await changeAddress(lives.service.api, companies[0]!, 'key');
      await waitFor('the mail', () => table);
      await waitFor('the record of its end', async () => {
        const waiting = await query(
          lives.databases.superUrls.log,
          `select from pg_stat_activity where datname = current_database()
           and wait_event_type = 'Lock' and query like '%"done_at" = case%'`,
        );
        return waiting.length > 0;
      });
      await lives.kill();
      await table!.letGo();
      expect(await outcomes(lives)).toEqual([['running', 1]]);

      await lives.begin();
      await expectToldAtLast(lives, companies);
      expect(await outcomes(lives)).toEqual([['done', 2]]);
      expect(lives.mail.mails).toHaveLength(2);
      expect(new Set(lives.mail.mails.map(taskIdOf)).size).toBe(1);
    }, 60_000);

    it('when a task waits for its instant: the next one does it, and not before', async () => {
      const lives = await Lives.start(start);
      const { urls } = lives.databases;
      const companies = await createCompanies(lives.service.api, 1);
      await changeAddress(lives.service.api, companies[0]!, 'key');
      await settledAddresses(urls);
      // Asked for by hand, so that no rebuild would ask for it.
      lives.databases.isChecked = false;
      const [later] = await query<{ not_before: string }>(
        urls.log,
        `insert into task_log (position, ordinal, task_id, name, subject, payload, not_before)
         select position, ordinal + 1, gen_random_uuid(), name, subject, payload,
           date_trunc('milliseconds', now() + interval '4 s')
         from task_log returning not_before`,
      );
      let toldAt = 0;
      lives.mail.onMail = () => void (toldAt = Date.now());
      const statuses = async () => {
        const deliveries = 'select status from task_delivery order by position, ordinal';
        return (await query<{ status: string }>(urls.log, deliveries)).map((d) => d.status);
      };
      await waitFor('it to be deferred', async () => (await statuses()).includes('deferred'));
      await lives.kill();
      expect(await statuses()).toEqual(['done', 'deferred']);
      expect(await lives.queue.countJobs()).toBe(0);

      await lives.begin();
      await waitFor('it to be done', async () => (await statuses())[1] === 'done');
      expect(toldAt).toBeGreaterThanOrEqual(Date.parse(later!.not_before));
      expect(lives.mail.mails).toHaveLength(2);
    });

    it('when it only hands over: the task stays in the queue for a worker', async () => {
      const lives = await Lives.start(start, { ROLE: 'api' });
      const companies = await createCompanies(lives.service.api, 2);
      for (const [i, company] of companies.entries()) {
        await changeAddress(lives.service.api, company, `key ${i}`);
      }
      await waitFor('the jobs', async () => (await lives.queue.countJobs()) === 2);
      await lives.kill();
      expect(await outcomes(lives)).toEqual(Array(2).fill(['queued', 0]));
      expect(lives.mail.mails).toHaveLength(0);

      await lives.begin({ ROLE: 'worker' });
      await expectToldAtLast(lives, companies);
      expect(await outcomes(lives)).toEqual(Array(2).fill(['done', 1]));
      expect(lives.mail.mails).toHaveLength(2);
    }, 60_000);
  },
);
