import { beyond, type Order } from '../../engine/session/page-rows';
import type { Kysely } from 'kysely';
import type { AccountRow, AccountTables } from '../accounts/account.table';
import type { HeldPosting, HoldTables } from '../holds/hold.table';
import { CLOSING_SOURCE } from '../transactions/closed-days.rules';
import { parseAmount } from '../../money/amount';
import { findReferenced, needReferenced, readReferenced } from '../../engine/define/reference';
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
export const readLimit = readReferenced(velocityLimits);

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
  order: Order = 'asc',
): Promise<LimitRow[]> {
  let query = db.selectFrom('velocity_limits').selectAll().where('limit_no', beyond(order), after);
  if (accountId !== undefined) query = query.where('account_id', '=', accountId);
  if (group !== undefined) query = query.where('account_group', '=', group);
  if (clientId !== undefined) query = query.where('client_id', '=', clientId);
  return query.orderBy('limit_no', order).limit(limit).execute();
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
  readonly account: Pick<AccountRow, 'account_no' | 'account_id' | 'digits'>;
  readonly direction: 'debit' | 'credit';
}

/** Facts whose transactions no limit counts: nobody decides to make them there and then. */
const EXEMPT = ['interest_accrual', CLOSING_SOURCE];
/** A page; of a hold it has all postings. */
const MOVED_PER_QUERY = 100;

/**
 * A position until which every transaction was recorded before an instant, and behind which none
 * was: they are in the order of their times, so that a few looks into their index find it.
 * @param head the last position that there is
 */
export function positionBefore(
  state: StateSession,
  head: number,
  instant: string,
): Promise<number> {
  return state.query(async (db: Kysely<TransactionTables>) => {
    let [before, behind] = [0, head + 1];
    while (behind - before > 1) {
      const middle = Math.floor((before + behind) / 2);
      const next = await db
        .selectFrom('transactions')
        .select(['position', 'recorded_at'])
        .where('position', '>=', middle)
        .where('position', '<', behind)
        .orderBy('position')
        .limit(1)
        .executeTakeFirst();
      if (next && next.recorded_at < instant) before = next.position;
      else behind = middle;
    }
    return before;
  });
}

/** What moved or was held after a position, oldest first. */
export function movedAfter(
  state: StateSession,
  through: MovedThrough,
  position: number,
): AsyncGenerator<Moved> {
  const pages = [posted, held].map((read) =>
    inPages(position, (after) => state.query((db) => read(db, through, after))),
  );
  return merged(pages);
}

async function* inPages(
  from: number,
  read: (from: number) => Promise<(Moved | Passed)[]>,
): AsyncGenerator<Moved> {
  for (let page = await read(from); ; page = await read(page.at(-1)!.position)) {
    for (const moved of page) if ('recordedAt' in moved) yield moved;
    if (page.length < MOVED_PER_QUERY) return;
  }
}

/** What several give in order, in order. */
async function* merged(sources: readonly AsyncGenerator<Moved>[]): AsyncGenerator<Moved> {
  const heads: IteratorResult<Moved, void>[] = [];
  for (const source of sources) heads.push(await source.next());
  for (;;) {
    let first: number | undefined;
    for (const [i, { done, value }] of heads.entries()) {
      const other = first === undefined ? undefined : (heads[first]!.value as Moved);
      if (done !== true && (!other || value.position < other.position)) first = i;
    }
    if (first === undefined) return;
    yield heads[first]!.value as Moved;
    heads[first] = await sources[first]!.next();
  }
}

/** What moved nothing, as far as a page has come. */
type Passed = Pick<Moved, 'position'>;

/** What was posted: one look into the entries' index, and two for each transaction. */
function posted(
  db: Kysely<AccountTables & TransactionTables & SourceTables>,
  { account, direction }: MovedThrough,
  after: number,
): Promise<Moved[]> {
  return db
    .selectFrom('entries as e')
    .innerJoin('transactions as t', 't.position', 'e.position')
    .leftJoin('transaction_sources as s', 's.transaction_id', 't.transaction_id')
    .select(['e.position', 't.recorded_at as recordedAt'])
    .select((eb) => [
      eb.fn.sum<bigint>('e.amount').as('amount'),
      eb
        .and([
          eb('t.hold_id', 'is', null),
          eb.or([eb('s.source_type', 'is', null), eb('s.source_type', 'not in', EXEMPT)]),
        ])
        .as('counts'),
    ])
    .where('e.account_no', '=', account.account_no)
    .where('e.direction', '=', direction)
    .where('e.position', '>', after)
    .groupBy(['e.position', 't.recorded_at', 't.hold_id', 's.source_type'])
    .orderBy('e.position')
    .limit(MOVED_PER_QUERY)
    .$castTo<Moved>()
    .execute();
}

/** What was held: one look into the index of what holds did to an account, and one for each. */
async function held(
  db: Kysely<AccountTables & HoldTables>,
  { account, direction }: MovedThrough,
  after: number,
): Promise<(Moved | Passed)[]> {
  const rows = await db
    .selectFrom('hold_entries as e')
    // The others are of captures and the like.
    .leftJoin('holds as h', 'h.hold_no', 'e.position')
    .select(['e.position', 'h.created_at', 'h.postings'])
    .where('e.account_no', '=', account.account_no)
    .where('e.position', '>', after)
    .orderBy('e.position')
    .limit(MOVED_PER_QUERY)
    .execute();
  const isMoved = (one: HeldPosting) =>
    one.accountId === account.account_id && one.direction === direction;
  return rows.map(({ position, created_at: recordedAt, postings }) => {
    const amounts = (postings ?? []).filter(isMoved);
    if (recordedAt === null || amounts.length === 0) return { position };
    const minor = (sum: bigint, { amount }: HeldPosting) =>
      sum + parseAmount(amount, account.digits)!;
    return { position, recordedAt, amount: amounts.reduce(minor, 0n), counts: true };
  });
}
