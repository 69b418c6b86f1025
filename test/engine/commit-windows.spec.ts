import { defineCreator } from '../../src/engine/define/creator';
import { LedgerUnavailable } from '../../src/engine/define/refusal';
import { systemClock, type Clock } from '../../src/engine/define/ids';
import { PostTransaction } from '../../src/books/transactions/transaction.creators';
import {
  postTransaction,
  type PostTransactionInput,
} from '../../src/books/transactions/transaction.rules';
import type { EngineLimits } from '../../src/engine/write/ledger-parts';
import { currentAccount, openAccount, transfer } from '../harness/books';
import { query } from '../harness/cluster';
import { cloneDatabases } from '../harness/databases';
import { startTestLedger, type TestLedger } from '../harness/ledger';
import { DatabaseProxy, type Fate } from '../harness/proxy';
import { seededRandom } from '../harness/seed';
import { gate, waitFor } from '../harness/waiting';
import type { AccountDto } from '../../src/books/accounts/account.dto';

interface Bench {
  readonly ledger: TestLedger;
  readonly log: DatabaseProxy;
  readonly state: DatabaseProxy;
  readonly cash: AccountDto;
  readonly equity: AccountDto;
}

/** A ledger that reaches both of its databases through proxies. */
async function startBench(
  limits: Partial<EngineLimits> = {},
  clock: Clock = systemClock,
): Promise<Bench> {
  const databases = await cloneDatabases();
  const log = await DatabaseProxy.start(databases.urls.log);
  const state = await DatabaseProxy.start(databases.urls.state);
  databases.onEnd(() => log.close());
  databases.onEnd(() => state.close());
  const urls = { log: log.url, state: state.url };
  const ledger = await startTestLedger({ databases, urls, limits, clock });
  const [cash, equity] = [await openAccount(ledger), await openAccount(ledger, { type: 'equity' })];
  return { ledger, log, state, cash, equity };
}

function pay({ ledger, cash, equity }: Bench, idempotencyKey: string) {
  return ledger.submit(PostTransaction, transfer(cash, equity, '1.00'), { idempotencyKey });
}

async function eventCount({ ledger }: Bench): Promise<number> {
  const rows = await query<{ count: number }>(
    ledger.databases.urls.log,
    `select count(*) from event_log where type = 'TransactionPosted'`,
  );
  return rows[0]!.count;
}

