import { sql, type Kysely, type RawBuilder } from 'kysely';
import { anyOf, given, rowsOf } from '../../database/arrays';
import { column } from '../../database/column';
import { prepared } from '../../database/prepared';
import { findReferenced, needReferenced, readReferenced } from '../../engine/define/reference';
import type { Found, RowNeeds, StateSession } from '../../engine/define/state-session';
import { defineLookup } from '../../engine/define/state-table';
import { beyond, readPage, type Order, type PageRows } from '../../engine/session/page-rows';
import type { AccountRow } from '../accounts/account.table';
import { behind, firstPlaces } from '../search/search.queries';
import type { SearchTables } from '../search/search.table';
import { contains, withMetadata, type MetadataFilter } from '../search/wanted.rules';
import type { Direction } from '../transactions/transaction.events';
import {
  ALL_ACCOUNTS,
  holds,
  HOLD_STATUSES,
  type HoldRow,
  type HoldStatus,
  type HoldTables,
} from './hold.table';

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

/** A hold whose time is over, and how many postings it has. */
export interface DueHold {
  readonly hold_id: string;
  readonly postings: number;
}

const readDueRows = prepared<HoldTables, { limit: number }, DueHold>((db, { limit }) =>
  dueFirst(db, ALL_ACCOUNTS, sql<string>`now()`, limit).select((eb) =>
    eb.fn<number>('jsonb_array_length', ['h.postings']).as('postings'),
  ),
);

