import { join } from 'node:path';
import type { Client } from 'pg';
import { ROLES, roleOf, type DatabaseUrls } from '../../src/database/connections';
import { makeLogins, migrate } from '../../src/database/migrator';
import { deriveSecret, readSecret } from '../../src/database/secret-file';
import { SQLSTATE, sqlstateOf } from '../../src/database/sqlstates';
import { openAccount } from '../harness/books';
import { databaseUrl, query, testCluster, withClient } from '../harness/cluster';
import { cloneDatabases } from '../harness/databases';
import { startTestLedger } from '../harness/ledger';
import { endCluster, openCluster, ownClusterFolder, superUrlOf } from '../harness/own-cluster';
import { replayOf } from '../proof/replay/some-books';
import { spawnProcess, spawnService, startTestService, TEST_KEY } from '../harness/service';

const ACCOUNT = { name: 'x', type: 'asset', currency: 'USD' } as const;
const PARTITION = 'event_log_p0000000000001';

/** What only an owner, or a superuser, may do to a log. */
const DEEDS_ON_LOG = [
  'set role truebook_owner',
  'set role postgres',
  'set session authorization truebook_owner',
  'set session_replication_role = replica',
  'alter role truebook_owner password $$x$$',
  'grant truebook_owner to current_user',
  'create role another login',
  'alter role current_user createrole',
  'create database another',
  'alter database truebook_log set session_replication_role = replica',
  'drop database truebook_state',
  'alter system set fsync = off',
  'create schema another',
  'create table public.another (id int)',
  'drop schema public cascade',
  ...['event_log', PARTITION, 'task_log', 'event_backup'].flatMap((table) => [
    `alter table ${table} disable trigger all`,
    `drop table ${table} cascade`,
    `truncate ${table}`,
    `delete from ${table}`,
    `alter table ${table} owner to current_user`,
    `create rule nothing as on insert to ${table} do instead nothing`,
  ]),
  `alter table event_log detach partition ${PARTITION}`,
  'drop trigger event_log_append_only on event_log',
  'drop function refuse_event_log_change cascade',
  `create or replace function refuse_event_log_change() returns trigger language plpgsql
   as 'begin return new; end'`,
  "update event_log set data = '{}'",
  'update event_log set hash = hash',
  'update command_log set actor = actor',
  'delete from command_log',
  'insert into api_keys select * from api_keys',
  'update api_keys set withdrawn_at = now()',
  'delete from api_keys',
  'insert into event_log_partitions select * from event_log_partitions',
  'delete from kysely_migration',
  'insert into accepted_times select * from accepted_times',
  "select pg_read_file('postgresql.conf')",
  "copy event_types to program 'cat'",
];

/** The same for what is beside the state's schemas in its database. */
const DEEDS_ON_STATE = [
  ...DEEDS_ON_LOG.slice(0, DEEDS_ON_LOG.indexOf('create schema another')),
  'create table public.another (id int)',
  'drop schema public cascade',
  'drop schema bullmq cascade',
  'drop table bullmq.migration',
];
const DEEDS_ON_SCHEMA = [
  'drop schema state cascade',
  'drop table state.accounts cascade',
  'truncate state.accounts',
  'alter table state.accounts add column another int',
  'create table state.another (id int)',
];

/** The SQLSTATE that a statement fails with under a role; undefined where it succeeds. */
async function attempt(client: Client, role: string, statement: string) {
  await client.query('begin');
  try {
    if (role !== 'none') await client.query(`set local role ${role}`);
    // Some statements are refused inside a transaction before rights are looked at.
    if (/^(create|drop) database|^alter system/.test(statement)) await client.query('commit');
    await client.query(statement);
    return undefined;
  } catch (error) {
    return sqlstateOf(error);
  } finally {
    await client.query('rollback; reset role');
  }
}

