import { sql, type CompiledQuery } from 'kysely';
import { prepared } from '../../../src/database/prepared';
import type { StateDatabase } from '../../../src/engine/define/state-table';
import type { Read } from '../../../src/engine/session/state-reader';
import { NoWayBack, swapBack } from '../../../src/proof/replay/swap';
import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import { SubscribeWebhook } from '../../../src/outside/webhooks/webhook.creators';
import { openAccount, transfer } from '../../harness/books';
import { query, withClient } from '../../harness/cluster';
import { dumpState } from '../../harness/invariants';
import { startTestLedger, type TestLedger } from '../../harness/ledger';
import { rounds } from '../../harness/rounds';
import { seededRandom, type Random } from '../../harness/seed';
import { waitFor } from '../../harness/waiting';
import { mixedBooks } from './mixed-books';
import { differing, replayOf, verifyOf } from './some-books';

const ACCOUNTS = 6;
const LOOPS = 8;
const ROUNDS = rounds(2, 3);
/** Writers wait for a lock that a reader keeps from the replay no longer than this. */
const SHORT_MS = 1_000;

function countEvents(name?: string) {
  return prepared<StateDatabase, object, { events: number }>((db) => {
    const query = sql<{ events: number }>`
      select (select count(*) from accounts) + (select count(closed_position) from accounts)
        + (select count(*) from transactions) as events`;
    return { compile: (): CompiledQuery<{ events: number }> => query.compile(db) };
  }, name);
}
const [counted, countedAgain] = [countEvents(), countEvents('all that happened')];

/** Reads of everything: an event makes one row, or closes an account. */
const WAYS: readonly ((ledger: TestLedger) => Promise<Read<{ events: number }[]>>)[] = [
  ({ open }) => open.stateReader.readOne((db) => counted(db, {})),
  // Kept parsed and planned.
  ({ open }) => open.stateReader.readOne((db) => countedAgain(db, {})),
  ({ open }) =>
    open.stateReader.read(async (db) => [...(await counted(db, {})), ...(await counted(db, {}))]),
];

/** Writers and readers at full speed until they are told to stop. */
class Traffic {
  /** Keys of the transfers that were accepted. */
  readonly accepted: string[] = [];
  reads = 0;
  longestMs = 0;
  private isOver = false;
  private readonly loops: Promise<void>[] = [];

  constructor(
    private readonly random: Random,
    private readonly ids: readonly string[],
  ) {}

  write(name: string, ledger: TestLedger): void {
    for (let loop = 0; loop < LOOPS; loop++) {
      this.repeat(async (i) => {
        const [from, to] = [this.random.pick(this.ids), this.random.pick(this.ids)];
        const clientId = `${name}.${loop}.${i}`;
        const input = transfer({ id: from }, { id: to }, '0.01', { clientId });
        const startedMs = performance.now();
        await ledger.accept(PostTransaction, input);
        this.longestMs = Math.max(this.longestMs, performance.now() - startedMs);
        this.accepted.push(clientId);
      });
    }
  }

  read(ledger: TestLedger, read: (typeof WAYS)[number]): void {
    this.repeat(async () => {
      const { position, value } = await read(ledger);
      for (const { events } of value) expect(events).toBe(position);
      this.reads++;
    });
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.loops);
  }

  private repeat(once: (i: number) => Promise<void>): void {
    const loop = async () => {
      for (let i = 0; !this.isOver; i++) await once(i);
    };
    this.loops.push(loop());
  }
}

async function openAccounts(ledger: TestLedger): Promise<string[]> {
  const open = Array.from({ length: ACCOUNTS }, () => openAccount(ledger));
  return (await Promise.all(open)).map(({ id }) => id);
}

describe('a replay beside running ledgers', () => {
  it('loses nothing that two of them write, and shows readers whole states only', async () => {
    const random = seededRandom();
    const one = await startTestLedger();
    const { databases } = one;
    await mixedBooks(one, random, rounds(300, 1_000));
    const other = await startTestLedger({ databases });
    const ids = await openAccounts(one);
    const traffic = new Traffic(random, ids);
    traffic.write('one', one);
    traffic.write('other', other);
    for (const ledger of [one, other]) for (const way of WAYS) traffic.read(ledger, way);
    const held: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const { length: before } = traffic.accepted;
      const { status, swapMs, accepted, toPosition } = await replayOf(databases);
      expect({ status, accepted }).toEqual({ status: 'swapped', accepted: null });
      held.push(swapMs!);
      expect(toPosition).toBeGreaterThan(before);
      expect(traffic.accepted.length).toBeGreaterThan(before);
    }
    expect((await verifyOf(databases)).status).toBe('passed');
    await traffic.stop();
    process.stderr.write(
      `${traffic.accepted.length} transfers, ${traffic.reads} reads; the swaps held writers for ` +
        `${held.join(', ')} ms, and the longest write took ${Math.round(traffic.longestMs)} ms\n`,
    );
    expect(traffic.reads).toBeGreaterThan(10);
    const posted = await query<{ id: string }>(
      databases.urls.log,
      `select data ->> 'clientId' as id from event_log
       where type = 'TransactionPosted' and data ->> 'clientId' ~ '^(one|other)\\.'`,
    );
    expect(posted.map(({ id }) => id).sort()).toEqual([...traffic.accepted].sort());
    const [bank] = await query<{ total: string }>(
      databases.urls.state,
      `select coalesce(sum(case direction when 'debit' then amount else -amount end), 0)::text
         as total from state.entries`,
    );
    expect(bank!.total).toBe('0');
  });

  it('lets writers go on while a reader takes its time', async () => {
    const random = seededRandom();
    const ledger = await startTestLedger();
    const { databases } = ledger;
    const ids = await openAccounts(ledger);
    const traffic = new Traffic(random, ids);
    traffic.write('one', ledger);
    let hasEnded = false;
    const report = await withClient(databases.urls.state, async (reader) => {
      await reader.query('begin isolation level repeatable read read only');
      await reader.query('lock table state.event_log_state in access share mode');
      const before = await reader.query('select count(*) from state.transactions');
      const running = replayOf(databases).finally(() => (hasEnded = true));
      await waitFor('the replay to want the lock', async () => {
        const waiting = await query(
          databases.superUrls.state,
          `select from pg_locks where mode = 'AccessExclusiveLock' and not granted
             and relation = 'state.event_log_state'::regclass`,
        );
        return waiting.length > 0;
      });
      const { length: written } = traffic.accepted;
      traffic.longestMs = 0;
      const untilMs = performance.now() + 2_000;
      await waitFor('two seconds to pass', () => performance.now() > untilMs);
      expect(hasEnded).toBe(false);
      expect(traffic.accepted.length - written).toBeGreaterThan(20);
      expect(traffic.longestMs).toBeLessThan(SHORT_MS);
      // What the reader sees does not change under it.
      const after = await reader.query('select count(*) from state.transactions');
      expect(after.rows).toEqual(before.rows);
      await reader.query('commit');
      return running;
    });
    expect(report.status).toBe('swapped');
    expect(report.swapMs).toBeLessThan(SHORT_MS);
    await traffic.stop();
  });
});

