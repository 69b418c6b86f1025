import { setTimeout as delay } from 'node:timers/promises';
import { migrate } from '../../src/database/migrator';
import { openLedger } from '../../src/engine/open-ledger';
import { features } from '../../src/features';
import { OpenAccount } from '../../src/books/accounts/account.creators';
import { readAccount } from '../../src/books/accounts/account.queries';
import { accountView } from '../../src/books/accounts/account.view';
import type { Creator } from '../../src/engine/define/creator';
import { PostTransaction } from '../../src/books/transactions/transaction.creators';
import { transfer } from '../harness/books';
import { query } from '../harness/cluster';
import { checkInvariants } from '../harness/invariants';
import { RecordedLog, TEST_LIMITS } from '../harness/ledger';
import { endCluster, openCluster, ownClusterFolder } from '../harness/own-cluster';
import { rounds } from '../harness/rounds';
import { seededRandom } from '../harness/seed';
import { waitFor } from '../harness/waiting';
import type { AccountDto } from '../../src/books/accounts/account.dto';

const ROUNDS = rounds(2, 8);
const CALLERS = 30;

describe('PostgreSQL killed with kill -9 under load', () => {
  it('loses nothing that was answered, and heals the state before it is read', async () => {
    const random = seededRandom();
    const folder = await ownClusterFolder();
    let cluster = await openCluster(folder);
    const urls = await cluster.owners();
    await migrate(urls);
    // The state's commits are not waited for: with a lazy WAL writer a crash does lose some.
    await query(await cluster.superUrl(), `alter system set wal_writer_delay = '10s'`);
    await query(await cluster.superUrl(), 'select pg_reload_conf()');
    const open = await openLedger({
      ...{ urls, features, limits: TEST_LIMITS, reads: { cheap: 2 }, log: new RecordedLog() },
    });
    const submit = <Input, Answer>(creator: Creator<Input, Answer>, input: Input, key: string) =>
      open.ledger.submit({ creator, input, actor: 'tester', idempotencyKey: key });
    const accept = async (key: string, type: 'asset' | 'equity') => {
      const input = { name: key, type, currency: 'USD' };
      const outcome = await submit(OpenAccount, input, key);
      return (outcome as { answer: AccountDto }).answer;
    };
    const balanceOf = async (id: string) => {
      const { value } = await open.stateReader.read((db) => readAccount(db, id));
      return accountView(value!).balance;
    };
    try {
      const [cash, equity] = [await accept('cash', 'asset'), await accept('equity', 'equity')];
      const pay = (key: string) => submit(PostTransaction, transfer(cash, equity, '1'), key);
      const keys: string[] = [];
      const lost: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const pending = Array.from({ length: CALLERS }, async (_, caller) => {
          for (let i = 0; i < 20; i++) {
            const key = `${round}.${caller}.${i}`;
            keys.push(key);
            await waitFor('the payment', () => pay(key).catch(() => undefined), 60_000);
          }
        });
        await delay(random.below(150));
        await endCluster(folder, 'SIGKILL');
        cluster = await openCluster(folder);
        const count = async (url: string, text: string) =>
          (await query<{ n: number }>(url, text))[0]!.n;
        const state = await count(urls.state, 'select position as n from state.event_log_state');
        const log = await count(urls.log, 'select count(*) as n from event_log');
        lost.push(Math.max(0, log - state));
        await Promise.all(pending);
        const balance = `${keys.length}.00`;
        expect(await waitFor('a read', () => balanceOf(cash.id).catch(() => undefined))).toBe(
          balance,
        );
        expect(await balanceOf(equity.id)).toBe(balance);
        for (const key of keys.slice(-5)) expect(await pay(key)).toMatchObject({ isHit: true });
      }
      process.stderr.write(`The state lost ${lost.join(', ')} events in the crashes\n`);
      await open.close();
      await checkInvariants({ urls, features });
    } finally {
      await open.close().catch(() => undefined);
      await endCluster(folder, 'SIGINT').catch(() => undefined);
    }
  }, 300_000);
});