/** Every role that a login may be, its own included. */
async function rolesOf(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select rolname as name from pg_roles
     where pg_has_role(session_user, oid, 'set') and rolname <> session_user`,
  );
  return ['none', ...rows.map(({ name }) => name)];
}

/** What succeeds although it must not, or fails for another reason. */
async function breaches(url: string, deeds: readonly string[]): Promise<string[]> {
  return withClient(url, async (client) => {
    const found: string[] = [];
    for (const role of await rolesOf(client)) {
      for (const deed of deeds) {
        if (DEEDS_ON_SCHEMA.includes(deed) && role === ROLES.stateReplayer) continue;
        const state = await attempt(client, role, deed);
        if (state !== SQLSTATE.insufficientPrivilege) found.push(`${role}: ${deed} (${state})`);
      }
    }
    return found;
  });
}

describe('the logins of a running service', () => {
  it('own nothing, and are all that its sessions can become', async () => {
    const folder = await ownClusterFolder();
    const service = await spawnService({ dataDir: folder });
    try {
      expect((await service.api.post('/v1/accounts', ACCOUNT)).status).toBe(201);
      const superUrl = await superUrlOf(folder);
      const sessions = await query<{ name: string }>(
        superUrl,
        `select distinct usename as name from pg_stat_activity
         where backend_type = 'client backend' and pid <> pg_backend_pid()
         and usename is not null -- one that is signing in has no name yet
         order by 1`,
      );
      const logins = ['truebook_guard', 'truebook_log_service', 'truebook_state_service'];
      expect(sessions.map(({ name }) => name)).toEqual(logins);

      const cluster = await openCluster(folder);
      const urls = await makeLogins(await cluster.owners());
      const guard = new URL(superUrl);
      guard.username = 'truebook_guard';
      const password = (await readSecret(join(folder, 'postgres-password')))!;
      guard.password = deriveSecret(password, 'truebook_guard');
      const guardOf = (name: string) => databaseUrl(guard.href, name);
      const onState = [...DEEDS_ON_STATE, ...DEEDS_ON_SCHEMA];
      expect(await breaches(urls.log, DEEDS_ON_LOG)).toEqual([]);
      expect(await breaches(guardOf('truebook_log'), DEEDS_ON_LOG)).toEqual([]);
      expect(await breaches(urls.state, onState)).toEqual([]);
      expect(await breaches(guardOf('truebook_state'), onState)).toEqual([]);
      // The logins of one database are nobody in the other one.
      const stateOnLog = databaseUrl(urls.state, 'truebook_log');
      expect(await breaches(stateOnLog, [...DEEDS_ON_LOG, 'select * from event_log'])).toEqual([]);
      await cluster.close();
      expect((await service.api.post('/v1/accounts', ACCOUNT)).status).toBe(201);
    } finally {
      service.kill('SIGTERM');
      await service.exited;
      await endCluster(folder, 'SIGINT').catch(() => undefined);
    }
  }, 120_000);

  it('can do nothing to a log whose rows an owner can change', async () => {
    const { serviceUrls, superUrls } = await cloneDatabases();
    const off = `alter table ${PARTITION} disable trigger all`;
    // The deeds are right: who may do them does.
    await withClient(superUrls.log, async (client) => {
      expect(await attempt(client, 'none', off)).toBeUndefined();
    });
    expect(await breaches(serviceUrls.log, [off])).toEqual([]);
  });

  it('are made again after the owner got another password', async () => {
    const owners = await newInstallation('first');
    const before = await makeLogins((await migrate(owners.urls)).urls);
    await query(testCluster().superUrl, `alter role ${owners.name} password 'another'`);
    const urls = withPassword(owners.urls, 'another');
    const after = await makeLogins((await migrate(urls)).urls);
    expect(new URL(after.log).password).not.toBe(new URL(before.log).password);
    await withClient(after.log, async (client) => {
      expect(await rolesOf(client)).toHaveLength(7);
    });
    await expect(withClient(before.log, () => Promise.resolve())).rejects.toMatchObject({
      code: '28P01',
    });
    await owners.drop();
  });

  it('can be chosen, and are refused where they could become the owner', async () => {
    const databases = await cloneDatabases();
    const { urls } = databases;
    const named: DatabaseUrls = {
      log: withUser(urls.log, 'chosen_log', 'secret-of-log'),
      state: withUser(urls.state, 'chosen_state', 'secret-of-state'),
    };
    const env = { LOG_SERVICE_URL: named.log, STATE_SERVICE_URL: named.state };
    const service = await spawnService({ urls, env });
    expect((await service.api.post('/v1/accounts', ACCOUNT)).status).toBe(201);
    // A process that knows no owner at all.
    const other = await spawnService({ env });
    expect((await other.api.post('/v1/accounts', ACCOUNT)).status).toBe(201);
    const sessions = await query<{ name: string }>(
      testCluster().superUrl,
      `select distinct usename as name from pg_stat_activity
       where datname like '${new URL(urls.log).pathname.slice(1, -4)}%'
         and usename is not null -- but autovacuum, and whoever is signing in
       order by 1`,
    );
    expect(sessions.map(({ name }) => name)).toEqual(['chosen_log', 'chosen_state']);
    for (const one of [service, other]) {
      one.kill('SIGTERM');
      await one.exited;
    }

    const owner = { LOG_SERVICE_URL: urls.log, STATE_SERVICE_URL: named.state };
    const refused = await spawnProcess({ urls, env: owner });
    expect(await refused.exited).toBe(1);
    expect(refused.output()).toContain('truebook_owner owns the log database, or may become');
    const wrong = withUser(urls.log, 'chosen_log', 'not the secret');
    const unknown = await spawnProcess({ urls, env: { ...env, LOG_SERVICE_URL: wrong } });
    expect(await unknown.exited).toBe(1);
    expect(unknown.output()).toContain('The log database does not let chosen_log in');
    await databases.drop();
    const superUrl = testCluster().superUrl;
    await query(superUrl, 'drop role chosen_log, chosen_state');
  }, 120_000);

  it.each([
    ['the owner', 'log'],
    ['the owner', 'state'],
    ['a superuser', 'log'],
    ['a superuser', 'state'],
    ['the owner of a table', 'state'],
  ] as const)('are refused where only they are given, and one is %s of the %s', async (...of) => {
    const [who, side] = of;
    const { serviceUrls, urls, superUrls } = await cloneDatabases();
    const another = `another_${process.pid}`;
    const whose = {
      'the owner': urls,
      'a superuser': superUrls,
      'the owner of a table': undefined,
    };
    if (whose[who] === undefined) {
      const { superUrl } = testCluster();
      await query(superUrl, `create role ${another} login password 'secret'`);
      for (const role of [ROLES.stateReader, ROLES.stateWriter, ROLES.stateReplayer]) {
        await query(superUrl, `grant ${role} to ${another} with inherit false`);
      }
      await query(superUrls.state, `alter table state.accounts owner to ${another}`);
    }
    const url = whose[who]?.[side] ?? withUser(urls[side], another, 'secret');
    const name = new URL(url).username;
    const given = { ...serviceUrls, [side]: url };
    const env = { LOG_SERVICE_URL: given.log, STATE_SERVICE_URL: given.state };
    const refused = await spawnProcess({ env });
    const code = await refused.exited;
    if (name === another) {
      const back = `alter table state.accounts owner to ${ROLES.stateReplayer}`;
      await query(superUrls.state, back);
      await query(testCluster().superUrl, `drop role ${another}`);
    }
    expect(code).toBe(1);
    const sentence = `${name} owns the ${side} database, or may become its owner: `;
    expect(refused.output()).toContain(`${sentence}${side.toUpperCase()}_SERVICE_URL must name`);
  });

  it('without an owner need a ledger that is migrated, and a key that it knows', async () => {
    const databases = await cloneDatabases();
    const { serviceUrls, urls } = databases;
    const service = await startTestService({ databases });
    await service.close();
    const env = { LOG_SERVICE_URL: serviceUrls.log, STATE_SERVICE_URL: serviceUrls.state };
    const stranger = await spawnProcess({ env: { ...env, ADMIN_API_KEY: `${TEST_KEY}-other` } });
    expect(await stranger.exited).toBe(1);
    expect(stranger.output()).toContain('is none that this ledger knows');
    await query(urls.log, "delete from kysely_migration where name like '0009%'");
    const early = await spawnProcess({ env });
    expect(await early.exited).toBe(1);
    expect(early.output()).toContain('Migration 0009-accept-times is missing: run');
    await query(urls.log, "insert into kysely_migration values ('0009-accept-times', '')");
  }, 120_000);
});

describe('a state that an earlier version has left with the owner', () => {
  it('is handed over to the role that rebuilds it', async () => {
    const databases = await cloneDatabases();
    const { urls, superUrls } = databases;
    const owners = () =>
      query<{ owner: string; count: number }>(
        urls.state,
        `select owner, count(*)::int as count from (
           select nspowner::regrole::text as owner from pg_namespace where nspname = 'state'
           union all select relowner::regrole::text from pg_class
           where relnamespace = 'state'::regnamespace and relkind in ('r', 'p')) o group by owner`,
      );
    const [{ count }] = (await owners()) as unknown as [{ count: number }];
    await query(
      superUrls.state,
      `do $$ declare name text; begin
         for name in select oid::regclass from pg_class
           where relnamespace = 'state'::regnamespace and relkind in ('r', 'p') loop
           execute 'alter table ' || name || ' owner to truebook_owner';
         end loop;
         alter schema state owner to truebook_owner;
       end $$`,
    );
    expect(await owners()).toEqual([{ owner: 'truebook_owner', count }]);
    await migrate(urls);
    expect(await owners()).toEqual([{ owner: ROLES.stateReplayer, count }]);
    expect((await replayOf(databases)).status).toBe('swapped');
  });
});

describe('a second installation in a cluster', () => {
  it.each(['another owner', 'the same owner'])(
    'of %s has roles of its own',
    async (whose) => {
      const first = await cloneDatabases();
      const ledger = await startTestLedger({ databases: first });
      await openAccount(ledger);
      const second = await newInstallation(whose === 'another owner' ? 'second' : undefined);
      const service = await spawnService({ urls: second.urls });
      expect((await service.api.post('/v1/accounts', ACCOUNT)).status).toBe(201);
      const verified = await service.api.post('/v1/admin/replay-verifications', {});
      expect(verified.status).toBe(202);
      service.kill('SIGTERM');
      expect(await service.exited).toBe(0);

      const { urls } = await migrate(second.urls);
      const logins = await makeLogins(urls);
      expect(roleOf(urls.log, ROLES.logWriter)).not.toBe(ROLES.logWriter);
      await withClient(logins.log, async (client) => {
        const roles = await rolesOf(client);
        expect(roles).toContain(roleOf(urls.log, ROLES.logWriter));
        expect(roles.filter((name) => name.startsWith('truebook_'))).toEqual([]);
      });
      // Neither may touch the other's books.
      const names = [second.urls.log, first.urls.log].map((url) => new URL(url).pathname.slice(1));
      const reads = ['select * from event_log'];
      expect(await breaches(databaseUrl(logins.log, names[1]!), reads)).toEqual([]);
      expect(await breaches(databaseUrl(first.serviceUrls.log, names[0]!), reads)).toEqual([]);
      await withClient(urls.log, async (client) => {
        const { rows } = await client.query('select count(*)::int as count from event_log');
        expect(rows).toEqual([{ count: 1 }]);
      });
      await second.drop();
    },
    120_000,
  );
});

interface Installation {
  readonly name: string;
  readonly urls: DatabaseUrls;
  drop(): Promise<void>;
}

let made = 0;

/** Two empty databases of an owner of their own, or of the one that owns all others here. */
async function newInstallation(owner: string | undefined): Promise<Installation> {
  const { superUrl, ownerUrl } = testCluster();
  const name = owner === undefined ? 'truebook_owner' : `${owner}_${process.pid}`;
  const id = `installation_${process.pid}_${made++}`;
  if (owner !== undefined) {
    await query(superUrl, `create role ${name} login createrole password 'secret'`);
  }
  for (const side of ['log', 'state']) {
    await query(superUrl, `create database ${id}_${side} owner ${name}`);
  }
  const url = owner === undefined ? ownerUrl : withUser(ownerUrl, name, 'secret');
  const urls = { log: databaseUrl(url, `${id}_log`), state: databaseUrl(url, `${id}_state`) };
  const drop = async () => {
    for (const side of ['log', 'state']) {
      await query(superUrl, `drop database ${id}_${side} with (force)`);
    }
  };
  return { name, urls, drop };
}

function withUser(url: string, user: string, password: string): string {
  const other = new URL(url);
  other.username = user;
  other.password = password;
  return other.href;
}

function withPassword({ log, state }: DatabaseUrls, password: string): DatabaseUrls {
  const change = (url: string) => withUser(url, new URL(url).username, password);
  return { log: change(log), state: change(state) };
}
