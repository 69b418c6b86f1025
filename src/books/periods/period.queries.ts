import type { Kysely } from 'kysely';
import { CLOSING_SOURCE } from '../transactions/closed-days.rules';
import { viewsAt } from '../transactions/transaction.queries';
import type { StateDatabase } from '../../engine/define/state-table';
import { readPage, type PageRows, beyond, type Order } from '../../engine/session/page-rows';
import type { LateEntryDto } from './period.dto';
import type { PeriodCloseRow, PeriodTables } from './period.table';

export function readPeriodClose(
  db: Kysely<PeriodTables>,
  closeId: string,
): Promise<PeriodCloseRow | undefined> {
  return db
    .selectFrom('period_closes')
    .selectAll()
    .where('close_id', '=', closeId)
    .executeTakeFirst();
}

/** Closes in the order of the log, after a number. */
export function listPeriodCloses(
  db: Kysely<PeriodTables>,
  after: number,
  limit: number,
  order: Order = 'asc',
): Promise<PeriodCloseRow[]> {
  return db
    .selectFrom('period_closes')
    .selectAll()
    .where('close_no', beyond(order), after)
    .orderBy('close_no', order)
    .limit(limit)
    .execute();
}

/** Before all days. */
const FIRST = '0001-01-01';

/**
 * Transactions that were posted into a period after it was opened again, in the order of the log,
 * after a position; none of one that never was. What closes periods, or takes that back, is not
 * among them. Of all that was posted only what came late to any period is looked at.
 */
export async function listLateEntries(
  db: Kysely<StateDatabase>,
  close: PeriodCloseRow,
  after: number,
  limit: number,
  order: Order = 'asc',
): Promise<PageRows<LateEntryDto>> {
  if (close.reopened_position === null) return { rows: [], hasMore: false };
  const late = db
    .selectFrom('late_transactions as l')
    .innerJoin('transactions as t', 't.position', 'l.position')
    .select(['l.position', 't.metadata'])
    .where('l.position', beyond(order), after)
    .where('l.position', '>', close.reopened_position)
    .where('l.effective_date', '<=', close.through_date)
    .where('l.effective_date', '>', close.previous_date ?? FIRST)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('transaction_sources as s')
            .select('s.position')
            .whereRef('s.transaction_id', '=', 't.transaction_id')
            .where('s.source_type', '=', CLOSING_SOURCE),
        ),
      ),
    )
    .orderBy('l.position', order)
    .limit(limit + 1);
  const page = await readPage(db, late, { by: ['position'], order, large: ['metadata'] }, limit);
  const positions = page.rows.map((row) => row.position);
  const posted = await viewsAt(db, positions, order);
  const rows = posted.map(({ postings, ...transaction }): LateEntryDto => ({
    transactionId: transaction.id,
    clientId: transaction.clientId,
    position: transaction.position,
    recordedAt: transaction.recordedAt,
    effectiveDate: transaction.effectiveDate,
    description: transaction.description,
    postings: postings.map(({ balanceAfter: _, ...posting }) => posting),
  }));
  return { rows, hasMore: page.hasMore || rows.length < positions.length };
}
