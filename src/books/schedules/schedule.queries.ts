import { sql, type Kysely } from 'kysely';
import { anyOf } from '../../database/arrays';
import { prepared } from '../../database/prepared';
import { findReferenced, needReferenced, referenceOf } from '../../engine/define/reference';
import type { Found, RowNeeds, StateSession } from '../../engine/define/state-session';
import { readPage, type PageRows } from '../../engine/session/page-rows';
import { scheduledTransactions } from './schedule.table';
import type { ScheduledRunRow, ScheduleRow, ScheduleStatus } from './schedule.table';
import type { ScheduleTables } from './schedule.table';

/** Names a scheduled transaction that a creator is going to read. */
export function needSchedule(needs: Pick<RowNeeds, 'row'>, reference: string): void {
  needReferenced(needs, scheduledTransactions, reference);
}

/** The scheduled transaction that a reference names, in the session. */
export function findSchedule(state: StateSession, reference: string): Found<ScheduleRow> {
  return findReferenced(state, scheduledTransactions, reference);
}

/** The scheduled transaction that a reference names, in the database. */
export async function readSchedule(
  db: Kysely<ScheduleTables>,
  reference: string,
): Promise<ScheduleRow | undefined> {
  const found = referenceOf(reference, 'schedule_id');
  if (!found) return undefined;
  return db
    .selectFrom('scheduled_transactions')
    .selectAll()
    .where(found.column, '=', found.value)
    .executeTakeFirst();
}

/** Runs that are shown of one: its last ones. */
export const SHOWN_RUNS = 100;

/** The last runs of some, each in the order of the log: one look into an index for each. */
export async function readRuns(
  db: Kysely<ScheduleTables>,
  schedules: readonly Pick<ScheduleRow, 'schedule_no'>[],
): Promise<Map<number, ScheduledRunRow[]>> {
  const numbers = schedules.map((schedule) => schedule.schedule_no);
  const rows = await db
    .selectFrom('scheduled_transactions as t')
    .innerJoinLateral(
      (eb) =>
        eb
          .selectFrom('scheduled_runs')
          .selectAll()
          .whereRef('schedule_no', '=', 't.schedule_no')
          .orderBy('position', 'desc')
          .limit(eb.lit(SHOWN_RUNS))
          .as('r'),
      (join) => join.onTrue(),
    )
    .selectAll('r')
    .where('t.schedule_no', '=', anyOf('bigint', numbers))
    .orderBy('r.position')
    .execute();
  return Map.groupBy(rows, (row) => row.schedule_no);
}

export interface ScheduleFilter {
  readonly accountNo?: number | undefined;
  readonly status?: ScheduleStatus | undefined;
  readonly clientId?: string | undefined;
}

/** A page of scheduled transactions in the order in which they were made, after a number. */
export function listSchedules(
  db: Kysely<ScheduleTables>,
  { accountNo, status, clientId }: ScheduleFilter,
  after: number,
  limit: number,
): Promise<PageRows<ScheduleRow>> {
  let query = db
    .selectFrom('scheduled_transactions as t')
    .selectAll('t')
    .where('t.schedule_no', '>', after);
  if (accountNo !== undefined) {
    query = query
      .innerJoin('scheduled_accounts as a', 'a.schedule_no', 't.schedule_no')
      .where('a.account_no', '=', accountNo)
      .where('a.schedule_no', '>', after);
  }
  if (status !== undefined) query = query.where('t.status', '=', status);
  if (clientId !== undefined) query = query.where('t.client_id', '=', clientId);
  const found = query.orderBy('t.schedule_no').limit(limit + 1);
  return readPage(db, found, { by: ['schedule_no'], large: ['metadata', 'postings'] }, limit);
}

const readDueRows = prepared<
  ScheduleTables,
  { limit: number },
  Pick<ScheduleRow, 'schedule_id' | 'due_at'> & { readonly count: number }
>((db, { limit }) =>
  db
    .selectFrom('scheduled_transactions')
    .select(['schedule_id', 'due_at'])
    .select((eb) => eb.fn<number>('jsonb_array_length', ['postings']).as('count'))
    .where('due_at', 'is not', null)
    .where('due_at', '<=', sql<string>`now()`)
    .orderBy('due_at')
    .orderBy('schedule_no')
    .limit(limit),
);

/**
 * The ids of what is due by now and has been for longest: all of one instant, since what is posted
 * may be due again before what comes later.
 * @param limit how many at most
 * @param postings how many they have together at most; the first one may have more
 */
export async function readDue(
  db: Kysely<ScheduleTables>,
  limit: number,
  postings: number,
): Promise<string[]> {
  const rows = await readDueRows(db, { limit });
  let sum = 0;
  const end = rows.findIndex(({ due_at, count }, i) => {
    sum += count;
    return i > 0 && (due_at !== rows[0]!.due_at || sum > postings);
  });
  return rows.slice(0, end === -1 ? rows.length : end).map((row) => row.schedule_id);
}
