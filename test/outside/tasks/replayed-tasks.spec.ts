import { clientConfig, ROLES } from '../../../src/database/connections';
import { WriterConnection } from '../../../src/database/writer-connection';
import { catchUp } from '../../../src/engine/catch-up/catch-up';
import { GENESIS } from '../../../src/engine/define/event';
import { lockLog } from '../../../src/engine/write/heads';
import { Registry } from '../../../src/engine/define/registry';
import { ComparedTasks, type TaskReport } from '../../../src/engine/catch-up/task-comparison';
import type { RequestedTask } from '../../../src/engine/write/task-log';
import { replay } from '../../../src/proof/replay/replay';
import { verify } from '../../../src/proof/replay/verify';
import { query } from '../../harness/cluster';
import { cloneDatabases, type TestDatabases } from '../../harness/databases';
import { startTestLedger, type TestLedger } from '../../harness/ledger';
import { unguarded } from '../../harness/unguarded';
import {
  greet,
  materializePing,
  NAMES,
  PING_TABLES,
  pingFeatures,
  SendPing,
  startPings,
  taskLog,
  type AsksFor,
} from './ping-feature';

const FEATURES = pingFeatures(NAMES);
/** At 1,000 in the books that are replayed. */
const ZOE = { ...greet('zoe'), notBefore: '2030-01-31T10:00:00.000Z' };
const TIMEOUTS = { lockTimeoutMs: 2_000, statementTimeoutMs: 10_000 };

/** Takes the state back to an earlier position, as a crashed server may. */
async function forgetAfter({ databases }: TestLedger, position: number): Promise<void> {
  const { log, state } = databases.urls;
  const [event] = await query<{ hash: Buffer }>(
    log,
    'select hash from event_log where position = $1',
    [position],
  );
  await query(state, 'delete from pings where position > $1', [position]);
  await query(state, 'update event_log_state set position = $1, hash = $2', [
    position,
    event?.hash ?? Buffer.alloc(32),
  ]);
}

describe('a state that lost its tail', () => {
  it('is healed without recording a task again', async () => {
    const ledger = await startPings();
    await ledger.accept(SendPing, { tasks: [greet('ann'), greet('bob')], count: 10 });
    const before = await taskLog(ledger);
    await forgetAfter(ledger, 4);
    await ledger.accept(SendPing, {});
    await ledger.close();
    await forgetAfter(ledger, 0);
    await ledger.restart();
    expect(await taskLog(ledger)).toEqual(before);
    expect(await query(ledger.databases.urls.state, 'select count(*) from pings')).toEqual([
      { count: 11 },
    ]);
    expect(ledger.log.lines).toEqual([]);
  });

  it('is healed also where another task is asked for now, and that is logged', async () => {
    const ledger = await startPings();
    await ledger.accept(SendPing, { tasks: [greet('ann')], count: 5 });
    const before = await taskLog(ledger);
    await ledger.close();
    await forgetAfter(ledger, 2);
    const asksOther: AsksFor = (_, position) => [greet(position < 4 ? 'ann' : 'bob')];
    const changed = await startTestLedger({
      databases: ledger.databases,
      features: pingFeatures(NAMES, materializePing(1, asksOther)),
    });
    ledger.databases.features = FEATURES;
    expect(await taskLog(ledger)).toEqual(before);
    expect(changed.log.lines).toMatchObject([
      {
        level: 'error',
        message: 'events that were caught up with ask for other tasks',
        details: { tasks: { matched: 1, missing: 2, extra: 2, firstDifference: 4 } },
      },
    ]);
    expect(JSON.stringify(changed.log.lines)).not.toContain('"who"');
  });
});

/** Everything that says what was and what is to be delivered. */
async function deliveryTables({ urls }: TestDatabases): Promise<unknown> {
  const tables = [
    [urls.log, 'task_log'],
    [urls.log, 'task_delivery'],
    [urls.log, 'task_dispatch'],
    [urls.state, 'bullmq.job'],
    [urls.state, 'bullmq.event'],
  ];
  return Promise.all(
    tables.map(([url, table]) => query(url!, `select t::text from ${table} t order by 1`)),
  );
}

