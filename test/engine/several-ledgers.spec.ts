import { openRunDatabase } from '../../src/proof/runs/run.queries';
import { runAdminCommand } from '../../src/engine/write/admin-command';
import { defineCreator } from '../../src/engine/define/creator';
import { PostTransaction } from '../../src/books/transactions/transaction.creators';
import { currentAccount, openAccount, transfer } from '../harness/books';
import { cloneDatabases } from '../harness/databases';
import { startTestLedger, TEST_LIMITS, type TestLedger } from '../harness/ledger';
import { rounds } from '../harness/rounds';
import { seededRandom } from '../harness/seed';
import type { AccountDto } from '../../src/books/accounts/account.dto';

const ACCOUNTS = 20;
const CALLERS_EACH = 24;
const TRANSFERS_EACH = rounds(750, 6_000);
/** A wait for a lock that ends in its timeout takes this long; a batch takes milliseconds. */
const LOCK_TIMEOUT_MS = 5_000;

async function twoLedgers(): Promise<[TestLedger, TestLedger]> {
  const databases = await cloneDatabases();
  const limits = { lockTimeoutMs: LOCK_TIMEOUT_MS };
  const first = await startTestLedger({ databases, limits });
  return [first, await startTestLedger({ databases, limits })];
}

describe('two ledgers on the same databases', () => {
  it('keeps every guarantee under random load, and nobody waits for a lock timeout', async () => {
    const random = seededRandom();
    const ledgers = await twoLedgers();
    const accounts: AccountDto[] = [];
    for (let i = 0; i < ACCOUNTS; i++) {
      accounts.push(await openAccount(random.pick(ledgers), { type: 'liability' }));
    }
    const expected = new Map(accounts.map((a) => [a.id, 0]));
    let slowest = 0;

    const caller = async (ledger: TestLedger) => {
      for (let i = 0; i < TRANSFERS_EACH / CALLERS_EACH; i++) {
        const [from, to] = [random.pick(accounts), random.pick(accounts)];
        const cents = 1 + random.below(9);
        const started = performance.now();
        await ledger.accept(PostTransaction, transfer(from, to, `0.0${cents}`));
        slowest = Math.max(slowest, performance.now() - started);
        expected.set(from.id, expected.get(from.id)! - cents);
        expected.set(to.id, expected.get(to.id)! + cents);
      }
    };
    await Promise.all(
      ledgers.flatMap((ledger) => Array.from({ length: CALLERS_EACH }, () => caller(ledger))),
    );

    expect(slowest).toBeLessThan(LOCK_TIMEOUT_MS);
    for (const [i, { id }] of accounts.entries()) {
      const { balance } = await currentAccount(ledgers[i % 2]!, id);
      expect(Math.round(Number(balance) * 100)).toBe(expected.get(id));
    }
    expect(ledgers.flatMap((l) => l.log.lines.map((line) => line.message))).toEqual([]);
  });

  it('lets a ledger with few commands in between those of a busy one', async () => {
    const [busy, quiet] = await twoLedgers();
    const [cash, equity] = [await openAccount(busy), await openAccount(busy, { type: 'equity' })];
    let isOver = false;
    const load = Array.from({ length: 40 }, async () => {
      while (!isOver) await busy.accept(PostTransaction, transfer(cash, equity, '0.01'));
    });
    let slowest = 0;
    try {
      for (let i = 0; i < 60; i++) {
        const started = performance.now();
        await quiet.accept(PostTransaction, transfer(cash, equity, '0.01'));
        slowest = Math.max(slowest, performance.now() - started);
      }
    } finally {
      isOver = true;
      await Promise.all(load);
    }

    expect(slowest).toBeLessThan(LOCK_TIMEOUT_MS / 2);
    expect([...busy.log.lines, ...quiet.log.lines].map((line) => line.message)).toEqual([]);
  });

  it('lets only as many withdrawals through as the balance covers', async () => {
    const ledgers = await twoLedgers();
    const cash = await openAccount(ledgers[0]);
    const customer = await openAccount(ledgers[1], { type: 'liability', minBalance: '0' });
    await ledgers[0].accept(PostTransaction, transfer(cash, customer, '100.00'));

    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        ledgers[i % 2]!.submit(PostTransaction, transfer(customer, cash, '10.00')),
      ),
    );

    expect(outcomes.filter((o) => o.kind === 'accepted')).toHaveLength(10);
    for (const ledger of ledgers) {
      expect(await currentAccount(ledger, customer.id)).toMatchObject({ balance: '0.00' });
    }
  });

  it('gives one answer to a key that is used at both at once', async () => {
    const ledgers = await twoLedgers();
    const cash = await openAccount(ledgers[0]);
    const equity = await openAccount(ledgers[0], { type: 'equity', maxBalance: '20' });

    for (let round = 0; round < 40; round++) {
      // From the third round on the account is full, so keys are kept for refusals as well.
      const outcomes = await Promise.all(
        ledgers.map((ledger) =>
          ledger.submit(PostTransaction, transfer(cash, equity, '10.00'), {
            idempotencyKey: `round ${round}`,
          }),
        ),
      );
      const [first, second] = outcomes.map((o) =>
        o.kind === 'accepted' ? o.answer : { code: o.refusal.code, detail: o.refusal.detail },
      );
      expect(first).toEqual(second);
      expect(outcomes.map((o) => o.isHit).sort()).toEqual([false, true]);
    }
    expect(await currentAccount(ledgers[0], equity.id)).toMatchObject({ balance: '20.00' });
  });

  it('refuses a key that an administrator’s command takes under its locks', async () => {
    const [ledger, other] = await twoLedgers();
    const key = { actor: 'tester', idempotencyKey: 'the key' };
    const runs = openRunDatabase(ledger.databases.urls.log, TEST_LIMITS, () => undefined);
    const wish = { name: 'Wish', input: {}, ...key };
    let times = 0;
    const Wait = defineCreator<null, null>({
      name: 'Wait',
      run: async () => {
        // It runs ahead, and again under the locks, because the other ledger has written.
        times++;
        if (times === 1) await openAccount(other);
        if (times === 2) await runAdminCommand(runs, wish, 0, () => Promise.resolve(null));
        return null;
      },
    });
    try {
      const refusal = await ledger.refuse(Wait, null, key);
      expect(refusal.code).toBe('idempotency_key_reused');
      expect(times).toBe(2);
    } finally {
      await runs.destroy();
    }
  });
});
