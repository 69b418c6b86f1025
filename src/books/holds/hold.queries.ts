import { sql, type Kysely } from 'kysely';
import { anyOf } from '../../database/arrays';
import { prepared } from '../../database/prepared';
import { findReferenced, needReferenced, readReferenced } from '../../engine/define/reference';
import type { Found, RowNeeds, StateSession } from '../../engine/define/state-session';
import { readPage, type PageRows, beyond, type Order } from '../../engine/session/page-rows';
import { holds, HOLD_STATUSES, type HoldRow, type HoldStatus, type HoldTables } from './hold.table';

/** Names a hold that a creator is going to read. */
export function needHold(needs: Pick<RowNeeds, 'row'>, reference: string): void {
  needReferenced(needs, holds, reference);
}

/** The hold that a reference names, in the session. */
export function findHold(state: StateSession, reference: string): Found<HoldRow> {
  return findReferenced(state, holds, reference);
}

/** The hold that a reference names, in the database. */
export const readHold = readReferenced(holds);

/** Written out and not a parameter, so that the indexes of what expires serve. */
const HELD = sql.lit<HoldStatus>('held');

const readDueRows = prepared<HoldTables, { limit: number }, Pick<HoldRow, 'hold_id'>>(
  (db, { limit }) =>
    db
      .selectFrom('holds')
      .select('hold_id')
      .where('status', '=', HELD)
      .where('expires_at', 'is not', null)
      .where('expires_at', '<=', sql<string>`now()`)
      .orderBy('expires_at')
      .orderBy('hold_no')
      .limit(limit),
);

/** The ids of the holds that are to expire first, of those whose time is over by now. */
export async function readDue(db: Kysely<HoldTables>, limit: number): Promise<string[]> {
  return (await readDueRows(db, { limit })).map((row) => row.hold_id);
}

const readDueRowsOf = prepared<
  HoldTables,
  { accountNo: number; now: string; limit: number },
  Pick<HoldRow, 'hold_id'>
>((db, { accountNo, now, limit }) =>
  db
    .selectFrom((eb) =>
      eb
        .selectFrom('hold_accounts')
        .select(['hold_no', 'expires_at'])
        .where('account_no', '=', accountNo)
        .where('status', '=', HELD)
        .where('expires_at', 'is not', null)
        .where('expires_at', '<=', now)
        .orderBy('expires_at')
        .orderBy('hold_no')
        .limit(limit)
        .as('l'),
    )
    .innerJoin('holds as h', 'h.hold_no', 'l.hold_no')
    .select('h.hold_id')
    .orderBy('l.expires_at')
    .orderBy('l.hold_no'),
);

/** The same of the holds on one account, at an instant. */
export async function readDueOf(
  db: Kysely<HoldTables>,
  accountNo: number,
  now: string,
  limit: number,
): Promise<string[]> {
  return (await readDueRowsOf(db, { accountNo, now, limit })).map((row) => row.hold_id);
}

export interface HoldFilter {
  readonly accountNo?: number | undefined;
  readonly status?: HoldStatus | undefined;
}

const LARGE = ['metadata', 'postings', 'transaction_ids'] as const;

/** A page of holds in the order in which they were placed, after a hold number. */
export async function listHolds(
  db: Kysely<HoldTables>,
  { accountNo, status }: HoldFilter,
  after: number,
  limit: number,
  order: Order = 'asc',
): Promise<PageRows<HoldRow>> {
  let query = db.selectFrom('holds').selectAll().where('hold_no', beyond(order), after);
  if (accountNo !== undefined) {
    const numbers = await holdsOf(db, accountNo, status, { after, limit: limit + 1, order });
    query = query.where('hold_no', '=', anyOf('bigint', numbers));
  } else if (status !== undefined) query = query.where('status', '=', status);
  const found = query.orderBy('hold_no', order).limit(limit + 1);
  return readPage(db, found, { by: ['hold_no'], order, large: LARGE }, limit);
}

function readLinesIn(order: Order) {
  return prepared<
    HoldTables,
    { accountNo: number; status: HoldStatus; after: number; limit: number },
    { hold_no: number }
  >((db, { accountNo, status, after, limit }) =>
    db
      .selectFrom('hold_accounts')
      .select('hold_no')
      .where('account_no', '=', accountNo)
      .where('status', '=', status)
      .where('hold_no', beyond(order), after)
      .orderBy('hold_no', order)
      .limit(limit),
  );
}
const readLines = { asc: readLinesIn('asc'), desc: readLinesIn('desc') };

/** The numbers of an account's holds: one range of its index for each status. */
async function holdsOf(
  db: Kysely<HoldTables>,
  accountNo: number,
  status: HoldStatus | undefined,
  { after, limit, order }: { after: number; limit: number; order: Order },
): Promise<number[]> {
  const numbers: number[] = [];
  for (const one of status === undefined ? HOLD_STATUSES : [status]) {
    const rows = await readLines[order](db, { accountNo, status: one, after, limit });
    numbers.push(...rows.map((row) => row.hold_no));
  }
  return numbers.sort((a, b) => (order === 'asc' ? a - b : b - a)).slice(0, limit);
}
