import {
  expressionBuilder,
  sql,
  type Expression,
  type Kysely,
  type RawBuilder,
  type SqlBool,
} from 'kysely';
import { given, rowsOf } from '../../database/arrays';
import { column } from '../../database/column';
import type { StateSession } from '../../engine/define/state-session';
import { defineLookup, type StateDatabase } from '../../engine/define/state-table';
import type { AccountRow } from '../accounts/account.table';
import { CLOSING_SOURCE } from '../transactions/closed-days.rules';
import type { Direction } from '../transactions/transaction.events';

/** Whose movements: of an account in a direction. */
export interface MovedThrough {
  readonly account: Pick<AccountRow, 'account_no'>;
  readonly direction: Direction;
}

/** What a transaction or a hold moved through an account in a direction, which limits count. */
export interface Moved {
  readonly position: number;
  readonly recordedAt: string;
  /** Minor units. */
  readonly amount: bigint;
}

/** Facts whose transactions no limit counts: nobody decides to make them there and then. */
const EXEMPT = ['interest_accrual', CLOSING_SOURCE];
/** Movements that are looked at for a page: some 100 kB in memory. */
const PAGE = 500;

/** Movements in the order of the log: all that there are up to `through`. */
interface MovedPage {
  readonly moves: readonly Moved[];
  readonly through: number;
}

/** What is read of an account from one of its positions on. */
export interface Place {
  readonly accountNo: number;
  readonly direction: Direction;
  readonly after: number;
}

/**
 * What moved behind a position, some of it, up to what is committed. So what leaves a rolling
 * window is read once for hundreds of postings, for all accounts of a batch together.
 */
export const movedPages = defineLookup({
  name: 'pages of what moved',
  key: 'key',
  columns: {
    /** See {@link pageKey}. */
    key: column.text(),
    moves: column.jsonb<readonly Moved[]>(),
    through: column.bigint(),
  },
  cacheRows: 5_000,
  read: async (db, keys) => {
    const pages = await readPages(db, keys.map(placeOf), await committed(db));
    // An empty one would be another one soon.
    return keys.flatMap((key, i) => {
      const page = pages[i]!;
      return page.through === placeOf(key).after ? [] : [{ key, ...page }];
    });
  },
});

export function pageKey({ account, direction }: MovedThrough, after: number): string {
  return `${account.account_no} ${direction} ${after}`;
}

function placeOf(key: string): Place {
  const [accountNo, direction, after] = key.split(' ');
  return { accountNo: Number(accountNo), direction: direction as Direction, after: Number(after) };
}

/**
 * What moved behind a position, that of the command under way included, oldest first. With SQL
 * under the locks: for what is not committed yet, and no page can have.
 */
export async function* movedAfter(
  state: StateSession,
  { account, direction }: MovedThrough,
  position: number,
): AsyncGenerator<Moved> {
  let after = position;
  for (;;) {
    const place = { accountNo: account.account_no, direction, after };
    const [page] = await state.query((db) => readPages(db, [place], Number.MAX_SAFE_INTEGER));
    yield* page!.moves;
    if (page!.through === after) return;
    after = page!.through;
  }
}

/**
 * Up to there nothing is undone any more. Under the locks too: what was sent and is not committed
 * may be, and must not be remembered.
 */
export async function committed(db: Kysely<StateDatabase>): Promise<number> {
  const head = db.selectFrom('event_log_state').select('position');
  return (await head.executeTakeFirstOrThrow()).position;
}

/** Places as a table `k` of a query. */
export function placesAs(places: readonly Place[]) {
  return rowsOf('k', {
    i: given(
      'int',
      places.map((_, i) => i),
    ),
    account_no: given(
      'bigint',
      places.map((place) => place.accountNo),
    ),
    direction: given(
      'text',
      places.map((place) => place.direction),
    ),
    after: given(
      'bigint',
      places.map((place) => place.after),
    ),
  });
}

/** One movement as it is read; of no amount where limits do not count it. */
interface MovedRow extends Omit<Moved, 'recordedAt' | 'amount'> {
  readonly i: number;
  readonly recordedAt: string | null;
  readonly amount: bigint | null;
}

