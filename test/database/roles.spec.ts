import { Client } from 'pg';
import { clientConfig, ROLES, type Role } from '../../src/database/connections';
import { sqlstateOf } from '../../src/database/sqlstates';
import { openAccount } from '../harness/books';
import { query, withClient } from '../harness/cluster';
import { cloneDatabases, type TestDatabases } from '../harness/databases';
import { startTestLedger } from '../harness/ledger';

const TIMEOUTS = { lockTimeoutMs: 2_000, statementTimeoutMs: 5_000 };
const PARTITION = 'event_log_p0000000000001';

/** The SQLSTATE that a statement fails with; undefined where it succeeds. All is rolled back. */
async function attempt(url: string, role: Role | undefined, ...statements: string[]) {
  const client = new Client(clientConfig(url, role, TIMEOUTS));
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('begin');
    for (const statement of statements) await client.query(statement);
    return undefined;
  } catch (error) {
    return { state: sqlstateOf(error), message: (error as Error).message };
  } finally {
    await client.end();
  }
}

const CHANGES = [
  `update event_log set actor = 'somebody else'`,
  `update event_log set data = '{}' where position = 1`,
  'delete from event_log',
  'delete from event_log where position = 1',
  'truncate event_log',
];
const PARTITION_CHANGES = [
  `update ${PARTITION} set actor = 'somebody else'`,
  `delete from ${PARTITION}`,
  `truncate ${PARTITION}`,
];
const DENIED = { state: '42501', message: expect.stringContaining('permission denied') as string };
const APPEND_ONLY = {
  state: '42501',
  message: expect.stringContaining('the event log is append-only') as string,
};

describe('the roles of the log database', () => {
  let databases: TestDatabases;
  const log = () => databases.urls.log;

  beforeAll(async () => {
    databases = await cloneDatabases({ lifetime: 'file' });
    const ledger = await startTestLedger({ databases });
    await openAccount(ledger);
    await ledger.close();
  });

  it.each(CHANGES)('give nobody the right to: %s', async (change) => {
    for (const role of [ROLES.logWriter, ROLES.logReader, 'truebook_log_replayer' as Role]) {
      expect(await attempt(log(), role, change)).toEqual(DENIED);
    }
  });

  it.each([...CHANGES, ...PARTITION_CHANGES])('have triggers against: %s', async (change) => {
    expect(await attempt(log(), undefined, change)).toEqual(APPEND_ONLY);
    const { log: superUrl } = databases.superUrls;
    expect(await attempt(superUrl, undefined, change)).toEqual(APPEND_ONLY);
    // What a logical replication or a restore runs as does not fire ordinary triggers.
    const replica = 'set session_replication_role = replica';
    expect(await attempt(superUrl, undefined, replica, change)).toEqual(APPEND_ONLY);
  });

  it('keep an owner from a change only until it switches the triggers off', async () => {
    const off = `alter table ${PARTITION} disable trigger all`;
    const change = `update ${PARTITION} set actor = 'somebody else'`;
    expect(await attempt(databases.superUrls.log, undefined, off, change)).toBeUndefined();
    expect(await attempt(log(), ROLES.logWriter, off)).toMatchObject({ state: '42501' });
  });

  it.each([...PARTITION_CHANGES, `select * from ${PARTITION}`, `lock table ${PARTITION}`])(
    'have no rights on a partition: %s',
    async (statement) => {
      expect(await attempt(log(), ROLES.logWriter, statement)).toEqual(DENIED);
    },
  );

  it.each([
    `update command_log set actor = 'x'`,
    'delete from command_log',
    'truncate command_log',
    'delete from event_types',
    'select * from api_keys',
    `insert into api_keys values ('x', 'admin', decode(repeat('00', 32), 'hex'))`,
    'drop table event_log',
    'alter table event_log disable trigger all',
    'create table mine (id int)',
    'insert into event_log_partitions values (1, 2, 3)',
  ])('do not let the writer: %s', async (statement) => {
    expect(await attempt(log(), ROLES.logWriter, statement)).toMatchObject({ state: '42501' });
  });

  it('let the writer append, lock and add partitions', async () => {
    const append = `
      insert into event_log select position + 1, event_id, command_id, occurred_at, recorded_at,
        version, type, actor, correlation_id, causation_id, hash, data from event_log`;
    const lock = 'lock table only event_log in exclusive mode';
    const add = 'select add_event_log_partition(10)';
    expect(await attempt(log(), ROLES.logWriter, lock, append, add)).toBeUndefined();
  });

  it.each([
    'insert into event_log select * from event_log',
    'insert into command_log select * from command_log',
    'lock table only event_log in exclusive mode',
    'select add_event_log_partition(10)',
    `set role ${ROLES.logWriter}`,
  ])('do not let the reader: %s', async (statement) => {
    const role = statement.startsWith('set role') ? undefined : ROLES.logReader;
    // A pool's session begins as the reader; that it could change roles is the owner's login.
    if (role !== undefined) expect(await attempt(log(), role, statement)).toEqual(DENIED);
    else expect(await attempt(log(), role, statement)).toBeUndefined();
  });

  it.each(['insert into command_log select * from command_log', 'select * from api_keys'])(
    'do not let a replay: %s',
    async (statement) => {
      const role = 'truebook_log_replayer' as Role;
      expect(await attempt(log(), role, statement)).toEqual(DENIED);
    },
  );

  it.each([
    'select * from event_log',
    'delete from runs',
    'truncate runs',
    'update command_log set actor = null',
    'insert into event_log select * from event_log',
  ])('do not let the recorder of runs: %s', async (statement) => {
    expect(await attempt(log(), ROLES.runRecorder, statement)).toEqual(DENIED);
  });

  it('let the recorder of runs write them, and the reader read them', async () => {
    const insert = `insert into runs (run_id, kind, status, trigger, requested_by)
      values (gen_random_uuid(), 'replay', 'queued', 'api', 'x')`;
    const update = "update runs set status = 'swapped'";
    expect(await attempt(log(), ROLES.runRecorder, insert, update)).toBeUndefined();
    expect(await attempt(log(), ROLES.logReader, 'select * from runs')).toBeUndefined();
    expect(await attempt(log(), ROLES.logReader, update)).toEqual(DENIED);
    for (const wrong of ["update runs set status = 'passed'", "update runs set kind = 'x'"]) {
      const refused = await attempt(log(), ROLES.runRecorder, insert, wrong);
      expect(refused).toMatchObject({ state: '23514' });
    }
  });

  it('let a replay lock and read the log', async () => {
    const role = 'truebook_log_replayer' as Role;
    const lock = 'lock table only event_log in exclusive mode';
    expect(await attempt(log(), role, lock, 'select * from event_log')).toBeUndefined();
  });
});

