import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseUrls } from '../../src/database/connections';
import { migrate } from '../../src/database/migrator';
import { ProbeFailed, probeDatabases } from '../../src/engine/startup-probe';
import { query, testCluster, withClient } from '../harness/cluster';
import { cloneDatabases } from '../harness/databases';
import { endCluster, openCluster, ownClusterFolder } from '../harness/own-cluster';
import { DatabaseProxy } from '../harness/proxy';
import { waitFor } from '../harness/waiting';

const LOCK_TIMEOUT_MS = 1_000;
const probe = (urls: DatabaseUrls) => probeDatabases(urls, LOCK_TIMEOUT_MS);

describe('the start-up probe', () => {
  it('accepts two good databases, and again while it holds nothing', async () => {
    const { urls } = await cloneDatabases();
    await probe(urls);
    await Promise.all([probe(urls), probe(urls)].map((p) => p.catch(() => undefined)));
    await probe(urls);
  });

  it.each([
    ['log', 'lock table only event_log'],
    ['state', 'lock table event_log_state'],
  ] as const)('refuses a %s database whose lock does not exclude', async (name, lock) => {
    const databases = await cloneDatabases();
    const proxy = await DatabaseProxy.start(databases.urls[name]);
    databases.onEnd(() => proxy.close());
    // As a pooler does that gives every statement a session of its own.
    proxy.rewrite = (text) => (text.startsWith(lock) ? 'select 1' : text);
    const failure = probe({ ...databases.urls, [name]: proxy.url });
    await expect(failure).rejects.toThrow(ProbeFailed);
    await expect(failure).rejects.toThrow(`The ${name} database let two sessions hold`);
  });

  it('refuses sessions in which the triggers of the log are off', async () => {
    const { urls } = await cloneDatabases();
    const database = new URL(urls.log).pathname.slice(1);
    const { superUrl } = testCluster();
    await query(superUrl, `alter database ${database} set session_replication_role = replica`);
    const failure = probe(urls);
    await expect(failure).rejects.toThrow(ProbeFailed);
    await expect(failure).rejects.toThrow('session_replication_role "replica", not "origin"');
  });

  it('refuses sessions whose commits are answered before they are on disk', async () => {
    const databases = await cloneDatabases();
    const proxy = await DatabaseProxy.start(databases.urls.log);
    databases.onEnd(() => proxy.close());
    // As with a pooler that drops what a session begins with.
    const server = "select false as standby, 'on' as fsync, 'on' as full_page_writes";
    const off = `${server}, 170000 as version, set_config('synchronous_commit', 'off', false)`;
    proxy.rewrite = (text) => (text.startsWith('select pg_is_in_recovery') ? off : text);
    const failure = probe({ ...databases.urls, log: proxy.url });
    await expect(failure).rejects.toThrow(ProbeFailed);
    await expect(failure).rejects.toThrow('synchronous_commit "off", not "on"');
  });

  it.each(['log', 'state'] as const)(
    'refuses readers of the %s with settings of their own',
    async (name) => {
      const databases = await cloneDatabases();
      const proxy = await DatabaseProxy.start(databases.urls[name]);
      databases.onEnd(() => proxy.close());
      let asked = 0;
      // The writer's session is asked first, and is what it is to be.
      proxy.rewrite = (text) => {
        if (!text.startsWith('select pg_is_in_recovery') || ++asked < 2) return text;
        const server = "select false as standby, 'on' as fsync, 'on' as full_page_writes";
        return `${server}, 170000 as version, set_config('TimeZone', 'Europe/Berlin', false)`;
      };
      const failure = probe({ ...databases.urls, [name]: proxy.url });
      await expect(failure).rejects.toThrow(ProbeFailed);
      await expect(failure).rejects.toThrow(
        `The sessions of the ${name} database have TimeZone "Europe/Berlin", not "UTC"`,
      );
    },
  );

  it('waits for a lock that others hold, and gives up after the lock timeout', async () => {
    const { urls } = await cloneDatabases();
    await withClient(urls.log, async (client) => {
      await client.query('begin');
      await client.query('lock table only event_log in exclusive mode');
      await expect(probe(urls)).rejects.toMatchObject({ code: '55P03' });
      await client.query('rollback');
    });
    await probe(urls);
  });

  it('refuses a log that would lose commits, and a standby', async () => {
    const folder = await ownClusterFolder();
    const cluster = await openCluster(folder);
    const urls = await cluster.owners();
    const superUrl = await cluster.superUrl();
    const set = async (name: string, value: string) => {
      await query(superUrl, `alter system set ${name} = ${value}`);
      await query(superUrl, 'select pg_reload_conf()');
      await waitFor(`${name} to be ${value}`, async () => {
        const [row] = await query<{ is: string }>(
          superUrl,
          `select current_setting('${name}') as is`,
        );
        return row?.is === value;
      });
    };
    try {
      await migrate(urls);
      await probe(urls);
      for (const setting of ['fsync', 'full_page_writes']) {
        await set(setting, 'off');
        await expect(probe(urls)).rejects.toThrow('The log database runs with fsync');
        await set(setting, 'on');
      }
      await probe(urls);
      await cluster.close();
      await writeFile(join(folder, 'postgres', 'standby.signal'), '');
      // It starts: whatever it needs is there already.
      const standby = await openCluster(folder);
      await expect(probe(urls)).rejects.toThrow('The log database is a standby');
      await standby.close();
    } finally {
      await endCluster(folder, 'SIGINT').catch(() => undefined);
    }
  }, 120_000);
});