describe('what is written while a replay runs', () => {
  it('is compared too, also where rows come and go', async () => {
    const ledger = await startTestLedger();
    const { databases } = ledger;
    await openAccounts(ledger);
    let isWritten = false;
    const pace = async () => {
      if (isWritten) return;
      isWritten = true;
      const input = { url: 'https://example.org/hook', eventTypes: ['OrderPlaced'] };
      await ledger.accept(SubscribeWebhook, input);
      await query(databases.urls.state, `delete from state.webhook_routes where event_type = $1`, [
        'OrderPlaced',
      ]);
    };
    const report = await replayOf(databases, { pace });
    expect(report.status).toBe('differs');
    expect(differing(report)).toMatchObject([{ table: 'webhook_routes', missing: 1, extra: 0 }]);
    const mended = await replayOf(databases, { acceptDifferences: 'a row was deleted' });
    expect(mended.status).toBe('swapped');
  });
});

describe('swapping back', () => {
  it('brings the state of before again, until something is written', async () => {
    const ledger = await startTestLedger();
    const { databases } = ledger;
    const { urls } = databases;
    const ids = await openAccounts(ledger);
    const pay = () =>
      ledger.accept(PostTransaction, transfer({ id: ids[0]! }, { id: ids[1]! }, '1.00'));
    await pay();
    await expect(swapBack(urls)).rejects.toThrow(NoWayBack);
    const head = ledger.open.ledger.head;
    const right = await dumpState(urls.state);
    await query(urls.state, `update state.accounts set name = 'forged'`);
    const wrong = await dumpState(urls.state);
    const acceptDifferences = 'to see whether there is a way back';
    expect((await replayOf(databases, { acceptDifferences })).status).toBe('swapped');
    expect(await dumpState(urls.state)).toEqual(right);

    expect(await swapBack(urls, { isDryRun: true })).toEqual(head);
    expect(await dumpState(urls.state)).toEqual(right);
    expect(await swapBack(urls)).toEqual(head);
    expect(await dumpState(urls.state)).toEqual(wrong);
    // What the replay had built is gone: there is one way back.
    await expect(swapBack(urls)).rejects.toThrow(NoWayBack);
    expect((await replayOf(databases, { acceptDifferences })).status).toBe('swapped');
    expect(await dumpState(urls.state)).toEqual(right);

    // The ledger ran all the time, and goes on with the state that is there now.
    const { postings } = await pay();
    expect(postings[0]!.balanceAfter).toBe('2.00');
    await expect(swapBack(urls)).rejects.toThrow(NoWayBack);
    await expect(swapBack(urls)).rejects.toThrow(/something was written since/);
    await pay();
  });

  it('is seen by a ledger that has rows in memory', async () => {
    const ledger = await startTestLedger();
    const { databases } = ledger;
    const [a, b] = [await openAccount(ledger), await openAccount(ledger, { type: 'equity' })];
    const pay = () => ledger.accept(PostTransaction, transfer(a, b, '1.00'));
    await pay();
    const { state } = databases.urls;
    await query(
      state,
      `update state.entries set debits_after = debits_after + 500
                        where direction = 'debit'`,
    );
    const acceptDifferences = 'to see what the ledger makes of it';
    expect((await replayOf(databases, { acceptDifferences })).status).toBe('swapped');
    // The ledger has the rows of the state that goes, keeps them, and has written nothing.
    const input = transfer(a, b, '1.00');
    for (let time = 0; time < 3; time++) {
      const tried = await ledger.accept(PostTransaction, input, { dryRun: true });
      expect(tried.postings[0]!.balanceAfter).toBe('2.00');
    }
    await swapBack(databases.urls);
    // What was forged is what is there; the ledger must not go on with what it remembers.
    expect((await pay()).postings[0]!.balanceAfter).toBe('7.00');
    expect((await replayOf(databases, { acceptDifferences })).status).toBe('swapped');
    expect((await pay()).postings[0]!.balanceAfter).toBe('3.00');
  });
});
