import { setTimeout as delay } from 'node:timers/promises';
import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import { openAccount, transfer } from '../../harness/books';
import { query, testCluster } from '../../harness/cluster';
import { startTestLedger } from '../../harness/ledger';
import { DatabaseProxy } from '../../harness/proxy';
import { rounds } from '../../harness/rounds';
import { seededRandom } from '../../harness/seed';
import { waitFor } from '../../harness/waiting';
import { mixedBooks } from './mixed-books';
import { leftBehind, replayOf, verifyOf } from './some-books';
import { schemaOf } from './state-schema';

const ROUNDS = rounds(6, 30);

/** How the connections of a replay are told from those of a ledger: by their roles. */
const CONNECTIONS = ['truebook log_replayer', 'truebook', 'truebook state_reader'] as const;

/** What the server, the driver and the system say of a connection that is gone. */
const LOST =
  /terminating connection|[Cc]onnection (terminated|ended|error|is not)|E(CONNRESET|PIPE)\b/;

describe('a replay that loses a connection', () => {
  it(
    'at a random moment fails, leaves the live state alone, and the next one succeeds',
    async () => {
      const random = seededRandom();
      const ledger = await startTestLedger();
      const { databases } = ledger;
      const { urls } = databases;
      await mixedBooks(ledger, random, 1_000);
      const [a, b] = [await openAccount(ledger), await openAccount(ledger, { type: 'equity' })];
      const schema = await schemaOf(urls.state);
      const startedMs = performance.now();
      expect((await replayOf(databases)).status).toBe('swapped');
      const wholeMs = performance.now() - startedMs;
      const proxies = {
        log: await DatabaseProxy.start(urls.log),
        state: await DatabaseProxy.start(urls.state),
      };
      databases.onEnd(async () => {
        await proxies.log.close();
        await proxies.state.close();
      });
      const names = [urls.log, urls.state].map((url) => new URL(url).pathname.slice(1));

      /** Ends a session on the server, or cuts a wire. */
      const lose = async (): Promise<void> => {
        const way = random.below(CONNECTIONS.length + 2);
        if (way === CONNECTIONS.length) return proxies.log.cutAll();
        if (way > CONNECTIONS.length) return proxies.state.cutAll();
        await query(
          testCluster().superUrl,
          `select pg_terminate_backend(pid) from pg_stat_activity
           where datname = any($1) and application_name = $2`,
          [names, CONNECTIONS[way]],
        );
      };

      let isOver = false;
      const write = async () => {
        while (!isOver) {
          await ledger.accept(PostTransaction, transfer(a, b, '0.01'));
          await delay(5);
        }
      };
      const writer = write();
      const ends: string[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const through = { urls: { log: proxies.log.url, state: proxies.state.url } };
        const running = replayOf(through).then(
          ({ status }) => status,
          (error: unknown) => {
            expect(String(error)).toMatch(LOST);
            return 'lost';
          },
        );
        await delay(random.below(wholeMs));
        await lose();
        ends.push(await running);
        await waitFor('the server to undo it', async () => {
          return (await leftBehind(databases)).length === 0;
        });
        expect(await schemaOf(urls.state)).toEqual(schema);
      }
      process.stderr.write(`The replays ended: ${ends.join(', ')}\n`);
      expect(ends).toContain('lost');
      expect((await replayOf(databases)).status).toBe('swapped');
      expect((await verifyOf(databases)).status).toBe('passed');
      isOver = true;
      await writer;
    },
    60_000 + ROUNDS * 5_000,
  );
});
