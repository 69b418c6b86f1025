import { PostTransaction } from '../../src/books/transactions/transaction.creators';
import { openAccount, transfer } from '../harness/books';
import { query } from '../harness/cluster';
import { startTestLedger } from '../harness/ledger';

const LIMIT = 3_000;

describe('a batch', () => {
  it.each([
    ['as many commands as it has bytes for', 1_000, 3],
    ['one command alone that is larger than that', 5_000, 1],
  ])('takes %s', async (_, bytes, most) => {
    const ledger = await startTestLedger({ limits: { batchBytesLimit: LIMIT } });
    const [cash, equity] = [await openAccount(ledger), await openAccount(ledger)];
    const before = ledger.open.ledger.head.position;
    const posted = await Promise.all(
      Array.from({ length: 12 }, () =>
        ledger.submit(PostTransaction, transfer(cash, equity, '1'), { bytes }),
      ),
    );
    expect(posted.filter(({ kind }) => kind === 'accepted')).toHaveLength(12);
    // The events of one batch were written by one transaction of the log.
    const batches = await query<{ events: string }>(
      ledger.databases.urls.log,
      `select count(*) as events from event_log where position > ${before} group by xmin::text`,
    );
    const sizes = batches.map(({ events }) => Number(events));
    expect(Math.max(...sizes)).toBe(most);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(12);
  });
});
