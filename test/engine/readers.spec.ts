import { sql } from 'kysely';
import { readAccount } from '../../src/books/accounts/account.queries';
import { PostTransaction } from '../../src/books/transactions/transaction.creators';
import { forInstallation, installationOf } from '../../src/database/connections';
import type { ReadCost } from '../../src/engine/session/database-reader';
import { LOCK_OUT_READERS } from '../../src/proof/replay/swap';
import { currentAccount, openAccount, transfer } from '../harness/books';
import { query, testCluster, withClient } from '../harness/cluster';
import { cloneDatabases } from '../harness/databases';
import { startTestLedger, TEST_LIMITS, type TestLedger } from '../harness/ledger';
import { DatabaseProxy } from '../harness/proxy';
import { gate, waitFor } from '../harness/waiting';

const COSTS: readonly ReadCost[] = ['cheap', 'expensive'];
/** Less than anybody waits for a connection. */
const SOON_MS = 2_000;
/** Nothing is read for somebody who has left for so long. */
const LEFT_MS = 1_000;

async function startBooks(ledger: TestLedger) {
  const [cash, equity] = [await openAccount(ledger), await openAccount(ledger, { type: 'equity' })];
  const pay = (idempotencyKey?: string) =>
    ledger.submit(PostTransaction, transfer(cash, equity, '1'), { idempotencyKey });
  return { cash, pay };
}

/** Has every connection for reading taken, and others wait for them. */
function readForEver({ open }: TestLedger, until: Promise<void>): Promise<unknown> {
  const forEver = () => until;
  return Promise.all([
    ...COSTS.flatMap((cost) =>
      Array.from({ length: 20 }, () => [
        open.stateReader.read(forEver, { cost }),
        open.callersLog.read(forEver, { cost }),
      ]).flat(),
    ),
    ...Array.from({ length: 20 }, () => open.logReader.connection().execute(forEver)),
  ]);
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const began = performance.now();
  const value = await work;
  expect(performance.now() - began).toBeLessThan(SOON_MS);
  return value;
}

describe('the engine', () => {
  it('has connections of its own for keys and rows, whoever reads', async () => {
    const ledger = await startTestLedger();
    const { pay } = await startBooks(ledger);
    await pay('known');
    // A new one knows neither keys nor rows.
    await ledger.restart();
    const released = gate();
    const reading = readForEver(ledger, released.opened);
    expect(await inTime(pay('new'))).toMatchObject({ kind: 'accepted', isHit: false });
    expect(await inTime(pay('known'))).toMatchObject({ kind: 'accepted', isHit: true });
    released.open();
    await reading;
  });
});

describe('a read', () => {
  it('that is cheap waits for none that is expensive', async () => {
    const ledger = await startTestLedger({ reads: { cheap: 1, expensive: 2 } });
    const { cash } = await startBooks(ledger);
    const released = gate();
    const { stateReader, callersLog } = ledger.open;
    const options = { cost: 'expensive' } as const;
    const reading = Array.from({ length: 40 }, (_, i) =>
      (i % 2 ? stateReader : callersLog).read(() => released.opened, options),
    );
    expect(await inTime(currentAccount(ledger, cash.id))).toMatchObject({ balance: '0.00' });
    released.open();
    await Promise.all(reading);
  });

  it.each(COSTS)(
    'that is %s is refused where too many wait, or it waited too long',
    async (cost) => {
      const reads = { cheap: 1, expensive: 1, queueLimit: 1, waitMs: 200 };
      const ledger = await startTestLedger({ reads });
      const released = gate();
      const { stateReader, callersLog } = ledger.open;
      const reading = stateReader.read(() => released.opened, { cost });
      // Those of both databases wait in one queue.
      const late = callersLog.read(() => Promise.resolve(), { cost });
      await expect(stateReader.read(() => Promise.resolve(), { cost })).rejects.toThrow('Too many');
      await expect(late).rejects.toThrow('waited too long');
      released.open();
      await reading;
    },
  );

  it.each(COSTS)('that is %s has a timeout on the server, and no helpers', async (cost) => {
    const ledger = await startTestLedger();
    const settings = sql<{ timeout: string; parallel: string }>`
      select current_setting('statement_timeout') as timeout,
             current_setting('max_parallel_workers_per_gather') as parallel`;
    const found = [
      (await ledger.open.stateReader.read((db) => settings.execute(db), { cost })).value,
      await ledger.open.callersLog.read((db) => settings.execute(db), { cost }),
    ];
    for (const { rows } of found) {
      expect(rows[0]!.timeout).toBe(`${TEST_LIMITS.statementTimeoutMs / 1000}s`);
      if (cost === 'expensive') expect(rows[0]!.parallel).toBe('0');
    }
  });

  it.each(COSTS)('that is %s ends on the server when its caller leaves', async (cost) => {
    const ledger = await startTestLedger({ reads: { cheap: 2, expensive: 2 } });
    const { cash } = await startBooks(ledger);
    const { log, state } = ledger.databases.urls;
    const names = [log, state].map((url) => new URL(url).pathname.slice(1));
    const running = async () => {
      const rows = await query<{ pid: number }>(
        testCluster().superUrl,
        `select pid from pg_stat_activity where query like '%pg_sleep%' and datname = any($1)`,
        [names],
      );
      return rows.length;
    };
    const leaving = new AbortController();
    const options = { cost, signal: leaving.signal };
    const { stateReader, callersLog } = ledger.open;
    const readings = Array.from({ length: 10 }, (_, i) =>
      i % 2
        ? stateReader.read((db) => sql`select pg_sleep(60)`.execute(db), options)
        : callersLog.read((db) => sql`select pg_sleep(60)`.execute(db), options),
    );
    const settled = Promise.allSettled(readings);
    await waitFor('two to be read', async () => (await running()) === 2);
    leaving.abort(new Error('left'));
    const began = performance.now();
    for (const { status } of await settled) expect(status).toBe('rejected');
    await waitFor('nothing to be read', async () => (await running()) === 0);
    expect(performance.now() - began).toBeLessThan(LEFT_MS);
    expect(await inTime(currentAccount(ledger, cash.id))).toMatchObject({ balance: '0.00' });
  });
});