async function replayWith(databases: TestDatabases, asksFor?: AsksFor): Promise<TaskReport> {
  const features = asksFor ? pingFeatures(NAMES, materializePing(1, asksFor)) : FEATURES;
  const report = await replay({ urls: databases.urls, registry: new Registry(features) });
  expect(report.status).toBe('swapped');
  return report.tasks;
}

describe('a replay', () => {
  let databases: TestDatabases;

  /** 1,200 events, more than two pages; two tasks each up to 600, then none but at 1,000. */
  beforeAll(async () => {
    databases = await cloneDatabases({ stateTables: PING_TABLES, lifetime: 'file' });
    const ledger = await startTestLedger({ databases, features: FEATURES });
    await ledger.accept(SendPing, { tasks: [greet('ann'), greet('bob')], count: 600 });
    await ledger.accept(SendPing, { count: 399 });
    await ledger.accept(SendPing, { tasks: [ZOE] });
    await ledger.accept(SendPing, { count: 200 });
    await ledger.close();
  });

  it('asks for every task again, matches all, and delivers nothing, three times', async () => {
    const before = await deliveryTables(databases);
    for (let i = 0; i < 3; i++) {
      expect(await replayWith(databases)).toEqual({
        matched: 1_201,
        missing: 0,
        extra: 0,
        amended: 0,
        executed: 0,
        firstDifference: null,
        samples: [],
      });
    }
    expect(await deliveryTables(databases)).toEqual(before);
  });

  const same = { position: 1_000, ordinal: 0, name: 'ping.greet' };
  const changes: [string, AsksFor, Partial<TaskReport>][] = [
    [
      'another payload',
      (d, at) => (at === 1_000 ? [{ ...ZOE, payload: { who: 'zo' } }] : d.tasks),
      {
        ...{ matched: 1_200, missing: 1, extra: 1 },
        samples: [
          { ...same, kind: 'missing' },
          { ...same, kind: 'extra' },
        ],
      },
    ],
    [
      'another name',
      (d, at) => (at === 1_000 ? [{ ...ZOE, name: 'ping.shout' }] : d.tasks),
      {
        ...{ matched: 1_200, missing: 1, extra: 1 },
        samples: [
          { ...same, kind: 'missing' },
          { ...same, kind: 'extra', name: 'ping.shout' },
        ],
      },
    ],
    [
      'another subject',
      (d, at) => (at === 1_000 ? [{ ...ZOE, subject: 'zo' }] : d.tasks),
      {
        ...{ matched: 1_200, missing: 1, extra: 1 },
        samples: [
          { ...same, kind: 'missing' },
          { ...same, kind: 'extra' },
        ],
      },
    ],
    [
      'another instant',
      (d, at) => (at === 1_000 ? [{ ...ZOE, notBefore: '2030-01-31T10:00:00.001Z' }] : d.tasks),
      {
        ...{ matched: 1_200, missing: 1, extra: 1 },
        samples: [
          { ...same, kind: 'missing' },
          { ...same, kind: 'extra' },
        ],
      },
    ],
    [
      'one that may be done at once',
      (d, at) => (at === 1_000 ? [greet('zoe')] : d.tasks),
      {
        ...{ matched: 1_200, missing: 1, extra: 1 },
        samples: [
          { ...same, kind: 'missing' },
          { ...same, kind: 'extra' },
        ],
      },
    ],
    [
      'no task',
      (d, at) => (at === 1_000 ? [] : d.tasks),
      { matched: 1_200, missing: 1, extra: 0, samples: [{ ...same, kind: 'missing' }] },
    ],
    [
      'one task more',
      (d, at) => (at === 1_000 ? [...d.tasks, greet('yan')] : d.tasks),
      {
        ...{ matched: 1_201, missing: 0, extra: 1 },
        samples: [{ ...same, ordinal: 1, kind: 'extra' }],
      },
    ],
  ];

  it.each([
    ['another', `'2030-01-31T10:00:00.001Z'`],
    ['one that no task is recorded with', `'2030-01-31T10:00:00.0005Z'`],
    ['an endless one', `'infinity'`],
    ['none', 'null'],
  ])('finds a recorded instant that was changed: %s', async (_, instant) => {
    const set = (value: string) =>
      unguarded(databases.superUrls.log, (client) =>
        client.query(`update task_log set not_before = ${value} where position = 1000`),
      );
    await set(instant);
    const report = await verify({ urls: databases.urls, registry: new Registry(FEATURES) });
    await set(`'${ZOE.notBefore}'`);
    expect(report).toMatchObject({
      status: 'failed',
      tasks: { matched: 1_200, missing: 1, extra: 1, firstDifference: 1_000 },
    });
    expect(await replayWith(databases)).toMatchObject({ matched: 1_201, missing: 0, extra: 0 });
  });

  it.each(changes)('names the event that now asks for %s', async (_, asksFor, expected) => {
    const before = await deliveryTables(databases);
    expect(await replayWith(databases, asksFor)).toEqual({
      ...{ amended: 0, executed: 0, firstDifference: 1_000 },
      ...expected,
    });
    expect(await deliveryTables(databases)).toEqual(before);
  });

  it('counts every difference, shows the first few, and loses none between pages', async () => {
    const report = await replayWith(databases, (d, at) => (at < 7 ? d.tasks : [greet('bob')]));
    // From 7 to 600 the first task differs and the second one is gone; then one where none was,
    // and at 1,000 another one than was.
    expect(report).toMatchObject({
      ...{ matched: 12, missing: 2 * 594 + 1, extra: 594 + 600 },
      ...{ firstDifference: 7, executed: 0 },
    });
    expect(report.samples).toHaveLength(10);
    expect(report.samples[0]).toEqual({ ...same, kind: 'missing', position: 7 });
    expect(report.samples.map((s) => s.position)).toEqual([7, 7, 7, 8, 8, 8, 9, 9, 9, 10]);
  });
});

