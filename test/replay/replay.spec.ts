import { sql } from 'kysely';
import { AccountOpened } from '../../src/accounts/account.events';
import { openLedger } from '../../src/engine/open-ledger';
import { LedgerUnavailable } from '../../src/engine/refusal';
import { Registry, type Feature } from '../../src/engine/registry';
import { features } from '../../src/features';
import { replay } from '../../src/replay/replay';
import { PostTransaction } from '../../src/transactions/transaction.creators';
import { TransactionPosted } from '../../src/transactions/transaction.events';
import { openAccount, transfer } from '../harness/books';
import { query } from '../harness/cluster';
import { cloneDatabases, type TestDatabases } from '../harness/databases';
import { dumpState } from '../harness/invariants';
import { RecordedLog, startTestLedger, TEST_LIMITS, type TestLedger } from '../harness/ledger';
import { seededRandom } from '../harness/seed';
import { mixedBooks } from './mixed-books';
import { schemaOf } from './state-schema';

jest.setTimeout(60_000);

type Apply = Feature['materializers'][number]['apply'];

/** The program's features with one materializer changed. */
function changed(type: string, change: (apply: Apply) => Apply, version?: number): Feature[] {
  return features.map((feature) => ({
    ...feature,
    materializers: feature.materializers.map((materializer) => {
      if (materializer.event.type !== type) return materializer;
      const { apply } = materializer;
      return {
        ...materializer,
        apply: change(apply),
        ...(version !== undefined && { version }),
      };
    }),
  }));
}

/** Books with a few thousand events, and no ledger that uses them. */
async function someBooks(commands = 3_000): Promise<TestDatabases> {
  const ledger = await startTestLedger();
  await mixedBooks(ledger, seededRandom(), commands);
  await ledger.close();
  return ledger.databases;
}

function replayOf({ urls }: TestDatabases, of: readonly Feature[] = features) {
  return replay({ urls, registry: new Registry(of) });
}

describe('a replay (on real databases)', () => {
  it('leaves exactly the state that was there, twice', async () => {
    const databases = await someBooks();
    const { state } = databases.urls;
    const [before, schema] = [await dumpState(state), await schemaOf(state)];
    expect(before.get('entries')!.length).toBeGreaterThan(5_000);
    const progress: number[] = [];
    const registry = new Registry(features);
    const onProgress = (position: number) => progress.push(position);
    const report = await replay({ urls: databases.urls, registry, onProgress });
    expect(await dumpState(state)).toEqual(before);
    expect(await schemaOf(state)).toEqual(schema);
    expect(report).toMatchObject({
      status: 'swapped',
      processed: report.toPosition,
      chain: { ok: true, brokenAt: null },
      doom: null,
    });
    expect(progress.at(-1)).toBe(report.toPosition);
    expect((await replayOf(databases)).status).toBe('swapped');
    expect(await dumpState(state)).toEqual(before);
  });

  it('replaces a state that is wrong', async () => {
    const databases = await someBooks(300);
    const { state } = databases.urls;
    const before = await dumpState(state);
    await query(state, 'delete from state.entries where ordinal = 0');
    await query(state, `update state.accounts set name = 'wrong', client_id = null`);
    expect(await dumpState(state)).not.toEqual(before);
    await replayOf(databases);
    expect(await dumpState(state)).toEqual(before);
  });

  it('works on an empty log', async () => {
    const databases = await cloneDatabases();
    const report = await replayOf(databases);
    expect(report).toMatchObject({ status: 'swapped', toPosition: 0, processed: 0 });
  });

  it('builds the state for other materializers, without which nothing is written', async () => {
    const databases = await someBooks(300);
    const others = changed(AccountOpened.type, (apply) => apply, 2);
    const options = { urls: databases.urls, limits: TEST_LIMITS, readPoolSize: 1 };
    const open = () => openLedger({ ...options, features: others, log: new RecordedLog() });
    await expect(open()).rejects.toThrow('another version of the materializers');
    expect((await replayOf(databases, others)).status).toBe('swapped');
    await (await open()).close();
    databases.features = others;
  });

  it('stops at an Event of Doom and leaves the state as it was', async () => {
    const databases = await someBooks(1_500);
    const { state } = databases.urls;
    const [before, schema] = [await dumpState(state), await schemaOf(state)];
    const doomed = changed(TransactionPosted.type, (apply) => (event, context) => {
      if (event.position > 1_000) throw new Error('this cannot be');
      return apply(event, context);
    });
    const { status, doom } = await replayOf(databases, doomed);
    expect(status).toBe('aborted');
    expect(doom).toMatchObject({ type: TransactionPosted.type, error: 'this cannot be' });
    expect(doom!.position).toBeGreaterThan(1_000);
    expect(await dumpState(state)).toEqual(before);
    expect(await schemaOf(state)).toEqual(schema);
  });

  it('names the event whose row a constraint refuses', async () => {
    const databases = await someBooks(1_500);
    const before = await dumpState(databases.urls.state);
    const [{ position }] = (await query<{ position: number }>(
      databases.urls.log,
      `select position from event_log where type = 'TransactionPosted'
       order by position offset 700 limit 1`,
    )) as [{ position: number }];
    const doomed = changed(TransactionPosted.type, (apply) => (event, context) => {
      if (event.position !== position) return apply(event, context);
      const data = { ...event.data, effectiveDate: null };
      return apply({ ...event, data }, context);
    });
    const { doom } = await replayOf(databases, doomed);
    expect(doom).toMatchObject({ position });
    expect(doom!.error).toContain('null value in column "effective_date"');
    expect(await dumpState(databases.urls.state)).toEqual(before);
  });

  it('names the event that breaks a unique index built at the end', async () => {
    const databases = await someBooks(100);
    let first: number | undefined;
    const doomed = changed(AccountOpened.type, (apply) => (event, context) => {
      first ??= event.position;
      const isTwin = event.position === first || event.position === first + 7;
      const data = isTwin ? { ...event.data, clientId: 'twin' } : event.data;
      return apply({ ...event, data }, context);
    });
    const { doom } = await replayOf(databases, doomed);
    expect(doom).toMatchObject({ position: first! + 7, type: AccountOpened.type });
  });

  it('stops where the hash chain is broken', async () => {
    const databases = await someBooks(800);
    databases.isChecked = false;
    const before = await dumpState(databases.urls.state);
    const { log } = databases.superUrls;
    const partition = 'event_log_p0000000000001';
    await query(log, `alter table ${partition} disable trigger all`);
    await query(
      log,
      `update ${partition} set data = jsonb_set(data::jsonb, '{description}', '"forged"')::json
       where position =
         (select max(position) - 20 from event_log where type = 'TransactionPosted')`,
    );
    const [{ position }] = (await query<{ position: number }>(
      log,
      `select position from event_log where data ->> 'description' = 'forged'`,
    )) as [{ position: number }];
    const report = await replayOf(databases);
    expect(report).toMatchObject({
      status: 'aborted',
      chain: { ok: false, brokenAt: position },
      doom: null,
    });
    expect(await dumpState(databases.urls.state)).toEqual(before);
  });
});

