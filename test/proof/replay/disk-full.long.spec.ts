import type { DatabaseUrls } from '../../../src/database/connections';
import { migrate } from '../../../src/database/migrator';
import { openLedger, type OpenLedger } from '../../../src/engine/open-ledger';
import { features } from '../../../src/features';
import { OpenAccount } from '../../../src/books/accounts/account.creators';
import { PostTransaction } from '../../../src/books/transactions/transaction.creators';
import { transfer } from '../../harness/books';
import { query } from '../../harness/cluster';
import { dumpState } from '../../harness/invariants';
import { RecordedLog, TEST_LIMITS } from '../../harness/ledger';
import { endCluster, openCluster, ownClusterFolder } from '../../harness/own-cluster';
import { moveState, SmallDisk } from '../../harness/small-disk';
import { rounds } from '../../harness/rounds';
import { seededRandom } from '../../harness/seed';
import { waitFor } from '../../harness/waiting';
import { leftBehind, replayOf, verifyOf } from './some-books';
import { schemaOf } from './state-schema';
import type { AccountDto } from '../../../src/books/accounts/account.dto';

const DISK_BYTES = 48 << 20;
const TRANSACTIONS = 1_500;
const ROUNDS = rounds(2, 6);
/** Less than the rebuilt state takes. */
const MAX_ROOM_BYTES = 1 << 20;
/** PostgreSQL's own tables keep the dead rows of what was undone until the next vacuum. */
const CATALOG_BYTES = 640 << 10;

async function writeTransactions(open: OpenLedger, count: number): Promise<void> {
  const accept = async (type: 'asset' | 'equity') => {
    const input = { name: 'An account', type, currency: 'USD' };
    const command = { creator: OpenAccount, input, actor: 'tester' };
    return ((await open.ledger.submit(command)) as { answer: AccountDto }).answer;
  };
  const [a, b] = [await accept('asset'), await accept('equity')];
  const input = transfer(a, b, '1.00');
  const post = () => open.ledger.submit({ creator: PostTransaction, input, actor: 'tester' });
  const outcomes = await Promise.all(Array.from({ length: count }, post));
  for (const { kind } of outcomes) expect(kind).toBe('accepted');
}

describe('a disk that is full', () => {
  it('stops a replay with its error; the live state stays, and room is all it takes', async () => {
    const random = seededRandom();
    const folder = await ownClusterFolder();
    const disk = await SmallDisk.mount(folder, DISK_BYTES);
    const cluster = await openCluster(folder);
    const superUrl = await cluster.superUrl();
    const urls: DatabaseUrls = await cluster.owners();
    const books = {
      urls,
      superUrls: { log: superUrl, state: await cluster.superUrl('truebook_state') },
    };
    try {
      await moveState(superUrl, folder, disk);
      await migrate(urls);
      const open = await openLedger({
        ...{ urls, features, limits: TEST_LIMITS, reads: { cheap: 2 }, log: new RecordedLog() },
      });
      await writeTransactions(open, TRANSACTIONS);
      expect((await replayOf(books)).status).toBe('swapped');
      const [before, schema] = [await dumpState(urls.state), await schemaOf(urls.state)];
      await query(superUrl, 'checkpoint');
      for (let round = 0; round < ROUNDS; round++) {
        // What was kept of the last replay goes first, and gives room.
        await query(urls.state, 'drop schema if exists state_previous cascade');
        await query(superUrl, 'checkpoint');
        await disk.fillUp(round === 0 ? MAX_ROOM_BYTES : random.below(MAX_ROOM_BYTES));
        const free = await disk.freeBytes();
        const run = random.chance(0.5) ? replayOf : verifyOf;
        await expect(run(books)).rejects.toMatchObject({
          code: '53100',
          message: expect.stringMatching(/No space left on device|wrote only/) as unknown,
        });
        await waitFor('the run to be gone', async () => (await leftBehind(books)).length === 0);
        const freed = async () => (await disk.freeBytes()) > free - CATALOG_BYTES;
        await waitFor('its room to be free again', freed);
        expect(await dumpState(urls.state)).toEqual(before);
        expect(await schemaOf(urls.state)).toEqual(schema);
        await disk.makeRoom();
      }
      expect((await replayOf(books)).status).toBe('swapped');
      expect(await dumpState(urls.state)).toEqual(before);
      await writeTransactions(open, 10);
      await open.close();
      expect((await verifyOf(books)).status).toBe('passed');
    } finally {
      await endCluster(folder, 'SIGINT');
      await disk.unmount();
    }
  }, 120_000);
});
