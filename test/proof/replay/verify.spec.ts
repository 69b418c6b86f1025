import { AccountOpened } from '../../../src/books/accounts/account.events';
import { features } from '../../../src/features';
import { RunInProgress } from '../../../src/proof/replay/rebuild';
import { swapBack } from '../../../src/proof/replay/swap';
import { TransactionPosted } from '../../../src/books/transactions/transaction.events';
import { query, withClient } from '../../harness/cluster';
import { cloneDatabases, type TestDatabases } from '../../harness/databases';
import { openAccount } from '../../harness/books';
import { startTestLedger } from '../../harness/ledger';
import { seededRandom } from '../../harness/seed';
import { gate, waitFor } from '../../harness/waiting';
import {
  changed,
  differing,
  leftBehind,
  replayOf,
  someBooks,
  verifyOf,
  withTwins,
  writeBooks,
} from './some-books';

const TABLES = features.flatMap((feature) => feature.tables.map((table) => table.name)).sort();

async function headOf({ urls }: TestDatabases): Promise<number> {
  const [row] = await query<{ head: number }>(
    urls.log,
    'select coalesce(max(position), 0) as head from event_log',
  );
  return row!.head;
}

describe('a verification (on real databases)', () => {
  it('passes on good books, says what it stood on, and leaves nothing', async () => {
    const databases = await someBooks(500);
    const head = await headOf(databases);
    const seen: number[] = [];
    const onProgress = (position: number, end: number) => seen.push(position / end);
    const report = await verifyOf(databases, { onProgress });
    expect(report).toMatchObject({
      status: 'passed',
      toPosition: head,
      processed: head,
      chain: { ok: true, brokenAt: null },
      log: [],
      doom: null,
      tasks: { missing: 0, extra: 0, executed: 0, firstDifference: null },
      ranOn: { logHead: { position: head }, stateHead: { position: head } },
    });
    expect(report.tasks.matched).toBeGreaterThan(0);
    expect(report.ranOn.stateMaterializersVersion).toBe(report.ranOn.materializersVersion);
    expect(report.tables.map(({ table }) => table).sort()).toEqual(TABLES);
    for (const table of report.tables) {
      expect(table.liveRows).toBe(table.rebuiltRows);
      expect(table).toMatchObject({ missing: 0, extra: 0, changed: 0, samples: [] });
    }
    expect(seen.at(-1)).toBe(1);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    await waitFor('the run to be gone', async () => (await leftBehind(databases)).length === 0);
  });

  it('passes on an empty log, and on a log with one event', async () => {
    const databases = await cloneDatabases();
    expect(await verifyOf(databases)).toMatchObject({
      status: 'passed',
      toPosition: 0,
      doom: null,
    });
    const ledger = await startTestLedger({ databases });
    await openAccount(ledger);
    await ledger.close();
    expect(await verifyOf(databases)).toMatchObject({
      status: 'passed',
      toPosition: 1,
      processed: 1,
      ranOn: { logHead: { position: 1 } },
    });
    await query(databases.urls.state, `update state.accounts set name = 'forged'`);
    expect(await verifyOf(databases)).toMatchObject({ status: 'failed' });
    await query(databases.urls.state, `update state.accounts set name = 'An account'`);
  });

  it('says that other materializers have built the live state', async () => {
    const databases = await someBooks(100);
    const others = changed(AccountOpened.type, (apply) => apply, 77);
    const { status, ranOn } = await verifyOf(databases, {}, others);
    expect(status).toBe('passed');
    expect(ranOn.stateMaterializersVersion).not.toBe(ranOn.materializersVersion);
    const [row] = await query<{ version: string }>(
      databases.urls.state,
      'select materializers_version as version from state.event_log_state',
    );
    expect(ranOn.stateMaterializersVersion).toBe(row!.version);
  });

  it('names an Event of Doom with the events around it', async () => {
    const databases = await someBooks(300);
    const positions = await query<{ position: number }>(
      databases.urls.log,
      `select position from event_log where type = 'TransactionPosted' order by position`,
    );
    const { position } = seededRandom().pick(positions.slice(0, -5));
    const doomed = changed(TransactionPosted.type, (apply) => (event, context) => {
      if (event.position >= position) throw new Error('this cannot be');
      return apply(event, context);
    });
    const { status, doom } = await verifyOf(databases, {}, doomed);
    expect(status).toBe('failed');
    expect(doom).toMatchObject({ position, type: TransactionPosted.type, error: 'this cannot be' });
    expect(doom!.neighbours.map((event) => event.position - position)).toEqual([
      -3, -2, -1, 0, 1, 2, 3,
    ]);
    expect(doom!.neighbours[3]).toMatchObject({
      eventId: doom!.eventId,
      type: TransactionPosted.type,
    });
    expect(JSON.stringify(doom!.neighbours)).not.toContain('description');
  });

  it('names the event that breaks an index that only differing tables are given', async () => {
    const databases = await someBooks(100);
    const { twins, second } = withTwins();
    const { status, doom } = await verifyOf(databases, {}, twins);
    expect(status).toBe('failed');
    expect(doom).toMatchObject({ position: second(), type: AccountOpened.type });
  });

  it('does not blame an event for a server in trouble', async () => {
    const databases = await someBooks(50);
    const troubled = changed(TransactionPosted.type, () => () => {
      throw Object.assign(new Error('could not extend file'), { code: '53100' });
    });
    await expect(verifyOf(databases, {}, troubled)).rejects.toThrow('could not extend file');
    await expect(replayOf(databases, {}, troubled)).rejects.toThrow('could not extend file');
  });

  it('finds a materializer that is not deterministic', async () => {
    const planted = changed(AccountOpened.type, (apply) => (event, context) => {
      const data = { ...event.data, name: `opened after ${performance.now()} ms` };
      return apply({ ...event, data }, context);
    });
    const databases = await cloneDatabases({ isChecked: false });
    const ledger = await startTestLedger({ databases, features: planted });
    const accounts = [await openAccount(ledger), await openAccount(ledger)];
    await ledger.close();
    const report = await verifyOf(databases, {}, planted);
    expect(report.status).toBe('failed');
    expect(differing(report)).toMatchObject([
      { table: 'accounts', changed: 2, missing: 0, extra: 0, firstDivergingPosition: 1 },
      // What they are found by: two numbers of each name.
      { table: 'account_terms', changed: 0, missing: 4, extra: 4, firstDivergingPosition: 1 },
    ]);
    const { samples } = report.tables.find(({ table }) => table === 'accounts')!;
    expect(samples.map(({ key, column }) => [key, column])).toEqual(
      accounts.map(({ id }) => [`account_id=${id}`, 'name']),
    );
  });
});