/** Of an account's open holds those that expire first, whose time is over at an instant. */
function dueFirst(
  db: Kysely<HoldTables>,
  accountNo: number | RawBuilder<number>,
  now: RawBuilder<string>,
  limit: RawBuilder<number>,
) {
  return db
    .selectFrom((eb) =>
      eb
        .selectFrom('open_holds')
        .select(['hold_no', 'expires_at'])
        .where('account_no', '=', accountNo)
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
    .orderBy('l.hold_no');
}

/** The holds that are to expire first, of those whose time is over by now. */
export function readDue(db: Kysely<HoldTables>, limit: number): Promise<readonly DueHold[]> {
  return readDueRows(db, { limit });
}

const readDueRowsOf = prepared<
  HoldTables,
  { accountNo: number; now: string; limit: number },
  Pick<HoldRow, 'hold_id'>
>((db, { accountNo, now, limit }) => dueFirst(db, accountNo, now, limit));

/** The same of the holds on one account, at an instant. */
export async function readDueOf(
  db: Kysely<HoldTables>,
  accountNo: number,
  now: string,
  limit: number,
): Promise<string[]> {
  return (await readDueRowsOf(db, { accountNo, now, limit })).map((row) => row.hold_id);
}

/** What an account's holds have left, in minor units, of those whose time is over at an instant. */
export async function readDueSums(
  db: Kysely<HoldTables>,
  { account_no: accountNo, account_id: accountId }: Pick<AccountRow, 'account_no' | 'account_id'>,
  now: string,
): Promise<Record<Direction, bigint>> {
  const leftOn = (direction: Direction) =>
    // SQL as text: the builder has no word for the elements of a document.
    sql<bigint | null>`(
      select sum(replace(p ->> 'amount', '.', '')::numeric
        - replace(p ->> 'captured', '.', '')::numeric)
      from jsonb_array_elements(${sql.ref('h.postings')}) p
      where p ->> 'accountId' = ${accountId} and p ->> 'direction' = ${direction})`.as(direction);
  const sums = await db
    .selectFrom((of) =>
      of
        .selectFrom('open_holds as l')
        .innerJoin('holds as h', 'h.hold_no', 'l.hold_no')
        .select([leftOn('debit'), leftOn('credit')])
        .where('l.account_no', '=', accountNo)
        .where('l.expires_at', 'is not', null)
        .where('l.expires_at', '<=', now)
        .as('due'),
    )
    .select(({ fn }) => [fn.sum<bigint | null>('debit').as('debit')])
    .select(({ fn }) => [fn.sum<bigint | null>('credit').as('credit')])
    .executeTakeFirstOrThrow();
  return { debit: sums.debit ?? 0n, credit: sums.credit ?? 0n };
}

/**
 * When the first hold on an account expires of those that it has after its last change; null: none
 * does. The account's row says only before when none does, and which is next once that one has
 * ended is not kept; so whoever is refused while an old instant stands there asks for it, once.
 */
export const firstExpiries = defineLookup({
  name: 'first expiries',
  key: 'key',
  columns: {
    /** See {@link expiryKey}. */
    key: column.text(),
    expires_at: column.timestamptz().nullable(),
  },
  cacheRows: 10_000,
  read: async (db, keys) => {
    const head = await db.selectFrom('event_log_state').select('position').executeTakeFirst();
    // A change that is not committed is not seen.
    const known = keys.filter((key) => changeOf(key).position <= head!.position);
    const accountNos = known.map((key) => changeOf(key).accountNo);
    const rows = await db
      .selectFrom(rowsOf('k', { key: given('text', known), no: given('bigint', accountNos) }))
      .select('k.key')
      .select((eb) =>
        eb
          .selectFrom('open_holds as l')
          .select('l.expires_at')
          .whereRef('l.account_no', '=', 'k.no')
          .where('l.expires_at', 'is not', null)
          .orderBy('l.expires_at')
          .limit(eb.lit(1))
          .as('expires_at'),
      )
      .execute();
    return rows;
  },
});

export function expiryKey(account: Pick<AccountRow, 'account_no' | 'last_position'>): string {
  return `${account.account_no} ${account.last_position}`;
}

function changeOf(key: string): { accountNo: number; position: number } {
  const [accountNo, position] = key.split(' ').map(Number);
  return { accountNo: accountNo!, position: position! };
}

export interface HoldFilter {
  readonly accountNo?: number | undefined;
  readonly status?: HoldStatus | undefined;
  readonly metadata?: MetadataFilter | undefined;
}

const LARGE = ['metadata', 'postings', 'transaction_ids'] as const;

/** A page of holds in the order in which they were placed, after a hold number. */
export async function listHolds(
  db: Kysely<HoldTables & SearchTables>,
  { accountNo, status, metadata }: HoldFilter,
  after: number,
  limit: number,
  order: Order = 'asc',
): Promise<PageRows<HoldRow>> {
  let query = db.selectFrom('holds').selectAll().where('hold_no', beyond(order), after);
  if (metadata !== undefined) {
    const filter = { accountNo, status, metadata };
    const numbers = await holdsWith(db, filter, after, limit, order);
    query = query.where('hold_no', '=', anyOf('bigint', numbers));
  } else if (accountNo !== undefined || status !== undefined) {
    const range = { after, limit: limit + 1, order };
    const numbers = await holdsOf(db, accountNo ?? ALL_ACCOUNTS, status, range);
    query = query.where('hold_no', '=', anyOf('bigint', numbers));
  }
  const found = query.orderBy('hold_no', order).limit(limit + 1);
  return readPage(db, found, { by: ['hold_no'], order, large: LARGE }, limit);
}

/** The numbers of holds that have some metadata, and are what else is asked. */
function holdsWith(
  db: Kysely<HoldTables & SearchTables>,
  { accountNo, status, metadata = {} }: HoldFilter,
  after: number,
  limit: number,
  order: Order,
): Promise<number[]> {
  const search = { wanted: withMetadata('holdMetadata', metadata), ...behind(after, order) };
  return firstPlaces(db, search, limit, async (positions) => {
    let query = db
      .selectFrom('holds as h')
      .select('h.hold_no')
      .where('h.hold_no', '=', anyOf('bigint', positions))
      .where((eb) => contains(eb.ref('h.metadata'), metadata));
    if (status !== undefined) query = query.where('h.status', '=', status);
    if (accountNo !== undefined) {
      query = query.where((eb) =>
        eb.or([
          eb.exists(
            eb
              .selectFrom('open_holds as l')
              .select('l.hold_no')
              .whereRef('l.hold_no', '=', 'h.hold_no')
              .where('l.account_no', '=', accountNo),
          ),
          eb.exists(
            eb
              .selectFrom('ended_holds as l')
              .select('l.hold_no')
              .whereRef('l.status', '=', 'h.status')
              .whereRef('l.hold_no', '=', 'h.hold_no')
              .where('l.account_no', '=', accountNo),
          ),
        ]),
      );
    }
    const rows = await query.orderBy('h.hold_no', order).execute();
    return rows.map((row) => row.hold_no);
  });
}

interface Range {
  readonly after: number;
  readonly limit: number;
}

function readOpenIn(order: Order) {
  return prepared<HoldTables, Range & { accountNo: number }, { hold_no: number }>(
    (db, { accountNo, after, limit }) =>
      db
        .selectFrom('open_holds')
        .select('hold_no')
        .where('account_no', '=', accountNo)
        .where('hold_no', beyond(order), after)
        .orderBy('hold_no', order)
        .limit(limit),
  );
}
const readOpen = { asc: readOpenIn('asc'), desc: readOpenIn('desc') };

function readEndedIn(order: Order) {
  return prepared<
    HoldTables,
    Range & { accountNo: number; status: HoldStatus },
    { hold_no: number }
  >((db, { accountNo, status, after, limit }) =>
    db
      .selectFrom('ended_holds')
      .select('hold_no')
      .where('account_no', '=', accountNo)
      .where('status', '=', status)
      .where('hold_no', beyond(order), after)
      .orderBy('hold_no', order)
      .limit(limit),
  );
}
const readEnded = { asc: readEndedIn('asc'), desc: readEndedIn('desc') };

/** The numbers of an account's holds: one range of an index for each status. */
async function holdsOf(
  db: Kysely<HoldTables>,
  accountNo: number,
  status: HoldStatus | undefined,
  { order, ...range }: Range & { order: Order },
): Promise<number[]> {
  const numbers: number[] = [];
  for (const one of status === undefined ? HOLD_STATUSES : [status]) {
    const of = { accountNo, ...range };
    const rows = await (one === 'held'
      ? readOpen[order](db, of)
      : readEnded[order](db, { ...of, status: one }));
    numbers.push(...rows.map((row) => row.hold_no));
  }
  return numbers.sort((a, b) => (order === 'asc' ? a - b : b - a)).slice(0, range.limit);
}