describe('the roles of the state database', () => {
  it('let the writer write and the reader read, and neither change a table', async () => {
    const { urls } = await cloneDatabases();
    const { stateWriter, stateReader } = ROLES;
    const lock = 'lock table event_log_state in exclusive mode';
    expect(await attempt(urls.state, stateWriter, lock, 'delete from entries')).toBeUndefined();
    expect(await attempt(urls.state, stateReader, 'select * from accounts')).toBeUndefined();
    for (const statement of [
      'delete from accounts',
      lock,
      'update event_log_state set position = 1',
    ]) {
      expect(await attempt(urls.state, stateReader, statement)).toEqual(DENIED);
    }
    for (const statement of ['drop table accounts', 'create table state.mine (id int)']) {
      expect(await attempt(urls.state, stateWriter, statement)).toMatchObject({ state: '42501' });
    }
  });

  it('cover tables that later migrations make', async () => {
    const { urls } = await cloneDatabases({ stateTables: ['create table state.later (id int)'] });
    expect(await attempt(urls.state, ROLES.stateWriter, 'insert into later values (1)')).toBe(
      undefined,
    );
    expect(await attempt(urls.state, ROLES.stateReader, 'select * from later')).toBeUndefined();
  });
});

describe('partitions of the event log', () => {
  it('take events across their boundaries, and are made ahead of need', async () => {
    const databases = await cloneDatabases();
    const { log } = databases.urls;
    await withClient(log, async (owner) => {
      await owner.query(`alter table event_log detach partition ${PARTITION}`);
      await owner.query(`drop table ${PARTITION}`);
      await owner.query('delete from event_log_partitions');
      for (let i = 0; i < 4; i++) await owner.query('select add_event_log_partition(10)');
    });
    const ledger = await startTestLedger({ databases });
    const load = Array.from({ length: 60 }, () => openAccount(ledger));
    // Attaching needs a lock of its own, and has to get it while batches are written.
    await query(log, 'select add_event_log_partition(1000)');
    await Promise.all(load);

    const rows = await query<{ partition: string; first: number; last: number }>(
      log,
      `select tableoid::regclass::text as partition, min(position) as first, max(position) as last
       from event_log group by 1 order by 2`,
    );
    expect(rows.map((r) => [r.first, r.last])).toEqual([
      [1, 10],
      [11, 20],
      [21, 30],
      [31, 40],
      [41, 60],
    ]);
    const [own] = await query<{ count: number }>(log, 'select count(*) from only event_log');
    expect(own).toEqual({ count: 0 });
    const [ends] = await query<{ end: number }>(
      log,
      'select max(to_position) as end from event_log_partitions',
    );
    expect(ends!.end).toBeGreaterThan(5_000_000);
    for (const { partition } of rows) {
      for (const change of [`delete from ${partition}`, `truncate ${partition}`]) {
        expect(await attempt(log, undefined, change)).toEqual(APPEND_ONLY);
      }
    }
  });
});
