import { setTimeout as delay } from 'node:timers/promises';
import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import { openAccount, transfer } from '../../harness/books';
import { query } from '../../harness/cluster';
import type { TestDatabases } from '../../harness/databases';
import { dumpState } from '../../harness/invariants';
import { startTestLedger } from '../../harness/ledger';
import { runScript, startScript } from '../../harness/script';
import { rounds } from '../../harness/rounds';
import { seededRandom } from '../../harness/seed';
import { waitFor } from '../../harness/waiting';
import { mixedBooks } from './mixed-books';
import { leftBehind } from './some-books';
import { schemaOf } from './state-schema';

const KILLS = rounds(4, 20);
const WRITERS = 4;

/** Waits until a replay has begun: until it keeps others out. */
function hasBegun(databases: TestDatabases): Promise<true> {
  return waitFor('the replay to begin', async () => (await leftBehind(databases)).length > 0);
}

describe('npm run replay killed with kill -9', () => {
  it(
    'at random moments under writes: leaves the state alone, and the next one succeeds',
    async () => {
      const random = seededRandom();
      const ledger = await startTestLedger();
      const { databases } = ledger;
      const { urls } = databases;
      await mixedBooks(ledger, random, 1_500);
      const ids = (await Promise.all([1, 2, 3].map(() => openAccount(ledger)))).map((a) => a.id);
      const schema = await schemaOf(urls.state);
      await runScript('migrate', [], urls);
      const first = await startScript('replay', [], urls);
      await hasBegun(databases);
      const begunMs = performance.now();
      expect(await first.ended).toMatchObject({ end: 0, stderr: '' });
      const wholeMs = performance.now() - begunMs;

      let isOver = false;
      let accepted = 0;
      const writers = Array.from({ length: WRITERS }, async () => {
        for (; !isOver; accepted++) {
          const [from, to] = [random.pick(ids), random.pick(ids)];
          await ledger.accept(PostTransaction, transfer({ id: from }, { id: to }, '0.01'));
          // A steady stream, not a flood: what is replayed must not grow without end.
          await delay(5);
        }
      });
      const ends: unknown[] = [];
      for (let round = 0; round < KILLS; round++) {
        const { child, ended } = await startScript('replay', [], urls);
        await Promise.race([hasBegun(databases), ended]);
        await Promise.race([delay(random.below(wholeMs * 0.9)), ended]);
        const before = accepted;
        child.kill('SIGKILL');
        ends.push((await ended).end);
        await waitFor('a write after the kill', () => accepted > before);
        await waitFor('the server to undo it', async () => {
          return (await leftBehind(databases)).length === 0;
        });
        expect(await schemaOf(urls.state)).toEqual(schema);
      }
      const next = await runScript('replay', ['--json'], urls);
      expect(next).toMatchObject({ end: 0, stderr: '' });
      expect(JSON.parse(next.stdout)).toMatchObject({ status: 'swapped', accepted: null });
      isOver = true;
      await Promise.all(writers);
      process.stderr.write(
        `${ends.filter((end) => end === 'SIGKILL').length} of ${KILLS} replays were killed, ` +
          `beside ${accepted} transfers\n`,
      );
      expect(ends.filter((end) => end === 'SIGKILL').length).toBeGreaterThanOrEqual(KILLS / 4);
      const before = await dumpState(urls.state);
      expect(await runScript('verify', [], urls)).toMatchObject({ end: 0 });
      expect(await dumpState(urls.state)).toEqual(before);
      const schemas = await query<{ name: string }>(
        urls.state,
        `select nspname as name from pg_namespace where nspname like 'state%' order by 1`,
      );
      expect(schemas.map(({ name }) => name)).toEqual(['state', 'state_previous']);
    },
    60_000 + KILLS * 10_000,
  );
});