describe('a connection that is cut at the commit', () => {
  it('lets nobody run ahead in a session in which a batch runs again under the locks', async () => {
    const bench = await startBench();
    const { ledger, cash, equity } = bench;
    let runs = 0;
    const isRunning = gate();
    const mayEnd = gate();
    const slow = defineCreator<PostTransactionInput, null>({
      name: 'PaySlowly',
      run: async (context, input) => {
        await postTransaction(context, input);
        if (++runs === 1) return null;
        isRunning.open();
        await mayEnd.opened;
        return null;
      },
    });
    const isHeld = bench.log.next('hold');
    const first = pay(bench, 'first');
    await isHeld;
    const second = ledger.submit(slow, transfer(cash, equity, '1.00'));
    await waitFor('the second one to run ahead', () => runs === 1);
    bench.log.cutAll();
    await isRunning.opened;
    // Without a key, and with accounts that are loaded: it would run ahead at once.
    const third = ledger.submit(PostTransaction, transfer(cash, equity, '1.00'));
    await waitFor('the third one to be taken', () => ledger.open.ledger.status().queued === 0);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    mayEnd.open();
    await expect(first).rejects.toThrow(LedgerUnavailable);
    expect(await second).toMatchObject({ kind: 'accepted' });
    expect(await third).toMatchObject({ kind: 'accepted' });
    expect(await eventCount(bench)).toBe(2);
    expect(await currentAccount(ledger, cash.id)).toMatchObject({ balance: '2.00' });
  });

  it('of the log, before its answer: the command happened once, and is answered', async () => {
    const bench = await startBench();
    const isHit = bench.log.next('silence');
    const outcome = await pay(bench, 'k');
    await isHit;
    expect(outcome).toMatchObject({ kind: 'accepted', isHit: false, position: 3 });
    expect(await eventCount(bench)).toBe(1);
    expect(await pay(bench, 'k')).toMatchObject({ kind: 'accepted', isHit: true, position: 3 });
    expect(await currentAccount(bench.ledger, bench.cash.id)).toMatchObject({ balance: '1.00' });
  });

  it('of the log, before it got there: nothing happened, and the same key works', async () => {
    const bench = await startBench();
    const isHit = bench.log.next('lose');
    await expect(pay(bench, 'k')).rejects.toThrow(LedgerUnavailable);
    await isHit;
    expect(await eventCount(bench)).toBe(0);
    expect(await currentAccount(bench.ledger, bench.cash.id)).toMatchObject({ balance: '0.00' });
    expect(await pay(bench, 'k')).toMatchObject({ kind: 'accepted', isHit: false, position: 3 });
    expect(await eventCount(bench)).toBe(1);
  });

  it.each(['lose', 'silence'] as const)(
    'of the state (%s): the command happened, the state is healed, and success is answered',
    async (fate) => {
      const bench = await startBench();
      const isHit = bench.state.next(fate);
      const outcome = await pay(bench, 'k');
      await isHit;
      expect(outcome).toMatchObject({ kind: 'accepted', isHit: false, position: 3 });
      expect(await currentAccount(bench.ledger, bench.cash.id)).toMatchObject({ balance: '1.00' });
      expect(await pay(bench, 'k')).toMatchObject({ kind: 'accepted', isHit: true });
      expect(await pay(bench, 'next')).toMatchObject({ position: 4 });
    },
  );

  it('of a refusal: it is remembered or not, as the log has it', async () => {
    const bench = await startBench();
    const refused = () =>
      bench.ledger.submit(
        PostTransaction,
        {
          description: 'unbalanced',
          postings: [...transfer(bench.cash, bench.equity, '1').postings.slice(1)],
        },
        { idempotencyKey: 'no' },
      );
    void bench.log.next('silence');
    expect(await refused()).toMatchObject({ kind: 'refused', isHit: false });
    expect(await refused()).toMatchObject({ kind: 'refused', isHit: true });
    expect(await eventCount(bench)).toBe(0);
  });

  it('and no way back for long: the caller is told so, and finds out by the key', async () => {
    const bench = await startBench({ recoveryTimeoutMs: 300 });
    const isHit = bench.log.next('silence').then(() => (bench.log.isReachable = false));
    await expect(pay(bench, 'k')).rejects.toThrow('It is not known whether the command happened');
    await isHit;
    await expect(pay(bench, 'other')).rejects.toThrow(LedgerUnavailable);
    bench.log.isReachable = true;
    expect(await pay(bench, 'k')).toMatchObject({ kind: 'accepted', isHit: true, position: 3 });
    expect(await pay(bench, 'other')).toMatchObject({ isHit: false, position: 4 });
  });

  it('and no way back for a while, in which the clock is set: the wait is as long', async () => {
    const present = Date.now;
    const bench = await startBench({}, { ...systemClock, now: () => present() });
    let hours = 0;
    const isHit = bench.log.next('silence').then(() => {
      jest.spyOn(Date, 'now').mockImplementation(() => present() + ++hours * 3_600_000);
      bench.log.isReachable = false;
    });
    const paid = pay(bench, 'k');
    await isHit;
    const failure = () => bench.ledger.open.ledger.status().failure;
    await waitFor('an attempt to recover', failure).finally(() => jest.restoreAllMocks());
    bench.log.isReachable = true;
    expect(await paid).toMatchObject({ kind: 'accepted', position: 3 });
  });

  it('or hangs there: the wait ends, nothing happened, and the same key works', async () => {
    const bench = await startBench({ lockTimeoutMs: 300, statementTimeoutMs: 500 });
    const isHeld = bench.log.next('hold');
    await expect(pay(bench, 'k')).rejects.toThrow(LedgerUnavailable);
    await isHeld;
    bench.log.release();
    expect(await eventCount(bench)).toBe(0);
    expect(await pay(bench, 'k')).toMatchObject({ kind: 'accepted', isHit: false, position: 3 });
  });
});

describe('connections that are cut at random commits under load', () => {
  it('loses nothing that was answered, and does nothing twice', async () => {
    const random = seededRandom();
    const bench = await startBench();
    const { ledger, cash, equity } = bench;
    let cuts = 0;
    const fate = (): Fate => {
      if (!random.chance(0.25) || cuts >= 40) return 'pass';
      cuts++;
      return random.pick(['lose', 'silence']);
    };
    bench.log.fateOf = fate;
    bench.state.fateOf = fate;

    const callers = 40;
    const each = 25;
    const positions = new Map<string, number>();
    await Promise.all(
      Array.from({ length: callers }, async (_, caller) => {
        for (let i = 0; i < each; i++) {
          const key = `${caller} ${i}`;
          positions.set(key, (await untilAnswered(() => pay(bench, key))).position);
        }
      }),
    );
    bench.log.fateOf = bench.state.fateOf = () => 'pass';

    expect(cuts).toBeGreaterThan(10);
    expect(await eventCount(bench)).toBe(callers * each);
    expect(new Set(positions.values()).size).toBe(callers * each);
    for (const { id } of [cash, equity]) {
      const { balance } = await currentAccount(ledger, id);
      expect(balance).toBe(`${callers * each}.00`);
    }
    for (const key of [...positions.keys()].slice(0, 50)) {
      expect(await pay(bench, key)).toMatchObject({ isHit: true, position: positions.get(key) });
    }
  }, 120_000);
});

/** Repeats a command with its key for as long as the ledger says that it is unavailable. */
async function untilAnswered<T>(submit: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await submit();
    } catch (error) {
      if (!(error instanceof LedgerUnavailable)) throw error;
    }
  }
}
