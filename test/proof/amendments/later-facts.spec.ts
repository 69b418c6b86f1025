import { amend } from '../../../src/proof/amendments/amend';
import { query } from '../../harness/cluster';
import { cloneDatabases } from '../../harness/databases';
import { dumpState } from '../../harness/invariants';
import { startTestLedger, type TestLedger } from '../../harness/ledger';
import { laterFacts } from './later-facts';

type Data = Record<string, unknown>;
interface Logged {
  readonly position: number;
  readonly type: string;
  readonly data: Data;
}

/** Data of an event that is changed, with that of the second of its kind, if there is one. */
type Change = (data: Data, second: Data) => Data;

const set =
  (fields: Data): Change =>
  (data) => ({ ...data, ...fields });
/** What it is about is what the second one of its kind is about. */
const about =
  (field: string): Change =>
  (data, second) => ({ ...data, [field]: second[field] });
const amounts =
  (amount: string): Change =>
  ({ postings, ...data }) => ({
    ...data,
    postings: (postings as Data[]).map((posting) => ({ ...posting, amount })),
  });
const NOBODY = '00000000-0000-7000-8000-000000000000';

/** What is contradicted: the event that cannot be, and why. */
const REFUSED: [type: string, what: string, change: Change, by: string, why: RegExp][] = [
  ['HoldPlaced', 'less', amounts('9.00'), 'HoldCaptured', /More is captured/],
  ['HoldPlaced', 'more', amounts('11.00'), 'HoldCaptured', /does not free all that is left/],
  ['HoldCaptured', 'less', amounts('3.00'), 'HoldCaptured', /does not free all that is left/],
  ['HoldCaptured', 'more', amounts('5.00'), 'HoldCaptured', /More is captured/],
  ['HoldVoided', 'another hold', about('holdId'), 'HoldCaptured', /Hold .* is voided/],
  ['HoldExpired', 'another hold', about('holdId'), 'HoldExpired', /Hold .* is expired/],
  ['LimitCreated', 'another id', set({ limitId: NOBODY }), 'LimitChanged', /No limit/],
  ['LimitChanged', 'a limit to come', about('limitId'), 'LimitChanged', /No limit/],
  ['LimitRemoved', 'a limit to come', about('limitId'), 'LimitRemoved', /No limit/],
  [
    'TransactionScheduled',
    'another day',
    ({ first, ...data }) => ({ ...data, first: { ...(first as Data), on: '2999-01-01' } }),
    'ScheduledTransactionPosted',
    /is due on 2999-01-01/,
  ],
  [
    'ScheduledTransactionCancelled',
    'one that ran since',
    about('scheduleId'),
    'ScheduledTransactionPosted',
    /is cancelled/,
  ],
  [
    'ScheduledTransactionPosted',
    'the last day',
    ({ next: _, ...rest }) => rest,
    'ScheduledTransactionCancelled',
    /is ended/,
  ],
  [
    'ScheduledTransactionRefused',
    'another day',
    set({ on: '2025-01-01' }),
    'ScheduledTransactionRefused',
    /runs on 2025-01-01/,
  ],
  ['PeriodClosed', 'more days', set({ through: '2025-01-15' }), 'TransactionPosted', /is closed/],
  ['PeriodReopened', 'another one', set({ closeId: NOBODY }), 'PeriodReopened', /No period close/],
  ['AccountFrozen', 'another one', about('accountId'), 'AccountUnfrozen', /is not frozen/],
  ['AccountUnfrozen', 'another one', about('accountId'), 'AccountUnfrozen', /is not frozen/],
  ['AccountClosed', 'another one', about('accountId'), 'AccountReopened', /is not closed/],
  ['AccountReopened', 'another one', about('accountId'), 'AccountReopened', /is not closed/],
  ['AccountChanged', 'no account', set({ accountId: NOBODY }), 'AccountChanged', /No account/],
  [
    'InterestAccrualReversed',
    'the other one',
    about('accrualId'),
    'InterestAccrualReversed',
    /is reversed already/,
  ],
];

/** What is not contradicted: the tables in which something else follows. */
const SHOWN: [type: string, what: string, change: Change, tables: string[]][] = [
  ['HoldPlaced', 'a description', set({ description: 'Dinner' }), ['holds']],
  ['LimitCreated', 'what was changed since', set({ amount: '1.00' }), []],
  ['LimitChanged', 'another amount', set({ amount: '1.00' }), ['velocity_limits']],
  ['TransactionScheduled', 'another amount', amounts('4.00'), ['scheduled_transactions']],
  ['AccountChanged', 'a limit', set({ minBalance: '-1.00' }), ['account_versions', 'accounts']],
  ['AccountFrozen', 'another side', set({ side: 'all' }), ['account_versions']],
  ['PeriodReopened', 'a reason', set({ reason: 'Late' }), ['period_closes']],
  ['InterestAccrued', 'another amount', set({ amount: '3.09' }), ['interest_periods']],
];

describe('amending what later facts rest on', () => {
  let ledger: TestLedger;
  let events: Logged[];

  beforeAll(async () => {
    ledger = await startTestLedger({ databases: await cloneDatabases({ lifetime: 'file' }) });
    await laterFacts(ledger);
    events = await query<Logged>(
      ledger.databases.urls.log,
      'select position, type, data from event_log order by position',
    );
  }, 60_000);

  const amended = (type: string, change: Change, dryRun: boolean) => {
    const [first, second] = events.filter((event) => event.type === type);
    const data = change(first!.data, second?.data ?? {});
    const input = { position: first!.position, data, reason: 'What if?' };
    const { registry, urls } = ledger.open;
    return amend({ urls, registry }, { name: 'AmendEvent', actor: 'tester', input, dryRun });
  };

  it.each(REFUSED)('is refused: %s with %s', async (type, _, change, by, why) => {
    const before = await dumpState(ledger.databases.urls.state);
    const outcome = await amended(type, change, false);
    if (outcome.kind === 'accepted') throw new Error(JSON.stringify(outcome.answer.differences));
    const { code, detail } = outcome.refusal;
    expect(code).toBe('amendment_not_materializable');
    expect(detail).toMatch(new RegExp(`^Event \\d+ \\(${by}, .*\\) .*${why.source}`));
    expect(await dumpState(ledger.databases.urls.state)).toEqual(before);
  });

  it.each(SHOWN)('is shown: %s with %s', async (type, _, change, tables) => {
    const before = await dumpState(ledger.databases.urls.state);
    const outcome = await amended(type, change, true);
    if (outcome.kind === 'refused') throw outcome.refusal;
    const { differences } = outcome.answer;
    const [{ position } = { position: 0 }] = events.filter((event) => event.type === type);
    expect(differences.tables.map(({ table }) => table).sort()).toEqual(tables);
    for (const { firstDivergingPosition } of differences.tables) {
      expect(firstDivergingPosition).toBeGreaterThanOrEqual(position);
    }
    expect(await dumpState(ledger.databases.urls.state)).toEqual(before);
  });
});
