import { AccountOpened } from '../../../src/books/accounts/account.events';
import { accounts } from '../../../src/books/accounts/account.table';
import { cloneDatabases } from '../../harness/databases';
import { startTestLedger } from '../../harness/ledger';
import { rounds } from '../../harness/rounds';
import { seededRandom } from '../../harness/seed';
import { fillMixed } from '../../bench/mixed-load';
import { dumpState } from '../../harness/invariants';
import { replayOf, verifyOf, withTwins } from './some-books';
import { schemaOf } from './state-schema';

/** More than are flushed at once, several times over: only what was flushed leaves memory. */
const EVENTS = rounds(9_000, 20_000);
const KEPT_ACCOUNTS = 300;

describe('a rebuild that may not keep every account in memory', () => {
  const { rebuildRows } = accounts;
  const keep = (rows: number | undefined) => Object.assign(accounts, { rebuildRows: rows });
  afterEach(() => keep(rebuildRows));

  it('gets them from what it has written, by an index that it builds once', async () => {
    const databases = await cloneDatabases();
    const ledger = await startTestLedger({ databases });
    await fillMixed(ledger.open.ledger, EVENTS, seededRandom().below(1_000));
    await ledger.close();
    const { state } = databases.urls;
    const [before, schema] = [await dumpState(state), await schemaOf(state)];

    keep(KEPT_ACCOUNTS);
    expect(await verifyOf(databases)).toMatchObject({ status: 'passed' });
    expect(await replayOf(databases)).toMatchObject({ status: 'swapped', accepted: null });

    expect(await dumpState(state)).toEqual(before);
    expect(await schemaOf(state)).toEqual(schema);
  });

  it('names the event that breaks a unique index, built for another event', async () => {
    const databases = await cloneDatabases();
    const ledger = await startTestLedger({ databases });
    await fillMixed(ledger.open.ledger, EVENTS, seededRandom().below(1_000));
    await ledger.close();
    keep(KEPT_ACCOUNTS);
    const { twins, second } = withTwins();
    const { doom } = await replayOf(databases, {}, twins);
    expect(doom).toMatchObject({ position: second(), type: AccountOpened.type });
  });
});
