import { query } from '../../harness/cluster';
import type { TestDatabases } from '../../harness/databases';
import { waitFor } from '../../harness/waiting';
import { verifyOf } from '../../proof/replay/some-books';
import { APPENDED, DAILY_LIMIT, type BusyRequest } from './busy-requests';

type Databases = Pick<TestDatabases, 'urls'>;

/** What a service may answer: accepted, or refused by the books; a repeat's expiry may be over. */
export const MAY_BE = [200, 201, 400, 409, 422];
const DUE_MS = 30_000;

/** Waits until the services have done what was due. */
export async function waitForDue({ urls }: Databases): Promise<void> {
  await waitFor(
    'all that is due to be done',
    async () => {
      const [row] = await query<{ due: number }>(
        urls.state,
        `select (select count(*) from state.holds where status = 'held' and expires_at < now())
           + (select count(*) from state.scheduled_transactions where due_at < now()) as due`,
      );
      return Number(row!.due) === 0;
    },
    DUE_MS,
  );
}

/** Checks from the log alone that all is there once, and adds up; then verifies the books. */
export async function checkBusyBooks(
  databases: Databases,
  requests: readonly BusyRequest[],
): Promise<void> {
  await expectOnce(databases, requests);
  await expectHoldsWithin(databases);
  await expectRunOnce(databases, requests);
  await expectLimitKept(databases);
  expect(await verifyOf(databases)).toMatchObject({ status: 'passed', log: [], doom: null });
}

/** Each request is there with what it was answered, and nothing is that nobody asked for. */
async function expectOnce({ urls }: Databases, requests: readonly BusyRequest[]): Promise<void> {
  const rows = await query<{ key: string; outcome: string; last: string; types: string[] }>(
    urls.log,
    `select idempotency_key as key, outcome, last_position as last,
       array(select type from event_log e where e.command_id = c.command_id) as types
     from command_log c where actor = 'admin' and idempotency_key is not null`,
  );
  const known = new Map(rows.map((row) => [row.key, row]));
  let remembered = 0;
  for (const { kind, key, answer } of requests) {
    const { status, headers } = answer!;
    const row = known.get(key);
    // What is not valid by the time that it is asked is not remembered.
    if (status === 400) expect([key, row]).toEqual([key, undefined]);
    if (status === 400) continue;
    remembered++;
    const outcome = status < 300 ? 'accepted' : 'refused';
    expect([key, row?.outcome]).toEqual([key, outcome]);
    if (status >= 300) continue;
    expect([key, Number(row!.last)]).toEqual([key, Number(headers.get('ledger-position'))]);
    for (const [type, times] of Object.entries(APPENDED[kind])) {
      const found = row!.types.filter((one) => one === type).length;
      if (times === 1) expect([key, type, found]).toEqual([key, type, 1]);
      else expect(found).toBeLessThanOrEqual(1);
    }
  }
  expect(known.size).toBe(remembered);
}

interface HoldEvent {
  readonly type: string;
  readonly data: {
    readonly holdId: string;
    readonly final?: boolean;
    readonly postings: readonly { readonly direction: string; readonly amount: string }[];
  };
}

/** No hold is captured beyond what it held, and each ends once; then nothing comes of it. */
async function expectHoldsWithin({ urls }: Databases): Promise<void> {
  const events = await query<HoldEvent>(
    urls.log,
    `select type, data from event_log where type like 'Hold%' order by position`,
  );
  const left = new Map<string, bigint>();
  const ended = new Set<string>();
  for (const { type, data } of events) {
    const { holdId, postings } = data;
    const debit = postings.find(({ direction }) => direction === 'debit');
    const amount = BigInt(debit?.amount.replace('.', '') ?? 0);
    if (type === 'HoldPlaced') {
      left.set(holdId, amount);
      continue;
    }
    expect([holdId, ended.has(holdId)]).toEqual([holdId, false]);
    const rest = left.get(holdId)! - (type === 'HoldCaptured' ? amount : 0n);
    expect(rest >= 0n).toBe(true);
    left.set(holdId, rest);
    if (type !== 'HoldCaptured' || data.final !== false || rest === 0n) ended.add(holdId);
  }
  expect(left.size).toBeGreaterThan(0);
}

/** What was due today ran once, unless it was cancelled before. */
async function expectRunOnce({ urls }: Databases, requests: readonly BusyRequest[]): Promise<void> {
  const runs = await query<{ id: string; day: string }>(
    urls.log,
    `select data ->> 'scheduleId' as id, data ->> 'on' as day from event_log
     where type in ('ScheduledTransactionPosted', 'ScheduledTransactionRefused')`,
  );
  const days = runs.map(({ id, day }) => `${id} ${day}`);
  expect(new Set(days).size).toBe(days.length);
  const ran = new Set(runs.map(({ id }) => id));
  const accepted = (kind: string) =>
    requests
      .filter((request) => request.kind === kind && request.answer!.status < 300)
      .map(({ answer }) => (answer!.body as { id: string }).id);
  const cancelled = new Set(accepted('cancel'));
  const missed = accepted('schedule').filter((id) => !ran.has(id) && !cancelled.has(id));
  expect(missed).toEqual([]);
}

/** What was posted or held from the limited account is within its limit on every day. */
async function expectLimitKept({ urls }: Databases): Promise<void> {
  const days = await query<{ day: string; used: string }>(
    urls.log,
    `with limited as (
       select data ->> 'accountId' as id from event_log
       where type = 'AccountOpened' and data ->> 'clientId' = 'limited'
     )
     select (recorded_at at time zone 'UTC')::date as day,
       sum((p ->> 'amount')::numeric)::text as used
     from event_log, limited, json_array_elements(data -> 'postings') p
     where p ->> 'accountId' = limited.id and p ->> 'direction' = 'debit'
       and (type = 'HoldPlaced' or type = 'TransactionPosted' and data ->> 'holdId' is null)
     group by 1`,
  );
  for (const { used } of days) expect(Number(used)).toBeLessThanOrEqual(DAILY_LIMIT);
}
