import type { Kysely } from 'kysely';
import { anyOf } from '../../database/arrays';
import type { AccountRow, AccountTables } from '../accounts/account.table';
import type { SourceTables } from '../transactions/source.table';
import type { TransactionTables } from '../transactions/transaction.table';
import { type PageRows, beyond, type Order } from '../../engine/session/page-rows';
import type { InterestAccrualRow, InterestTables } from './interest.table';

type AccrualBooks = AccountTables & TransactionTables & SourceTables & InterestTables;

/** Money of one account in minor units of its currency. */
type OfAccount = Pick<AccountRow, 'account_id' | 'digits'>;

export interface AccruedLine extends OfAccount {
  readonly from_date: string;
  readonly through_date: string;
  readonly principal: bigint;
  readonly amount: bigint;
  readonly carried: bigint;
}

export interface AdjustedLine extends OfAccount {
  readonly from_date: string;
  readonly through_date: string;
  readonly amount: bigint;
}

export interface SkippedLine {
  readonly account_id: string;
  readonly code: string;
  readonly detail: string;
}

/** An accrual with everything that came of it, in the order of the log. */
export interface WholeAccrual {
  readonly accrual: InterestAccrualRow;
  readonly accrued: readonly AccruedLine[];
  readonly adjusted: readonly AdjustedLine[];
  readonly skipped: readonly SkippedLine[];
  /** The transactions that posted it. */
  readonly transactionIds: readonly string[];
  /** Those that took it back. */
  readonly reversalIds: readonly string[];
}

/** Accounts in one answer; more make a page shorter. One accrual may have ten times as many. */
const MAX_LINES = 10_000;

export async function readAccrual(
  db: Kysely<AccrualBooks>,
  accrualId: string,
): Promise<WholeAccrual | undefined> {
  const accrual = await db
    .selectFrom('interest_accruals')
    .selectAll()
    .where('accrual_id', '=', accrualId)
    .executeTakeFirst();
  return accrual && (await wholeOf(db, [accrual]))[0];
}

/**
 * Accruals in the order of the log, after a number: so many, or fewer of large ones.
 * @param accountId only those that accrued, adjusted or left out this account
 */
export async function listAccruals(
  db: Kysely<AccrualBooks>,
  accountId: string | undefined,
  after: number,
  limit: number,
  order: Order = 'asc',
): Promise<PageRows<WholeAccrual>> {
  let query = db
    .selectFrom('interest_accruals')
    .selectAll()
    .where('accrual_no', beyond(order), after);
  if (accountId !== undefined) {
    const accrued = db
      .selectFrom('interest_periods')
      .select('accrual_no')
      .distinct()
      .where('account_id', '=', accountId)
      .where('accrual_no', beyond(order), after)
      .orderBy('accrual_no', order)
      .limit(limit + 1);
    const skipped = db
      .selectFrom('interest_skips')
      .select('accrual_no')
      .distinct()
      .where('account_id', '=', accountId)
      .where('accrual_no', beyond(order), after)
      .orderBy('accrual_no', order)
      .limit(limit + 1);
    const either = db
      .selectFrom(accrued.as('p'))
      .select('accrual_no')
      .union(db.selectFrom(skipped.as('s')).select('accrual_no'));
    query = query.where('accrual_no', 'in', either);
  }
  const found = await query
    .orderBy('accrual_no', order)
    .limit(limit + 1)
    .execute();
  const shown = firstOf(found.slice(0, limit));
  return { rows: await wholeOf(db, shown), hasMore: found.length > shown.length };
}

/** As many as have {@link MAX_LINES} together, and one at least. */
function firstOf(accruals: readonly InterestAccrualRow[]): readonly InterestAccrualRow[] {
  let lines = 0;
  const end = accruals.findIndex((accrual, i) => (lines += accrual.lines) > MAX_LINES && i > 0);
  return end === -1 ? accruals : accruals.slice(0, end);
}

