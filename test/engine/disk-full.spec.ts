import { OpenAccount } from '../../src/books/accounts/account.creators';
import { PostTransaction } from '../../src/books/transactions/transaction.creators';
import { migrate } from '../../src/database/migrator';
import { openLedger } from '../../src/engine/open-ledger';
import { features } from '../../src/features';
import { transfer } from '../harness/books';
import { RecordedLog, TEST_LIMITS } from '../harness/ledger';
import { endCluster, openCluster, ownClusterFolder } from '../harness/own-cluster';
import { moveState, SmallDisk } from '../harness/small-disk';
import { waitFor } from '../harness/waiting';

const DISK_BYTES = 48 << 20;
const FAILURE = 'The disk of a database is full';
/** More than the pages that the state has have room for. */
const MANY = 2_000;

describe('a ledger whose disk is full', () => {
  it('knows it until there is room again, also where nobody writes', async () => {
    const folder = await ownClusterFolder();
    const disk = await SmallDisk.mount(folder, DISK_BYTES);
    const cluster = await openCluster(folder);
    try {
      await moveState(await cluster.superUrl(), folder, disk);
      await migrate(await cluster.owners());
      const options = { urls: await cluster.owners(), features, limits: TEST_LIMITS };
      const open = await openLedger({ ...options, log: new RecordedLog() });
      const { ledger } = open;
      const submit = async (type: 'asset' | 'equity') => {
        const input = { name: 'An account', type, currency: 'USD' };
        const outcome = await ledger.submit({ creator: OpenAccount, input, actor: 'tester' });
        return (outcome as { answer: { id: string } }).answer;
      };
      const input = transfer(await submit('asset'), await submit('equity'), '1.00');
      const post = () => ledger.submit({ creator: PostTransaction, input, actor: 'tester' });
      const postMany = () => Promise.allSettled(Array.from({ length: MANY }, post));
      await disk.fillUp(0);
      await waitFor('a write to be refused', async () => {
        await postMany();
        return ledger.status().failure === FAILURE;
      });
      for (let look = 0; look < 3; look++) {
        await ledger.heal();
        expect(ledger.status().failure).toBe(FAILURE);
      }
      await disk.makeRoom();
      await ledger.heal();
      expect(ledger.status().failure).toBeUndefined();
      expect((await postMany()).every(({ status }) => status === 'fulfilled')).toBe(true);
      await open.close();
    } finally {
      await endCluster(folder, 'SIGINT');
      await disk.unmount();
    }
  }, 120_000);
});
