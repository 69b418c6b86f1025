import { createServer, connect, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { OpenAccount } from '../../src/books/accounts/account.creators';
import { ROLES, writerConnection } from '../../src/database/connections';
import type { Creator } from '../../src/engine/define/creator';
import type { WriterConnection } from '../../src/database/writer-connection';
import { Execution } from '../../src/engine/write/execution';
import type { Sealed } from '../../src/engine/write/sealed';
import { BookDays } from '../../src/money/book-days';
import { systemClock } from '../../src/engine/define/ids';
import { Registry } from '../../src/engine/define/registry';
import { BufferedSession } from '../../src/engine/session/buffered-session';
import { aheadOfLocks } from '../../src/engine/session/session-mode';
import { WritePath } from '../../src/engine/write/write-path';
import { features } from '../../src/features';
import { query } from '../harness/cluster';
import { cloneDatabases, type TestDatabases } from '../harness/databases';
import { DatabaseProxy } from '../harness/proxy';
import { gate, waitFor } from '../harness/waiting';

const TIMEOUTS = { lockTimeoutMs: 5_000, statementTimeoutMs: 10_000 };

describe('a connection of the write path', () => {
  it('that opens too late takes nothing from the one that came after it', async () => {
    const { urls, onEnd } = ends(await cloneDatabases());
    const { url, release, close } = await slowFirst(urls.log);
    onEnd(close);
    const connection = writerConnection(url, ROLES.logWriter, TIMEOUTS);
    onEnd(() => connection.close());
    const late = connection.connect();
    const lateEnd = late.then(
      () => 'opened',
      (error: Error) => error.message,
    );
    await connection.connect();
    const pid = await backendOf(connection);
    release();
    expect(await lateEnd).toMatch(/given up/);
    expect(await backendOf(connection)).toEqual(pid);
  });

  it('that breaks with the bytes that open it was not opened', async () => {
    const { urls, onEnd } = ends(await cloneDatabases());
    const proxy = await DatabaseProxy.start(urls.log);
    onEnd(() => proxy.close());
    const connection = writerConnection(proxy.url, ROLES.logWriter, TIMEOUTS);
    onEnd(() => connection.close());
    proxy.endsSessionsAtOnce = true;
    await expect(connection.connect()).rejects.toThrow('terminating connection');
    expect(connection.isOpen).toBe(false);
    proxy.endsSessionsAtOnce = false;
    expect(await connection.connect()).toBe(true);
    expect(await backendOf(connection)).toBeDefined();
  });
});

describe('a batch that was sent ahead', () => {
  it.each(['log', 'state'] as const)(
    'is sent again where the connection to the %s was lost meanwhile',
    async (lost) => {
      const { databases, log, state, path, first, second } = await twoBatches();
      const { urls } = databases;
      await commitBoth(path, first, second);
      await waitFor('the second batch to be sent ahead', async () => {
        const waiting = await writers(databases);
        return waiting.every((w) => w.state === 'idle in transaction') && waiting.length === 2;
      });
      const [writer] = (await writers(databases)).filter((w) => w.application.includes(lost));
      await query(databases.superUrls.log, 'select pg_terminate_backend($1)', [writer!.pid]);
      await waitFor('the loss to be seen', () => !(lost === 'log' ? log : state).isOpen);

      expect(await path.lock()).toMatchObject({ isUnchanged: true });
      await path.flush(second);
      await commitBoth(path, second);
      await expectBoth(urls);
    },
  );

  it('is not sent over a later connection to the state, where the log is locked late', async () => {
    const { databases, state, path, first, second } = await twoBatches();
    const { urls, superUrls } = databases;
    const other = writerConnection(urls.log, ROLES.logWriter, TIMEOUTS);
    databases.onEnd(() => other.close());
    await other.connect();
    const othersLock = other.send('begin; lock table only event_log in exclusive mode');
    await waitFor('another process to wait for the log', () => isWaiting(databases, 1));
    await commitBoth(path, first, second);
    await othersLock;
    await waitFor('the locks that were asked for ahead', () => isWaiting(databases, 1));
    const writer = (await writers(databases)).find((w) => w.application.includes('state'));
    await query(superUrls.state, 'select pg_terminate_backend($1)', [writer!.pid]);
    await waitFor('the loss to be seen', () => !state.isOpen);

    const locked = path.lock();
    await waitFor('a new connection to the state', () => state.isOpen);
    await other.send('rollback');
    expect(await locked).toMatchObject({ isUnchanged: true });
    await path.flush(second);
    await commitBoth(path, second);
    await expectBoth(urls);
  });
});

/** A write path under its locks, with one batch to be committed and one to be sent ahead. */
async function twoBatches() {
  const databases = await cloneDatabases();
  const { urls } = databases;
  const log = writerConnection(urls.log, ROLES.logWriter, TIMEOUTS);
  const state = writerConnection(urls.state, ROLES.stateWriter, TIMEOUTS);
  databases.onEnd(() => log.close());
  databases.onEnd(() => state.close());
  const registry = new Registry(features);
  const path = new WritePath(registry, log, state, healNothing, systemClock);
  const scope = {
    registry,
    clock: systemClock,
    days: new BookDays('UTC'),
    log: undefined as never,
  };
  await path.lock();
  const mode = aheadOfLocks(() => Promise.resolve([]));
  const session = new BufferedSession(registry.tables, path.head, mode);
  const execution = new Execution(session, scope, '');
  const first = await opening('First', execution);
  const second = await opening('Second', new Execution(session, scope, '', execution));
  await path.flush(first);
  return { databases, log, state, path, first, second };
}

/** Both commits, with what is sent behind them. */
async function commitBoth(path: WritePath, sealed: Sealed, next?: Sealed): Promise<void> {
  await path.commitLog(sealed, next && { sealed: next });
  await path.commitState();
}

const healNothing = () => Promise.reject(new Error('Nothing was to be healed'));

/** Checks that both batches are in both databases, once. */
async function expectBoth(urls: TestDatabases['urls']): Promise<void> {
  for (const [url, text] of [
    [urls.log, 'select max(position) as n from event_log'],
    [urls.state, 'select position as n from state.event_log_state'],
    [urls.state, 'select count(*) as n from state.accounts'],
  ] as const) {
    expect(await query(url, text)).toEqual([{ n: 2 }]);
  }
}

/** Whether so many sessions wait for the lock of the log. */
async function isWaiting({ urls, superUrls }: TestDatabases, sessions: number): Promise<boolean> {
  const [waiting] = await query<{ count: number }>(
    superUrls.log,
    `select count(*) from pg_stat_activity where datname = $1 and wait_event_type = 'Lock'`,
    [new URL(urls.log).pathname.slice(1)],
  );
  return waiting!.count === sessions;
}

/** `onEnd` without its object. */
function ends(databases: TestDatabases) {
  return { urls: databases.urls, onEnd: databases.onEnd.bind(databases) };
}

async function opening(name: string, execution: Execution): Promise<Sealed> {
  const creator = OpenAccount as unknown as Creator;
  const input = { name, type: 'asset', currency: 'USD' };
  const outcome = await execution.run({ creator, input, actor: 'tester' });
  expect(outcome.kind).toBe('accepted');
  return execution.seal();
}

function writers({ superUrls, urls }: TestDatabases) {
  const names = [urls.log, urls.state].map((url) => new URL(url).pathname.slice(1));
  return query<{ pid: number; application: string; state: string }>(
    superUrls.log,
    `select pid, application_name as application, state from pg_stat_activity
     where datname = any($1) and application_name like '%writer'`,
    [names],
  );
}

async function backendOf(connection: WriterConnection): Promise<unknown> {
  return (await connection.send('select pg_backend_pid() as pid')).rows[0];
}

/** A way to the database on which the first connection has to wait until it is released. */
async function slowFirst(databaseUrl: string) {
  const target = new URL(databaseUrl);
  const released = gate();
  let isFirst = true;
  const server: Server = createServer((client) => {
    const wait = isFirst ? released.opened : Promise.resolve();
    isFirst = false;
    client.on('error', () => undefined);
    void wait.then(() => {
      const folder = target.searchParams.get('host')!;
      const upstream = connect(join(folder, `.s.PGSQL.${target.searchParams.get('port')}`));
      upstream.on('error', () => client.destroy());
      client.pipe(upstream).pipe(client);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = new URL(databaseUrl);
  url.search = '';
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  const close = () => new Promise<void>((done) => server.close(() => done()));
  return { url: url.href, release: () => released.open(), close };
}
