import type { Kysely } from 'kysely';
import type { AccountRow, AccountTables } from '../accounts/account.table';
import { findReferenced, needReferenced, referenceOf } from '../../engine/define/reference';
import type { Found, RowNeeds, StateSession } from '../../engine/define/state-session';
import type { SourceTables } from '../transactions/source.table';
import type { TransactionTables } from '../transactions/transaction.table';
import { velocityLimits, type LimitRow, type LimitTables } from './limit.table';

/** Names a limit that a creator is going to read. */
export function needLimit(needs: RowNeeds, reference: string): void {
  needReferenced(needs, velocityLimits, reference);
}

/** The limit that a reference names, in the session. */
export function findLimit(state: StateSession, reference: string): Found<LimitRow> {
  return findReferenced(state, velocityLimits, reference);
}

/** The limit that a reference names, in the database. */
export async function readLimit(
  db: Kysely<LimitTables>,
  reference: string,
): Promise<LimitRow | undefined> {
  const found = referenceOf(reference, 'limit_id');
  if (!found) return undefined;
  return db
    .selectFrom('velocity_limits')
    .selectAll()
    .where(found.column, '=', found.value)
    .executeTakeFirst();
}

export interface LimitFilter {
  readonly accountId?: string | undefined;
  readonly group?: string | undefined;
  readonly clientId?: string | undefined;
}

/** Limits in the order in which they were made, after a limit's number; removed ones too. */
export function listLimits(
  db: Kysely<LimitTables>,
  { accountId, group, clientId }: LimitFilter,
  after: number,
  limit: number,
): Promise<LimitRow[]> {
  let query = db.selectFrom('velocity_limits').selectAll().where('limit_no', '>', after);
  if (accountId !== undefined) query = query.where('account_id', '=', accountId);
  if (group !== undefined) query = query.where('account_group', '=', group);
  if (clientId !== undefined) query = query.where('client_id', '=', clientId);
  return query.orderBy('limit_no').limit(limit).execute();
}

/** What a transaction moved through an account in a direction. */
export interface Moved {
  readonly position: number;
  readonly recordedAt: string;
  /** Minor units. */
  readonly amount: bigint;
  /** Whether limits count it. */
  readonly counts: boolean;
}

/** Whose movements: of an account in a direction. */
export interface MovedThrough {
  readonly account: Pick<AccountRow, 'account_no'>;
  readonly direction: 'debit' | 'credit';
}

/** Facts whose transactions no limit counts: nobody decides to make them there and then. */
const EXEMPT = ['interest_accrual', 'period_close'];
const MOVED_PER_QUERY = 1_000;

/** What moved, newest first. */
export async function* movedBefore(
  state: StateSession,
  through: MovedThrough,
): AsyncGenerator<Moved> {
  for (let before = Number.MAX_SAFE_INTEGER; ;) {
    const page = await state.query((db) =>
      movements(db, through)
        .where('e.position', '<', before)
        .orderBy('e.position', 'desc')
        .execute(),
    );
    yield* page;
    if (page.length < MOVED_PER_QUERY) return;
    before = page.at(-1)!.position;
  }
}

/** What moved after a position, oldest first. */
export async function* movedAfter(
  state: StateSession,
  through: MovedThrough,
  position: number,
): AsyncGenerator<Moved> {
  for (let after = position; ;) {
    const page = await state.query((db) =>
      movements(db, through).where('e.position', '>', after).orderBy('e.position').execute(),
    );
    yield* page;
    if (page.length < MOVED_PER_QUERY) return;
    after = page.at(-1)!.position;
  }
}

/** A page of what moved: one look into the entries' index, and two for each transaction. */
function movements(
  db: Kysely<AccountTables & TransactionTables & SourceTables>,
  { account, direction }: MovedThrough,
) {
  return db
    .selectFrom('entries as e')
    .innerJoin('transactions as t', 't.position', 'e.position')
    .leftJoin('transaction_sources as s', 's.transaction_id', 't.transaction_id')
    .select(['e.position', 't.recorded_at as recordedAt'])
    .select((eb) => [
      eb.fn.sum<bigint>('e.amount').as('amount'),
      eb.or([eb('s.source_type', 'is', null), eb('s.source_type', 'not in', EXEMPT)]).as('counts'),
    ])
    .where('e.account_no', '=', account.account_no)
    .where('e.direction', '=', direction)
    .groupBy(['e.position', 't.recorded_at', 's.source_type'])
    .limit(MOVED_PER_QUERY)
    .$castTo<Moved>();
}