/** A page from each place on: one query for what was posted and one for what was held. */
async function readPages(
  db: Kysely<StateDatabase>,
  places: readonly Place[],
  through: number,
): Promise<MovedPage[]> {
  const rows = [await postedBehind(db, places, through), await heldBehind(db, places, through)];
  const lists = rows.map((list) => Map.groupBy(list, (row) => row.i));
  return places.map(({ after }, i) => {
    const both = lists.map((list) => list.get(i) ?? []);
    // Behind the end of a full list there may be more of it.
    const full = both.filter((list) => list.length === PAGE);
    const until = Math.min(...full.map((list) => list.at(-1)!.position));
    const all = both.flat().filter((row) => row.position <= until);
    all.sort((a, b) => a.position - b.position);
    const moves = all.flatMap(({ position, recordedAt, amount }) =>
      recordedAt === null || amount === null ? [] : [{ position, recordedAt, amount }],
    );
    return { moves, through: all.at(-1)?.position ?? after };
  });
}

/** One look into the entries' index, and two for each transaction. */
function postedBehind(
  db: Kysely<StateDatabase>,
  places: readonly Place[],
  through: number,
): Promise<MovedRow[]> {
  return db
    .selectFrom(placesAs(places))
    .innerJoinLateral(
      (of) =>
        of
          .selectFrom('entries as e')
          .innerJoin('transactions as t', 't.position', 'e.position')
          .leftJoin('transaction_sources as s', 's.transaction_id', 't.transaction_id')
          .select(['e.position', 't.recorded_at as recordedAt'])
          .select((eb) =>
            eb.case().when(isCounted()).then(eb.fn.sum<bigint>('e.amount')).end().as('amount'),
          )
          .whereRef('e.account_no', '=', 'k.account_no')
          .whereRef('e.direction', '=', 'k.direction')
          .whereRef('e.position', '>', 'k.after')
          .where('e.position', '<=', through)
          .groupBy(['e.position', 't.recorded_at', 't.hold_id', 's.source_type'])
          .orderBy('e.position')
          .limit(PAGE)
          .as('m'),
      (join) => join.onTrue(),
    )
    .select(['k.i', 'm.position', 'm.recordedAt', 'm.amount'])
    .execute();
}

/** A transaction `t` with the source `s` that it may have, as a query names them. */
interface OfTransaction {
  t: StateDatabase['transactions'];
  s: { [K in keyof StateDatabase['transaction_sources']]: string | null };
}

/** A hold was counted when it was placed. */
export function isCounted(): Expression<SqlBool> {
  const of = expressionBuilder<OfTransaction, keyof OfTransaction>();
  return of.and([
    of('t.hold_id', 'is', null),
    of.or([of('s.source_type', 'is', null), of('s.source_type', 'not in', EXEMPT)]),
  ]);
}

/** A hold `h` at a place `k` of the account `a`. */
interface OfHold {
  h: StateDatabase['holds'];
  a: StateDatabase['accounts'];
  k: { direction: string };
}

/** What a hold reserved at a place, in minor units; null: nothing. */
export function heldAmount(): RawBuilder<bigint | null> {
  const of = expressionBuilder<OfHold, keyof OfHold>();
  // SQL as text: the builder has no word for the elements of a document.
  return sql<bigint | null>`(
    select sum(replace(p ->> 'amount', '.', '')::numeric)
    from jsonb_array_elements(${of.ref('h.postings')}) p
    where p ->> 'accountId' = ${of.ref('a.account_id')}::text
      and p ->> 'direction' = ${of.ref('k.direction')})`;
}

/** One look into the index of what holds did to an account, and one for each of them. */
function heldBehind(
  db: Kysely<StateDatabase>,
  places: readonly Place[],
  through: number,
): Promise<MovedRow[]> {
  return db
    .selectFrom(placesAs(places))
    .innerJoin('accounts as a', 'a.account_no', 'k.account_no')
    .innerJoinLateral(
      (of) =>
        of
          .selectFrom('hold_entries as e')
          // The others are of captures and the like.
          .leftJoin('holds as h', 'h.hold_no', 'e.position')
          .select(['e.position', 'h.created_at as recordedAt', heldAmount().as('amount')])
          .whereRef('e.account_no', '=', 'k.account_no')
          .whereRef('e.position', '>', 'k.after')
          .where('e.position', '<=', through)
          .orderBy('e.position')
          .limit(PAGE)
          .as('m'),
      (join) => join.onTrue(),
    )
    .select(['k.i', 'm.position', 'm.recordedAt', 'm.amount'])
    .execute();
}