describe('a verification up to an earlier position', () => {
  it('passes on good books wherever it ends, also beyond the end', async () => {
    const random = seededRandom();
    const databases = await someBooks(300);
    const head = await headOf(databases);
    const ends = [1, head - 1, head, head + 10, ...[1, 2, 3].map(() => 1 + random.below(head))];
    for (const toPosition of ends) {
      const report = await verifyOf(databases, { toPosition });
      expect({ toPosition, status: report.status, differing: differing(report) }).toEqual({
        toPosition,
        status: 'passed',
        differing: [],
      });
      expect(report.toPosition).toBe(Math.min(toPosition, head));
    }
  });

  it('finds what was changed before it, and not what was changed after it', async () => {
    const random = seededRandom();
    const databases = await someBooks(300, { isChecked: false });
    const entries = await query<{ position: number }>(
      databases.urls.state,
      'select distinct position from state.entries order by 1',
    );
    const { position } = random.pick(entries.slice(1, -1));
    await query(
      databases.urls.state,
      'update state.entries set amount = amount + 1 where position = $1 and ordinal = 0',
      [position],
    );
    const before = await verifyOf(databases, { toPosition: position - 1 });
    expect(before).toMatchObject({ status: 'passed' });
    for (const toPosition of [position, position + 1]) {
      const report = await verifyOf(databases, { toPosition });
      expect(report.status).toBe('failed');
      expect(differing(report)).toMatchObject([
        { table: 'entries', changed: 1, firstDivergingPosition: position },
      ]);
    }
  });
});

describe('runs at the same time', () => {
  it('are refused while another one runs, and begin when it has ended', async () => {
    const databases = await someBooks(100);
    for (const run of [verifyOf, replayOf]) {
      const [isUnderWay, mayGoOn] = [gate(), gate()];
      const pace = () => {
        isUnderWay.open();
        return mayGoOn.opened;
      };
      const first = run(databases, { pace });
      await isUnderWay.opened;
      await expect(verifyOf(databases)).rejects.toThrow(RunInProgress);
      await expect(replayOf(databases)).rejects.toThrow(RunInProgress);
      await expect(swapBack(databases.urls)).rejects.toThrow(RunInProgress);
      mayGoOn.open();
      expect((await first).status).toMatch(/^(passed|swapped)$/);
    }
  });

  it('wait a moment for one that ends, also where the clock is set meanwhile', async () => {
    const databases = await someBooks(100);
    const { state } = databases.superUrls;
    const present = Date.now;
    let hours = 0;
    jest.spyOn(Date, 'now').mockImplementation(() => present() + ++hours * 3_600_000);
    const run = await withClient(state, async (other) => {
      await other.query(`select pg_advisory_lock(hashtext('truebook replay'))`);
      const waits = verifyOf(databases);
      waits.catch(() => undefined);
      await waitFor('it to be kept out', async () => {
        const tried = `select from pg_stat_activity where query like '%pg_try_advisory_lock%hasht%'
          and datname = current_database() and pid <> pg_backend_pid() and state = 'idle'`;
        return (await other.query(tried)).rows.length > 0;
      });
      return { waits };
    }).finally(() => jest.restoreAllMocks());
    expect((await run.waits).status).toBe('passed');
  });

  it('leave nothing when they are aborted', async () => {
    const databases = await cloneDatabases();
    await writeBooks(databases, seededRandom(), 1_200);
    for (const run of [verifyOf, replayOf]) {
      const abort = new AbortController();
      let pages = 0;
      const onProgress = () => {
        pages++;
        abort.abort(new Error('enough'));
      };
      const report = await run(databases, { signal: abort.signal, onProgress });
      expect({ status: report.status, pages }).toEqual({ status: 'aborted', pages: 1 });
      await waitFor('the run to be gone', async () => (await leftBehind(databases)).length === 0);
    }
    const early = AbortSignal.abort(new Error('enough'));
    expect((await verifyOf(databases, { signal: early })).status).toBe('aborted');
    expect((await verifyOf(databases)).status).toBe('passed');
  });
});
