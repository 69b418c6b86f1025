import {
  PostTransaction,
  ReverseTransaction,
} from '../../../src/books/transactions/transaction.creators';
import { openAccount, transfer } from '../../harness/books';
import { query } from '../../harness/cluster';
import { cloneDatabases, type TestDatabases } from '../../harness/databases';
import { startTestLedger } from '../../harness/ledger';
import { differing, verifyOf } from './some-books';

/** Positions of a transaction and of its reversal. */
const POSTED = 3;
const REVERSED = 5;
const OTHER_ID = '00000000-0000-4000-8000-000000000001';

describe('a reversed transaction that somebody has changed by hand', () => {
  let databases: TestDatabases;
  let id: string;

  beforeEach(async () => {
    databases = await cloneDatabases({ isChecked: false });
    const ledger = await startTestLedger({ databases });
    const one = transfer(await openAccount(ledger), await openAccount(ledger), '1');
    id = (await ledger.accept(PostTransaction, one)).id;
    await ledger.accept(PostTransaction, one);
    await ledger.accept(ReverseTransaction, { transactionId: id });
    await ledger.accept(PostTransaction, one);
    await ledger.close();
  });

  it.each([
    ['what it is for', `description = 'other'`, REVERSED],
    ['what reversed it', `reversed_by = '${OTHER_ID}'`, REVERSED],
    ['where it was reversed', 'reversed_position = 4', REVERSED],
    ['where, and before it was posted', 'reversed_position = 1', POSTED],
    ['that it was', 'reversed_by = null, reversed_position = null', REVERSED],
    ['that, and what it is for', `description = 'x', reversed_position = null`, REVERSED],
    ['that, and what reversed it', `reversed_by = '${OTHER_ID}', reversed_position = 6`, 6],
  ])('is found by %s', async (_, change, firstDivergingPosition) => {
    await query(
      databases.urls.state,
      `update state.transactions set ${change} where transaction_id = $1`,
      [id],
    );
    const report = await verifyOf(databases);
    expect(report.status).toBe('failed');
    const counts = { missing: 0, extra: 0, changed: 1 };
    expect(differing(report)).toMatchObject([
      { table: 'transactions', ...counts, firstDivergingPosition },
    ]);
  });

  it('is found where it is gone', async () => {
    await query(databases.urls.state, 'delete from state.transactions where transaction_id = $1', [
      id,
    ]);
    expect(differing(await verifyOf(databases))).toMatchObject([
      { table: 'transactions', missing: 1, firstDivergingPosition: POSTED },
    ]);
  });
});
