import { sql } from 'kysely';
import type { Client } from 'pg';
import { isUnavailable } from '../../src/engine/write/failures';
import { LedgerUnavailable } from '../../src/engine/define/refusal';
import { PostTransaction } from '../../src/books/transactions/transaction.creators';
import type { EngineLimits } from '../../src/engine/write/ledger-parts';
import { currentAccount, openAccount, transfer } from '../harness/books';
import { query, testCluster, withClient } from '../harness/cluster';
import { cloneDatabases } from '../harness/databases';
import { startTestLedger } from '../harness/ledger';
import { DatabaseProxy } from '../harness/proxy';
import { waitFor } from '../harness/waiting';

const LOCKS = {
  log: 'lock table only event_log in exclusive mode',
  state: 'lock table event_log_state in exclusive mode',
} as const;

async function startBooks(limits: Partial<EngineLimits> = {}) {
  const ledger = await startTestLedger({ limits });
  const [cash, equity] = [await openAccount(ledger), await openAccount(ledger, { type: 'equity' })];
  const pay = (key?: string) =>
    ledger.submit(PostTransaction, transfer(cash, equity, '1'), { idempotencyKey: key });
  return { ledger, cash, pay };
}

/** Holds the lock of a database in a session that is not the ledger's. */
function whileLocked(url: string, lock: string, work: (client: Client) => Promise<void>) {
  return withClient(url, async (client) => {
    await client.query('begin');
    await client.query(lock);
    await work(client);
    await client.query('rollback');
  });
}

describe('a ledger that cannot take a command', () => {
  it.each(['log', 'state'] as const)(
    'says so when others hold the lock of the %s for too long, and goes on afterwards',
    async (name) => {
      const { ledger, cash, pay } = await startBooks({ lockTimeoutMs: 300 });
      await whileLocked(ledger.databases.urls[name], LOCKS[name], async () => {
        await expect(pay('k')).rejects.toThrow(LedgerUnavailable);
        await expect(pay('k')).rejects.toThrow('The ledger is locked by others');
        expect(ledger.open.ledger.status().failure).toBe('The ledger is locked by others');
        // Readers wait for nobody.
        expect(await currentAccount(ledger, cash.id)).toMatchObject({ balance: '0.00' });
      });
      expect(await pay('k')).toMatchObject({ kind: 'accepted', isHit: false, position: 3 });
      expect(ledger.open.ledger.status()).toEqual({ queued: 0, failure: undefined });
    },
  );

  it('refuses more commands than may wait, and answers those that do', async () => {
    const { ledger, pay } = await startBooks({ queueLimit: 20, batchLimit: 5 });
    let waiting: PromiseSettledResult<unknown>[] = [];
    await whileLocked(ledger.databases.urls.log, LOCKS.log, async (client) => {
      const submitted = Promise.allSettled(Array.from({ length: 200 }, () => pay()));
      await expect(pay()).rejects.toThrow('Too many commands are waiting');
      await client.query('rollback');
      waiting = await submitted;
    });
    const refused = waiting.filter((w) => w.status === 'rejected');
    expect(refused.length).toBeGreaterThan(150);
    for (const { reason } of refused) {
      expect(reason).toEqual(new LedgerUnavailable('Too many commands are waiting'));
    }
    expect(ledger.open.ledger.head.position).toBe(2 + waiting.length - refused.length);
    expect(await pay()).toMatchObject({ kind: 'accepted' });
  });

  it('recovers when every connection of it was terminated, idle or under way', async () => {
    const { ledger, cash, pay } = await startBooks();
    const { urls } = ledger.databases;
    const names = [urls.log, urls.state].map((url) => new URL(url).pathname.slice(1));
    const terminate = () =>
      query(
        testCluster().superUrl,
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = any($1)',
        [names],
      );
    await terminate();
    const untilPaid = (key: string) =>
      waitFor('a payment to be accepted', () => pay(key).catch(() => undefined));
    expect(await untilPaid('after idling')).toMatchObject({ kind: 'accepted', position: 3 });

    const payments = Array.from({ length: 200 }, (_, i) => untilPaid(`payment ${i}`));
    await waitFor('some payments', () => ledger.open.ledger.head.position > 20);
    await terminate();
    await Promise.all(payments);
    expect(ledger.open.ledger.head.position).toBe(203);
    const account = await waitFor('a reader', () =>
      currentAccount(ledger, cash.id).catch(() => undefined),
    );
    expect(account).toMatchObject({ balance: '201.00' });
  }, 40_000);
});

