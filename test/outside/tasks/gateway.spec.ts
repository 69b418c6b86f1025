import { createHash } from 'node:crypto';
import { Client } from 'pg';
import { clientConfig, ROLES, type Role } from '../../../src/database/connections';
import { sqlstateOf } from '../../../src/database/sqlstates';
import { LedgerUnavailable } from '../../../src/engine/define/refusal';
import { taskIdOf } from '../../../src/engine/write/task-log';
import { query } from '../../harness/cluster';
import { cloneDatabases, type TestDatabases } from '../../harness/databases';
import { startTestLedger } from '../../harness/ledger';
import {
  greet,
  NAMES,
  PING_TABLES,
  pingFeatures,
  SendPing,
  startPings,
  taskLog,
} from './ping-feature';

const TIMEOUTS = { lockTimeoutMs: 2_000, statementTimeoutMs: 10_000 };

/** RFC 9562, section 5.5, by hand: SHA-1 of namespace and name, version and variant put in. */
function uuid5(namespace: string, name: string): string {
  const digest = createHash('sha1')
    .update(Buffer.from(namespace.replace(/-/g, ''), 'hex'))
    .update(Buffer.from(name, 'utf8'))
    .digest()
    .subarray(0, 16);
  digest.writeUInt8((digest.readUInt8(6) % 16) + 0x50, 6);
  digest.writeUInt8((digest.readUInt8(8) % 64) + 0x80, 8);
  const hex = digest.toString('hex');
  return [0, 8, 12, 16, 20].map((from, i, all) => hex.slice(from, all[i + 1])).join('-');
}