async function wholeOf(
  db: Kysely<AccrualBooks>,
  accruals: readonly InterestAccrualRow[],
): Promise<WholeAccrual[]> {
  const numbers = accruals.map((a) => a.accrual_no);
  const accrued = Map.groupBy(await readAccrued(db, numbers), (line) => line.accrual_no);
  const adjusted = Map.groupBy(await readAdjusted(db, numbers), (line) => line.accrual_no);
  const skipped = Map.groupBy(await readSkipped(db, numbers), (line) => line.accrual_no);
  const ids = accruals.map((a) => a.accrual_id);
  const posted = Map.groupBy(await readTransactions(db, ids), (t) => t.source_id);
  return accruals.map((accrual) => {
    const own = posted.get(accrual.accrual_id) ?? [];
    const [reversals, others] = [own.filter((t) => t.reverses), own.filter((t) => !t.reverses)];
    return {
      accrual,
      accrued: accrued.get(accrual.accrual_no) ?? [],
      adjusted: adjusted.get(accrual.accrual_no) ?? [],
      skipped: skipped.get(accrual.accrual_no) ?? [],
      transactionIds: others.map((t) => t.transaction_id),
      reversalIds: reversals.map((t) => t.transaction_id),
    };
  });
}

function readAccrued(db: Kysely<AccrualBooks>, numbers: readonly number[]) {
  return db
    .selectFrom('interest_periods as p')
    .innerJoin('accounts as a', 'a.account_id', 'p.account_id')
    .select(['p.accrual_no', 'p.account_id', 'a.digits', 'p.from_date', 'p.through_date'])
    .select((eb) => [
      eb.ref('p.principal').$notNull().as('principal'),
      eb.ref('p.amount').$notNull().as('amount'),
      'p.carried',
    ])
    .where('p.accrual_no', '=', anyOf('bigint', numbers))
    .where('p.amount', 'is not', null)
    .orderBy('p.position')
    .execute();
}

function readAdjusted(db: Kysely<AccrualBooks>, numbers: readonly number[]) {
  return db
    .selectFrom('interest_adjustments as j')
    .innerJoin('accounts as a', 'a.account_id', 'j.account_id')
    .select(['j.accrual_no', 'j.account_id', 'a.digits', 'j.from_date', 'j.through_date'])
    .select('j.amount')
    .where('j.accrual_no', '=', anyOf('bigint', numbers))
    .orderBy('j.position')
    .execute();
}

function readSkipped(db: Kysely<AccrualBooks>, numbers: readonly number[]) {
  return db
    .selectFrom('interest_skips')
    .select(['accrual_no', 'account_id', 'code', 'detail'])
    .where('accrual_no', '=', anyOf('bigint', numbers))
    .orderBy('position')
    .execute();
}

/** The transactions of accruals and of their reversals. */
export function readTransactions(db: Kysely<AccrualBooks>, accrualIds: readonly string[]) {
  return db
    .selectFrom('transaction_sources as s')
    .innerJoin('transactions as t', 't.transaction_id', 's.transaction_id')
    .select(['s.source_id', 't.transaction_id', 't.reverses'])
    .where('s.source_id', '=', anyOf('uuid', accrualIds))
    .orderBy('t.position')
    .execute();
}

/** An account of an accrual that was accrued again since, with an accrual that did it. */
export async function findLaterAccrual(
  db: Kysely<AccrualBooks>,
  { accrual_no }: InterestAccrualRow,
): Promise<{ account_id: string; accrual_id: string } | undefined> {
  return db
    .selectFrom('interest_periods as p')
    .innerJoin('interest_periods as l', (join) =>
      join.onRef('l.account_id', '=', 'p.account_id').onRef('l.accrual_no', '>', 'p.accrual_no'),
    )
    .innerJoin('interest_accruals as r', 'r.accrual_no', 'l.accrual_no')
    .select(['p.account_id', 'r.accrual_id'])
    .where('p.accrual_no', '=', accrual_no)
    .where('r.reversed_position', 'is', null)
    .limit(1)
    .executeTakeFirst();
}