describe('a ledger whose log freezes', () => {
  it('at a commit, and once more while that is looked up, answers all the same', async () => {
    const databases = await cloneDatabases();
    const proxy = await DatabaseProxy.start(databases.urls.log);
    databases.onEnd(() => proxy.close());
    const urls = { log: proxy.url, state: databases.urls.state };
    const limits = { lockTimeoutMs: 500, statementTimeoutMs: 1_000 };
    const ledger = await startTestLedger({ databases, urls, limits });
    // What is lost meanwhile is never answered, and only the ledger can give it up, after 2.5 s;
    // the server ends a transaction in which nothing comes after 1 s, and is not heard either.
    const freeze = () => {
      proxy.isFrozen = true;
      setTimeout(() => (proxy.isFrozen = false), 2_000);
    };
    let freezes = 0;
    proxy.rewrite = (text) => {
      const expected = freezes === 0 ? 'commit' : LOCKS.log;
      if (freezes < 2 && text.includes(expected)) {
        freezes++;
        freeze();
      }
      return text;
    };
    expect(await openAccount(ledger)).toMatchObject({ position: 1 });
    expect(freezes).toBe(2);
    expect(ledger.open.ledger.head.position).toBe(1);
  });
});

describe('a reader', () => {
  it('whose connection ends between two statements fails alone', async () => {
    const { ledger, cash } = await startBooks();
    const { superUrl } = testCluster();
    const reading = ledger.open.stateReader.read(async (db) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db);
      const { pid } = rows[0]!;
      await query(superUrl, 'select pg_terminate_backend($1)', [pid]);
      await waitFor('the backend to end', async () => {
        const left = await query(superUrl, 'select from pg_stat_activity where pid = $1', [pid]);
        return left.length === 0;
      });
      await sql`select 1`.execute(db);
    });
    await expect(reading).rejects.toThrow();
    expect(await currentAccount(ledger, cash.id)).toMatchObject({ balance: '0.00' });
  });
});

describe('a reader of a server that froze', () => {
  it('is told so, and the next one gets another connection', async () => {
    const databases = await cloneDatabases();
    const proxy = await DatabaseProxy.start(databases.urls.state);
    databases.onEnd(() => proxy.close());
    const urls = { log: databases.urls.log, state: proxy.url };
    const limits = { statementTimeoutMs: 2_000 };
    const ledger = await startTestLedger({ databases, urls, limits });
    const { id } = await openAccount(ledger);
    expect(await currentAccount(ledger, id)).toMatchObject({ balance: '0.00' });
    proxy.isFrozen = true;
    const error: unknown = await currentAccount(ledger, id).catch((reason: unknown) => reason);
    proxy.isFrozen = false;
    expect(error).toMatchObject({ message: 'The connection was silent for too long' });
    expect(isUnavailable(error)).toBe(true);
    expect(await currentAccount(ledger, id)).toMatchObject({ balance: '0.00' });
  }, 20_000);
});

describe('a ledger that stops', () => {
  it('answers what it took, and takes no more', async () => {
    const { ledger, pay } = await startBooks({ batchLimit: 16 });
    const { ledger: stopping } = ledger.open;
    const submitted = Array.from({ length: 300 }, () => pay());
    const closed = ledger.close();
    await expect(stopping.heal()).rejects.toThrow('The service is stopping');
    const outcomes = await Promise.all(submitted);
    await closed;
    expect(outcomes.every((o) => o.kind === 'accepted')).toBe(true);
    expect(new Set(outcomes.map((o) => o.position)).size).toBe(300);
  });

  it('does so too while its databases are locked by others', async () => {
    const { ledger, pay } = await startBooks({ lockTimeoutMs: 200 });
    await whileLocked(ledger.databases.urls.log, LOCKS.log, async () => {
      const submitted = Array.from({ length: 30 }, () => pay());
      const settled = Promise.allSettled(submitted);
      await ledger.close();
      for (const outcome of await settled) expect(outcome.status).toBe('rejected');
    });
  });
});