describe('a task that an event asks for', () => {
  it('has the id that RFC 9562 gives to the event’s id and the ordinal', () => {
    // The RFC's own example, so that two equal mistakes cannot agree.
    const dns = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
    expect(uuid5(dns, 'www.example.com')).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
    const eventId = '0190163d-8694-739b-aea5-966c26f8ad90';
    for (const ordinal of [0, 1, 9, 10, 123]) {
      expect(taskIdOf(eventId, ordinal)).toBe(uuid5(eventId, String(ordinal)));
    }
  });

  it('is recorded with it, numbered within it', async () => {
    const ledger = await startPings();
    await ledger.accept(SendPing, {});
    const shout = { name: 'ping.shout', payload: { b: 1, a: ['x', null] } };
    const { eventIds } = await ledger.accept(SendPing, {
      tasks: [greet('ann'), shout, greet('bob')],
      count: 2,
    });
    const of = (position: number) => {
      const id = (ordinal: number) => uuid5(eventIds[position - 2]!, String(ordinal));
      const task = { name: 'ping.greet', position, not_before: null };
      return [
        { ...task, ordinal: 0, task_id: id(0), subject: 'ann', payload: { who: 'ann' } },
        { ...task, ordinal: 1, task_id: id(1), subject: null, ...shout },
        { ...task, ordinal: 2, task_id: id(2), subject: 'bob', payload: { who: 'bob' } },
      ];
    };
    expect(await taskLog(ledger)).toEqual([...of(2), ...of(3)]);
  });

  it('is written by the transaction that writes the event', async () => {
    const ledger = await startPings();
    await ledger.accept(SendPing, { tasks: [greet('ann')], count: 3 });
    const rows = await query<{ event: string; task: string }>(
      ledger.databases.superUrls.log,
      `select e.xmin::text as event, t.xmin::text as task
       from event_log e join task_log t using (position)`,
    );
    expect(rows).toHaveLength(3);
    for (const { event, task } of rows) expect(task).toBe(event);
  });

  it('is none where the command is refused, tried out or fails', async () => {
    const ledger = await startPings();
    const tasks = [greet('ann')];
    await ledger.refuse(SendPing, { tasks, then: 'refuse' });
    await ledger.accept(SendPing, { tasks }, { dryRun: true });
    const inOneBatch = await Promise.allSettled([
      ledger.accept(SendPing, { tasks: [greet('first')] }),
      ledger.accept(SendPing, { tasks, text: 'bad' }),
      ledger.refuse(SendPing, { tasks, then: 'refuse' }),
      ledger.accept(SendPing, { tasks: [greet('last')] }),
    ]);
    expect(inOneBatch.map((o) => o.status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
    const { databases } = ledger;
    const recorded = await taskLog(ledger);
    expect(recorded.map((t) => t.subject)).toEqual(['first', 'last']);
    expect(recorded.map((t) => t.position)).toEqual([1, 2]);
    const [events] = await query(databases.urls.log, 'select count(*) from event_log');
    expect(events).toEqual({ count: 2 });
  });

  it('is recorded with the instant before which it is not to be done', async () => {
    const ledger = await startPings();
    const instants = [
      '2030-01-31T10:00:00.000Z',
      '2030-12-31T23:59:59.999Z',
      '0001-01-01T00:00:00.000Z',
      '9999-12-31T23:59:59.999Z',
    ];
    const tasks = instants.map((notBefore) => ({ ...greet('ann'), notBefore }));
    await ledger.accept(SendPing, { tasks: [...tasks, greet('bob')] });
    expect((await taskLog(ledger)).map((t) => t.not_before)).toEqual([...instants, null]);
  });

  it('undoes its command where its instant is none as the ledger writes them', async () => {
    const ledger = await startPings();
    const wrong = [
      '2030-01-31T10:00:00Z',
      '2030-01-31T10:00:00.00Z',
      '2030-01-31T10:00:00.0000Z',
      '2030-01-31T11:00:00.000+01:00',
      '2030-01-31t10:00:00.000z',
      '2030-01-31 10:00:00.000Z',
      '2030-02-30T10:00:00.000Z',
      '2030-01-31T24:00:00.000Z',
      '0000-01-31T10:00:00.000Z',
      '2030-01-31',
      'infinity',
      '',
      null,
      1_900_000_000_000,
    ];
    for (const notBefore of wrong as string[]) {
      const sent = ledger.submit(SendPing, { tasks: [{ ...greet('ann'), notBefore }] });
      await expect(sent).rejects.toThrow(
        `The task ping.greet is not to be done before ${notBefore}, which is no instant`,
      );
      await expect(sent).rejects.not.toThrow(LedgerUnavailable);
    }
    expect(await taskLog(ledger)).toEqual([]);
  });

  it('undoes its command where no feature declares it', async () => {
    const ledger = await startPings();
    const sent = ledger.submit(SendPing, { tasks: [greet('ann'), { name: 'typo', payload: {} }] });
    await expect(sent).rejects.toThrow('No feature declares the task typo');
    await expect(sent).rejects.not.toThrow(LedgerUnavailable);
    await ledger.accept(SendPing, { tasks: [greet('bob')] });
    expect((await taskLog(ledger)).map((t) => [t.position, t.subject])).toEqual([[1, 'bob']]);
  });

  it('is asked for once under one idempotency key', async () => {
    const ledger = await startPings();
    for (let i = 0; i < 3; i++) {
      await ledger.accept(SendPing, { tasks: [greet('ann')] }, { idempotencyKey: 'once' });
    }
    expect(await taskLog(ledger)).toHaveLength(1);
  });
});

describe('the log of the tasks', () => {
  let databases: TestDatabases;

  beforeAll(async () => {
    databases = await cloneDatabases({ stateTables: PING_TABLES, lifetime: 'file' });
    const ledger = await startTestLedger({ databases, features: pingFeatures(NAMES) });
    await ledger.accept(SendPing, { tasks: [greet('ann')] });
    await ledger.close();
  });

  it.each([
    `update task_log set name = 'ping.shout'`,
    'delete from task_log where position = 1',
    'truncate task_log',
  ])('is append-only for everybody: %s', async (change) => {
    const { urls, superUrls } = databases;
    for (const role of [ROLES.logWriter, ROLES.taskWorker, ROLES.logReader, ROLES.logReplayer]) {
      expect(await failureOf(urls.log, role, change)).toMatch(/^42501 permission denied/);
    }
    const appendOnly = /^42501 the task log is append-only/;
    expect(await failureOf(urls.log, undefined, change)).toMatch(appendOnly);
    expect(await failureOf(superUrls.log, undefined, change)).toMatch(appendOnly);
    // What a logical replication or a restore runs as does not fire ordinary triggers.
    const replica = 'set session_replication_role = replica';
    expect(await failureOf(superUrls.log, undefined, replica, change)).toMatch(appendOnly);
  });

  it.each([
    `insert into task_log values (1, 1, gen_random_uuid(), 'ping.greet', null, '{}')`,
    `insert into task_delivery (task_id, position, ordinal, name, status)
     values (gen_random_uuid(), 1, 0, 'ping.greet', 'queued')`,
    `update task_delivery set status = 'queued'`,
    'delete from task_delivery',
    `insert into task_dispatch values ('ping.greet', 0, 0)`,
    'update task_dispatch set position = 0',
  ])('gives a replay no right to: %s', async (statement) => {
    const { log } = databases.urls;
    expect(await failureOf(log, ROLES.logReplayer, statement)).toMatch(/^42501 permission denied/);
  });
});

/** What a statement fails with; undefined where it succeeds. Nothing of it stays. */
async function failureOf(url: string, role: Role | undefined, ...statements: string[]) {
  const client = new Client(clientConfig(url, role, TIMEOUTS));
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('begin');
    for (const statement of statements) await client.query(statement);
    return undefined;
  } catch (error) {
    return `${sqlstateOf(error)} ${(error as Error).message}`;
  } finally {
    await client.end();
  }
}