describe('a read by one statement', () => {
  it('says what position its rows are of, in their order, also where there are none', async () => {
    const ledger = await startTestLedger();
    const { cash } = await startBooks(ledger);
    const { stateReader } = ledger.open;
    const rows = sql<{ a: number; b: string | null }>`
      select a, null::text as b from unnest(array[3, 1, 2]) as a order by a desc`;
    const ordered = await stateReader.readOne(async (db) => (await rows.execute(db)).rows);
    const expected = [3, 2, 1].map((a) => ({ a, b: null }));
    expect(ordered).toEqual({ position: 2, value: expected });
    const none = await stateReader.readOne((db) => readAccount(db, `client:${cash.id}`));
    expect(none).toEqual({ position: 2, value: undefined });
    expect(await stateReader.readOne(() => Promise.resolve(7))).toEqual({ position: 2, value: 7 });
    const twice = stateReader.readOne(async (db) => {
      await readAccount(db, cash.id);
      await readAccount(db, cash.id);
    });
    await expect(twice).rejects.toThrow('needs a transaction');
    const failing = stateReader.readOne((db) => sql`select 1 / 0`.execute(db));
    await expect(failing).rejects.toThrow('division by zero');
    expect((await stateReader.readOne((db) => readAccount(db, cash.id))).value).toBeDefined();
  });

  it('waits for a swap before it looks at anything', async () => {
    const ledger = await startTestLedger();
    const { cash, pay } = await startBooks(ledger);
    await pay();
    const { state } = ledger.databases.urls;
    const { stateReader } = ledger.open;
    const balance = async () => {
      const { position, value } = await stateReader.readOne((db) => readAccount(db, cash.id));
      return { position, debits: value?.debits };
    };
    const before = { position: 3, debits: 100n };
    // So often that the server keeps a plan of it.
    for (let i = 0; i < 20; i++) expect(await balance()).toEqual(before);
    await withClient(state, async (client) => {
      await client.query(`begin; ${LOCK_OUT_READERS}`);
      const reading = Promise.all(Array.from({ length: 3 }, balance));
      await waitFor('the reads to wait', async () => {
        const waiting = await query(
          testCluster().superUrl,
          `select from pg_stat_activity where wait_event_type = 'Lock' and datname = $1`,
          [new URL(state).pathname.slice(1)],
        );
        return waiting.length > 0;
      });
      // What they are shown afterwards has the entries of the other schema, and none of this one.
      await client.query(`create table state.moved as table state.entries`);
      await client.query('truncate state.entries');
      await client.query('alter schema state rename to state_gone; create schema state');
      const usage = 'grant usage on schema state to truebook_state_reader';
      const tables = await client.query<{ name: string }>(
        `select relname as name from pg_class
         where relkind = 'r' and relnamespace = 'state_gone'::regnamespace`,
      );
      for (const { name } of tables.rows) {
        await client.query(`create table state.${name} as table state_gone.${name}`);
      }
      await client.query('insert into state.entries table state_gone.moved');
      await client.query(forInstallation(usage, installationOf(state)));
      const select = 'grant select on all tables in schema state to truebook_state_reader';
      await client.query(forInstallation(select, installationOf(state)));
      await client.query('commit');
      for (const found of await reading) expect(found).toEqual(before);
      expect(await balance()).toEqual(before);
      await client.query('drop schema state cascade; alter schema state_gone rename to state');
      await client.query('insert into state.entries table state.moved; drop table state.moved');
    });
    expect(await balance()).toEqual(before);
  });
});

describe('a read between the two commits of a batch', () => {
  it('sees what was acknowledged, and heals nothing', async () => {
    const databases = await cloneDatabases();
    const proxy = await DatabaseProxy.start(databases.urls.state);
    databases.onEnd(() => proxy.close());
    const urls = { log: databases.urls.log, state: proxy.url };
    const ledger = await startTestLedger({ databases, urls });
    const { cash, pay } = await startBooks(ledger);
    const heal = jest.spyOn(ledger.open.ledger, 'heal');
    const held = proxy.next('hold');
    const paying = pay();
    await held;
    expect(ledger.open.ledger.head.position).toBe(3);
    expect(await inTime(currentAccount(ledger, cash.id))).toMatchObject({ balance: '0.00' });
    proxy.release();
    expect(await paying).toMatchObject({ kind: 'accepted', position: 3 });
    expect(await currentAccount(ledger, cash.id)).toMatchObject({ balance: '1.00' });
    expect(heal).not.toHaveBeenCalled();
  });

  it('never heals beside writers, however many there are', async () => {
    const ledger = await startTestLedger();
    const { cash, pay } = await startBooks(ledger);
    const heal = jest.spyOn(ledger.open.ledger, 'heal');
    let isOver = false;
    let reads = 0;
    const readers = Array.from({ length: 8 }, async () => {
      for (; !isOver; reads++) await currentAccount(ledger, cash.id);
    });
    // Reads rest beside writers, so that these go on until there were enough of them.
    const writers = Array.from({ length: 16 }, async () => {
      for (let i = 0; i < 50 || reads < 100; i++) await pay();
    });
    await Promise.all(writers);
    isOver = true;
    await Promise.all(readers);
    expect(heal).not.toHaveBeenCalled();
  });
});