describe('a replay beside a running ledger', () => {
  /** One read of everything: an event makes one row, or closes an account. */
  async function readWhole(ledger: TestLedger): Promise<{ position: number; events: number }> {
    const { position, value } = await ledger.open.stateReader.read(async (db) => {
      const { rows } = await sql<{ events: number }>`
        select (select count(*) from accounts) + (select count(closed_position) from accounts)
          + (select count(*) from transactions) as events`.execute(db);
      return rows[0]!.events;
    });
    return { position, events: value };
  }

  it('lets writers wait and readers see whole states only', async () => {
    const ledger = await startTestLedger({ limits: { lockTimeoutMs: 20_000 } });
    await mixedBooks(ledger, seededRandom(), 2_000);
    const [a, b] = [await openAccount(ledger), await openAccount(ledger, { type: 'equity' })];
    let isReplaying = true;
    let reads = 0;
    const read = async () => {
      while (isReplaying) {
        const { position, events } = await readWhole(ledger);
        expect(events).toBe(position);
        reads++;
      }
    };
    const write = async () => {
      while (isReplaying) await ledger.accept(PostTransaction, transfer(a, b, '1.00'));
    };
    const others = [read(), read(), write(), write()];
    for (let round = 0; round < 3; round++) {
      expect((await replayOf(ledger.databases)).status).toBe('swapped');
    }
    isReplaying = false;
    await Promise.all(others);
    expect(reads).toBeGreaterThan(3);
    const posted = await ledger.accept(PostTransaction, transfer(a, b, '1.00'));
    expect(Number(posted.postings[0]!.balanceAfter)).toBeGreaterThan(1);
  });

  it('refuses writers that would wait too long, and lets them go on afterwards', async () => {
    const ledger = await startTestLedger({ limits: { lockTimeoutMs: 50 } });
    await mixedBooks(ledger, seededRandom(), 2_000);
    const [a, b] = [await openAccount(ledger), await openAccount(ledger, { type: 'equity' })];
    const running = replayOf(ledger.databases);
    let isRunning = true;
    void running.finally(() => (isRunning = false));
    let refused = 0;
    while (isRunning) {
      await ledger.submit(PostTransaction, transfer(a, b, '1.00')).catch((error: unknown) => {
        if (!(error instanceof LedgerUnavailable)) throw error;
        refused++;
      });
    }
    expect((await running).status).toBe('swapped');
    expect(refused).toBeGreaterThan(0);
    await ledger.accept(PostTransaction, transfer(a, b, '1.00'));
  });
});
