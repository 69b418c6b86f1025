import { readAccount } from '../../src/books/accounts/account.queries';
import {
  PostTransactionBatch,
  type PostTransactionBatchInput,
} from '../../src/books/transactions/batch.creator';
import {
  PostTransaction,
  ReverseTransaction,
} from '../../src/books/transactions/transaction.creators';
import { findRemembered } from '../../src/engine/write/command-log';
import { openAccount, transfer } from '../harness/books';
import { query } from '../harness/cluster';
import { withEachTurn } from '../harness/loop-turns';
import { startTestLedger, type TestLedger } from '../harness/ledger';
import type { CreatorContext } from '../../src/engine/define/creator';

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
    const sizes = await batchSizes(ledger, before);
    expect(Math.max(...sizes)).toBe(most);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(12);
  });

  it.each(['independent', 'atomic'] as const)(
    'of transactions, %s, that is too large is refused whole, and done where there is room',
    async (mode) => {
      const ledger = await startTestLedger({ limits: { commandBytesLimit: 6_000 } });
      const [cash, equity] = [await openAccount(ledger), await openAccount(ledger)];
      const before = ledger.open.ledger.head.position;
      const transactions = Array.from({ length: 12 }, () => transfer(cash, equity, '1'));
      const input = { mode, transactions };
      const refused = await ledger.submit(PostTransactionBatch, input, { idempotencyKey: 'k' });
      expect(refused).toMatchObject({ kind: 'refused', refusal: { code: 'payload_too_large' } });
      expect(ledger.open.ledger.head.position).toBe(before);
      // Nothing of it was remembered, and what is undone counts no more.
      const some = { mode, transactions: transactions.slice(0, 3) };
      const accepted = await ledger.submit(PostTransactionBatch, some, { idempotencyKey: 'k' });
      expect(accepted).toMatchObject({ kind: 'accepted', isHit: false });
      expect(ledger.open.ledger.head.position).toBe(before + 3);
    },
  );

  it('takes as many small requests as what they become has bytes for, also repeated', async () => {
    const ledger = await startTestLedger({ limits: { batchBytesLimit: LIMIT } });
    const [cash, equity] = [await openAccount(ledger), await openAccount(ledger)];
    const postings = Array.from({ length: 5 }, () => transfer(cash, equity, '1').postings).flat();
    const posted = await Promise.all(
      Array.from({ length: 12 }, () =>
        ledger.accept(PostTransaction, { description: 'x', postings }),
      ),
    );
    const before = ledger.open.ledger.head.position;
    const reverse = ({ id }: { id: string }) =>
      ledger.submit(ReverseTransaction, { transactionId: id }, { idempotencyKey: id });
    const first = await Promise.all(posted.map(reverse));
    expect(first.map(({ kind, isHit }) => [kind, isHit])).toEqual(
      posted.map(() => ['accepted', false]),
    );
    // Each becomes an event of a good 2 KB, and without a bound 12 would be one batch or two.
    const sizes = await batchSizes(ledger, before);
    expect(Math.max(...sizes)).toBe(2);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(12);
    const again = await Promise.all(posted.map(reverse));
    expect(again).toEqual(first.map((outcome) => ({ ...outcome, isHit: true })));
  });

  it('gives large answers that are stored again, and reads them for nobody else', async () => {
    const ledger = await startTestLedger();
    const [cash, equity] = [await openAccount(ledger), await openAccount(ledger)];
    const transactions = Array.from({ length: 200 }, () => transfer(cash, equity, '1'));
    const input = { mode: 'atomic' as const, transactions };
    const options = { idempotencyKey: 'large' };
    const first = await ledger.submit(PostTransactionBatch, input, options);
    const again = await ledger.submit(PostTransactionBatch, input, options);
    expect(again).toEqual({ ...first, isHit: true });
    const { code } = await ledger.refuse(PostTransaction, transfer(cash, equity, '1'), options);
    expect(code).toBe('idempotency_key_reused');
    const wanted = [{ actor: 'tester', ...options }];
    const remembered = await findRemembered(ledger.open.logReader, wanted);
    expect([...remembered.values()]).toMatchObject([{ isLarge: true, response: null }]);
  });

  it('lets others in between its events, the more often the larger they are', async () => {
    const ledger = await startTestLedger();
    const [cash, equity] = [await openAccount(ledger), await openAccount(ledger)];
    const postings = Array.from({ length: 20 }, () => transfer(cash, equity, '1').postings).flat();
    const transactions = Array.from({ length: 300 }, () => ({ description: '', postings }));
    // Each event has 5 KiB, and after 128 KiB others have their turn.
    expect(await longestRun(ledger, { mode: 'atomic', transactions })).toBeLessThan(50);
    const { value } = await ledger.open.stateReader.read((db) => readAccount(db, cash.id));
    expect(value).toMatchObject({ debits: 600_000n, version: 6_001 });
  });
});

/** How many events the batches behind a position have. */
async function batchSizes(ledger: TestLedger, before: number): Promise<number[]> {
  // The events of one batch were written by one transaction of the log.
  const batches = await query<{ events: string }>(
    ledger.databases.urls.log,
    `select count(*) as events from event_log where position > ${before} group by xmin::text`,
  );
  return batches.map(({ events }) => Number(events));
}

/** The most events of a batch of transactions that others had no turn in between. */
async function longestRun(ledger: TestLedger, input: PostTransactionBatchInput): Promise<number> {
  let longest = 0;
  const run = (context: CreatorContext, given: PostTransactionBatchInput) => {
    let before = context.position;
    const look = () => {
      longest = Math.max(longest, context.position - before);
      before = context.position;
    };
    return withEachTurn(look, async () => PostTransactionBatch.run(context, given));
  };
  await ledger.accept({ ...PostTransactionBatch, run }, input);
  expect(longest).toBeGreaterThan(0);
  return longest;
}