describe('a gateway whose check was removed', () => {
  /** Records on a replay as if it were live, on the connection that the replay reads with. */
  class UncheckedTasks extends ComparedTasks {
    readonly answers: Promise<unknown>[] = [];

    constructor(private readonly log: WriterConnection) {
      super(new Set(NAMES));
    }

    protected override take({ position, ordinal, name, payload }: RequestedTask): void {
      const answer = this.log.send({
        text: `insert into task_log values ($1, $2 + 100, gen_random_uuid(), $3, null, $4)`,
        values: [position, ordinal, name, payload],
      });
      answer.catch(() => undefined);
      this.answers.push(answer);
    }
  }

  it('is refused by the database, and no task is recorded', async () => {
    const ledger = await startPings();
    await ledger.accept(SendPing, { tasks: [greet('ann')], count: 3 });
    await ledger.close();
    const { databases } = ledger;
    const before = await deliveryTables(databases);
    const log = new WriterConnection(clientConfig(databases.urls.log, ROLES.logReplayer, TIMEOUTS));
    const stateUrl = await databases.emptyState();
    const state = new WriterConnection(clientConfig(stateUrl, undefined, TIMEOUTS));
    try {
      await log.connect();
      await state.connect();
      const { head } = await lockLog(log, GENESIS);
      await state.send('begin');
      const tasks = new UncheckedTasks(log);
      await catchUp(new Registry(FEATURES), log, state, GENESIS, head, { tasks });
      const answers = await Promise.allSettled(tasks.answers);
      expect(answers).toHaveLength(3);
      expect(answers[0]).toMatchObject({
        status: 'rejected',
        reason: { code: '42501', message: 'permission denied for table task_log' },
      });
      expect(answers.map((a) => a.status)).toEqual(['rejected', 'rejected', 'rejected']);
    } finally {
      log.destroy();
      state.destroy();
    }
    expect(await deliveryTables(databases)).toEqual(before);
  });
});
