import { sql, type Kysely } from 'kysely';
import { anyOf } from '../../database/arrays';
import { prepared } from '../../database/prepared';
import { findReferenced, needReferenced, readReferenced } from '../../engine/define/reference';
import type { Found, RowNeeds, StateSession } from '../../engine/define/state-session';
import { readPage, type PageRows, beyond, type Order } from '../../engine/session/page-rows';
import { behind, firstPlaces } from '../search/search.queries';
import type { SearchTables } from '../search/search.table';
import { contains, withMetadata, type MetadataFilter } from '../search/wanted.rules';
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
export const readSchedule = readReferenced(scheduledTransactions);

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
  readonly metadata?: MetadataFilter | undefined;
}

/** A page of scheduled transactions in the order in which they were made, after a number. */
export async function listSchedules(
  db: Kysely<ScheduleTables & SearchTables>,
  filter: ScheduleFilter,
  after: number,
  limit: number,
  order: Order = 'asc',
): Promise<PageRows<ScheduleRow>> {
  const { metadata } = filter;
  let query = fitting(db, filter).selectAll('t').where('t.schedule_no', beyond(order), after);
  if (metadata !== undefined) {
    const search = { wanted: withMetadata('scheduleMetadata', metadata), ...behind(after, order) };
    const numbers = await firstPlaces(db, search, limit, async (positions) => {
      const rows = await fitting(db, filter)
        .select('t.schedule_no')
        .where('t.schedule_no', '=', anyOf('bigint', positions))
        .where((eb) => contains(eb.ref('t.metadata'), metadata))
        .orderBy('t.schedule_no', order)
        .execute();
      return rows.map((row) => row.schedule_no);
    });
    query = query.where('t.schedule_no', '=', anyOf('bigint', numbers));
  } else if (filter.accountNo !== undefined) {
    // Known of the joined one too, whose index is in that order.
    query = query.where(sql.ref<number>('a.schedule_no'), beyond(order), after);
  }
  const found = query.orderBy('t.schedule_no', order).limit(limit + 1);
  const shape = { by: ['schedule_no'], order, large: ['metadata', 'postings'] } as const;
  return readPage(db, found, shape, limit);
}

/** Those that a filter fits, but for metadata. */
function fitting(db: Kysely<ScheduleTables>, { accountNo, status, clientId }: ScheduleFilter) {
  let query = db.selectFrom('scheduled_transactions as t');
  if (accountNo !== undefined) {
    query = query.innerJoin('scheduled_accounts as a', (join) =>
      join.onRef('a.schedule_no', '=', 't.schedule_no').on('a.account_no', '=', accountNo),
    );
  }
  if (status !== undefined) query = query.where('t.status', '=', status);
  if (clientId !== undefined) query = query.where('t.client_id', '=', clientId);
  return query;
}

/** What is due on a day, which begins for all in one instant, and how many postings it has. */
export interface DueSchedule extends Pick<ScheduleRow, 'schedule_id' | 'next_on'> {
  readonly postings: number;
}

const readDueRows = prepared<ScheduleTables, { limit: number }, DueSchedule>((db, { limit }) =>
  db
    .selectFrom('scheduled_transactions')
    .select((eb) => [
      'schedule_id',
      'next_on',
      eb.fn<number>('jsonb_array_length', ['postings']).as('postings'),
    ])
    .where('due_at', 'is not', null)
    .where('due_at', '<=', sql<string>`now()`)
    .orderBy('due_at')
    .orderBy('schedule_no')
    .limit(limit),
);

/**
 * What is due by now and has been for longest: all of one day, since what is posted may be due
 * again before what comes later.
 */
export async function readDue(
  db: Kysely<ScheduleTables>,
  limit: number,
): Promise<readonly DueSchedule[]> {
  const rows = await readDueRows(db, { limit });
  return rows.filter((row) => row.next_on === rows[0]!.next_on);
}
