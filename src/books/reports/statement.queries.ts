import { sql, type Expression, type Kysely } from 'kysely';
import { anyOf, elementsOf, given, rowsOf } from '../../database/arrays';
import { prepared, type Placeholders } from '../../database/prepared';
import { pageQuery, pageRows, type Marked } from '../../engine/session/page-rows';
import { dayBefore } from '../../money/calendar-date';
import {
  accountFactsAsOf,
  type AccountRow,
  type AccountTables,
  type EntryRow,
} from '../accounts/account.table';
import type { DatedEntryTables } from '../accounts/dated-entries.table';
import {
  firstLater,
  readLateUntil,
  readTotalsOn,
  totalsOn,
} from '../accounts/dated-totals.queries';
import type { TransactionRow, TransactionTables } from '../transactions/transaction.table';

type Books = AccountTables & DatedEntryTables & TransactionTables;

/** Where an entry stands on its account's statement. */
export interface StatementPlace {
  readonly date: string;
  readonly position: number;
  readonly ordinal: number;
  /** Whether it came late: behind an entry of a later date. */
  readonly isLate: boolean;
}

/** Which entries of an account. */
export interface StatementFilter {
  /** Effective dates, both included. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** What was posted until then; undefined: everything. */
  readonly position: number | undefined;
}

/** Sums of debits and credits, in minor units. */
export type Sums = Pick<AccountRow, 'debits' | 'credits'>;

interface Listed extends StatementFilter {
  readonly accountNos: readonly number[];
  /** In the order of the dates entries begin with the first of a later day than this one… */
  readonly startAfter: string | undefined;
  /** …or behind this one, which came in order. */
  readonly inOrderPosition: number | undefined;
  readonly inOrderOrdinal: number | undefined;
  /** What comes late begins behind this place. */
  readonly afterDate: string | undefined;
  readonly afterPosition: number | undefined;
  readonly afterOrdinal: number | undefined;
  readonly limit: number;
}

export type StatementRow = EntryRow & { readonly is_late: boolean } & Pick<
    TransactionRow,
    'transaction_id' | 'client_id' | 'description' | 'metadata'
  > &
  Pick<TransactionRow, 'recorded_at' | 'account_nos'>;

/** The last day that a date can be. */
export const LAST_DAY = '9999-12-31';

const SHAPE = {
  by: ['account_no', 'effective_date', 'position', 'ordinal'],
  large: ['metadata', 'description'],
} as const;

/**
 * Entries in the order of their dates, account by account: those that came in order, which the
 * primary key has in that order, and what came late, from its own index; as many of each as the
 * page may have.
 */
const listRows = prepared<Books, Listed, Marked<StatementRow>>((db, values) => {
  const found = db
    .selectFrom(rowsOf('n', { account_no: given('bigint', values.accountNos) }))
    .crossJoinLateral((eb) => {
      const accountNo = eb.ref('n.account_no');
      const late = latePlaces(db, accountNo, values);
      return placesInOrder(db, accountNo, values).unionAll(late).as('p');
    })
    .select(['n.account_no', 'p.effective_date', 'p.position', 'p.ordinal', 'p.is_late'])
    .orderBy('n.account_no')
    .orderBy('p.effective_date')
    .orderBy('p.position')
    .orderBy('p.ordinal')
    .limit(values.limit);
  const page = db
    .selectFrom(found.as('p'))
    .innerJoin('entries as e', (join) =>
      join
        .onRef('e.account_no', '=', 'p.account_no')
        .onRef('e.position', '=', 'p.position')
        .onRef('e.ordinal', '=', 'p.ordinal'),
    )
    .innerJoin('transactions as t', 't.position', 'p.position')
    .selectAll('e')
    .select(['p.is_late', 't.transaction_id', 't.client_id', 't.description', 't.metadata'])
    .select(['t.recorded_at', 't.account_nos']);
  return pageQuery(db, page, SHAPE);
});

/**
 * As many as a page may have of the entries that came in order. Where most of an account came late,
 * they are far between: so they are looked for no further than what came late fills a page.
 */
function placesInOrder(
  db: Kysely<Books>,
  accountNo: Expression<number>,
  values: Placeholders<Listed>,
) {
  const { to, position, limit } = values;
  const { startAfter, inOrderPosition, inOrderOrdinal } = values;
  let places = db
    .selectFrom('entries as i')
    .select(['i.effective_date', 'i.position', 'i.ordinal'])
    .select((eb) => eb.cast<boolean>(eb.lit(false), 'boolean').as('is_late'))
    .where('i.account_no', '=', accountNo)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('late_entries as late')
            .select('late.position')
            .where('late.account_no', '=', accountNo)
            .whereRef('late.position', '=', 'i.position')
            .whereRef('late.ordinal', '=', 'i.ordinal')
            // The offset keeps the planner from reading all that came late for it.
            .offset(eb.lit(0)),
        ),
      ),
    );
  if (position !== undefined) places = places.where('i.position', '<=', position);
  if (startAfter !== undefined) {
    places = places.where('i.position', '>=', positionOf(db, firstLater(accountNo, startAfter)));
  }
  if (inOrderPosition !== undefined && inOrderOrdinal !== undefined) {
    const place = [inOrderPosition, inOrderOrdinal] as const;
    places = places.where((eb) => isBehind(eb.refTuple('i.position', 'i.ordinal'), place));
  }
  places = places.where((eb) => {
    const lastDay = to ?? eb.cast<string>(eb.val(LAST_DAY), 'date');
    const day = eb.fn.coalesce(lastLateDay(db, accountNo, values), lastDay);
    const end = positionOf(db, firstLater(accountNo, day));
    return eb('i.position', '<', eb.fn.coalesce(end, eb.lit(Number.MAX_SAFE_INTEGER)));
  });
  const first = places.orderBy('i.position').orderBy('i.ordinal').limit(limit);
  return db.selectFrom(first.as('o')).selectAll();
}

/** The day of the last late entry that the page may have, where there are as many: null if not. */
function lastLateDay(
  db: Kysely<Books>,
  accountNo: Expression<number>,
  values: Placeholders<Listed>,
) {
  return db
    .selectFrom(latePlaces(db, accountNo, values).as('l'))
    .select((eb) =>
      eb
        .case()
        .when(eb.fn.countAll<number>(), '=', values.limit)
        .then(eb.fn.max('l.effective_date'))
        .end()
        .as('day'),
    );
}

/** As many as a page may have of what came late. */
function latePlaces(
  db: Kysely<Books>,
  accountNo: Expression<number>,
  values: Placeholders<Listed>,
) {
  const { from, to, position, limit } = values;
  const { afterDate, afterPosition, afterOrdinal } = values;
  let places = db
    .selectFrom('late_entries')
    .select(['effective_date', 'position', 'ordinal'])
    .select((eb) => eb.cast<boolean>(eb.lit(true), 'boolean').as('is_late'))
    .where('account_no', '=', accountNo);
  if (position !== undefined) places = places.where('position', '<=', position);
  if (from !== undefined) places = places.where('effective_date', '>=', from);
  if (to !== undefined) places = places.where('effective_date', '<=', to);
  if (afterDate !== undefined && afterPosition !== undefined && afterOrdinal !== undefined) {
    const place = [afterDate, afterPosition, afterOrdinal] as const;
    const columns = ['effective_date', 'position', 'ordinal'] as const;
    places = places.where((eb) => isBehind(eb.refTuple(...columns), place));
  }
  const first = places
    .orderBy('effective_date')
    .orderBy('position')
    .orderBy('ordinal')
    .limit(limit);
  return db.selectFrom(first.as('l')).selectAll();
}

function positionOf(db: Kysely<Books>, first: ReturnType<typeof firstLater>) {
  return db.selectFrom(first.as('f')).select('f.position');
}

/** SQL as text: the builder types no tuple whose parts are values of a query that is prepared. */
function isBehind(place: Expression<unknown>, other: readonly Expression<unknown>[]) {
  return sql<boolean>`${place} > (${sql.join(other)})`;
}

/** Entries of statements, in their order. */
export interface StatementRows {
  readonly rows: readonly StatementRow[];
  /** Whether more follow. */
  readonly hasMore: boolean;
  /** Of which account the next one is, where that was read. */
  readonly following: number | undefined;
}

/**
 * The next entries of the statements of some accounts, one account after the other: so many, or
 * fewer of large ones.
 * @param after where the statement of a single account goes on
 */
export async function listStatements(
  db: Kysely<Books>,
  accountNos: readonly number[],
  filter: StatementFilter,
  after: StatementPlace | undefined,
  limit: number,
): Promise<StatementRows> {
  const { from } = filter;
  const inOrder = after && !after.isLate ? after : undefined;
  const startAfter = after ? (after.isLate ? after.date : undefined) : from && dayBefore(from);
  const found = await listRows(db, {
    ...{ ...filter, accountNos, limit: limit + 1, startAfter },
    ...{ inOrderPosition: inOrder?.position, inOrderOrdinal: inOrder?.ordinal },
    ...{ afterDate: after?.date, afterPosition: after?.position, afterOrdinal: after?.ordinal },
  });
  const page = pageRows<StatementRow>(found, limit);
  return { ...page, following: found[page.rows.length]?.account_no };
}

interface AskedEnds {
  readonly accountNos: readonly number[];
  /** The last day before the statement; undefined: it begins with the first entry. */
  readonly before: string | undefined;
  readonly until: string;
  readonly position: number | undefined;
}

/** The sums of an account at both ends of its statement, in minor units. */
export interface StatementEnds {
  readonly account_no: number;
  readonly opening_debits: bigint;
  readonly opening_credits: bigint;
  readonly closing_debits: bigint;
  readonly closing_credits: bigint;
}

/** The sums of some accounts before the days of their statements and after them, as known. */
export const readEnds = prepared<Books, AskedEnds, StatementEnds>((db, values) => {
  const { accountNos, before, until, position } = values;
  const zero = sql<bigint>`0::numeric`;
  const closed = db
    .selectFrom(rowsOf('n', { account_no: given('bigint', accountNos) }))
    .leftJoinLateral(
      (eb) => totalsOn({ accountNo: eb.ref('n.account_no'), date: until, position }).as('c'),
      (join) => join.onTrue(),
    )
    .select((eb) => [
      'n.account_no',
      eb.fn.coalesce('c.debits', zero).as('closing_debits'),
      eb.fn.coalesce('c.credits', zero).as('closing_credits'),
    ]);
  if (before === undefined) {
    return closed.select([zero.as('opening_debits'), zero.as('opening_credits')]);
  }
  return closed
    .leftJoinLateral(
      (eb) => totalsOn({ accountNo: eb.ref('n.account_no'), date: before, position }).as('o'),
      (join) => join.onTrue(),
    )
    .select((eb) => [
      eb.fn.coalesce('o.debits', zero).as('opening_debits'),
      eb.fn.coalesce('o.credits', zero).as('opening_credits'),
    ]);
});

const readLateOfDay = prepared<
  Books,
  { accountNo: number; date: string; position: number; ordinal: number },
  { debits: bigint | null; credits: bigint | null }
>((db, { accountNo, date, position, ordinal }) =>
  db
    .selectFrom('late_entries')
    .select((eb) => [
      eb.fn.sum<bigint | null>('debit').as('debits'),
      eb.fn.sum<bigint | null>('credit').as('credits'),
    ])
    .where('account_no', '=', accountNo)
    .where('effective_date', '=', date)
    .where((eb) => eb(eb.refTuple('position', 'ordinal'), '<', eb.tuple(position, ordinal))),
);

/** The sums of what stands before an entry on the statement of its account, as they were known. */
export async function sumsBeforeEntry(
  db: Kysely<Books>,
  row: StatementRow,
  position: number | undefined,
): Promise<Sums> {
  const { account_no: accountNo, effective_date: date } = row;
  const before = dayBefore(date);
  const dates = before === undefined ? [date] : [before, date];
  const totals = await readTotalsOn(db, { accountNo, dates, position });
  const until = totals.at(-1)!;
  const earlier = totals.length > 1 ? totals[0] : undefined;
  const lateBefore = {
    debits: earlier ? earlier.debits - earlier.in_order_debits : 0n,
    credits: earlier ? earlier.credits - earlier.in_order_credits : 0n,
  };
  if (!row.is_late) {
    // Of a day everything that came in order stands before what came late.
    const own = row.direction === 'debit' ? [row.amount, 0n] : [0n, row.amount];
    const late = await readLateUntil(db, { accountNo, position: row.position });
    return {
      debits: row.debits_after - own[0]! - (late[0]?.debits ?? 0n) + lateBefore.debits,
      credits: row.credits_after - own[1]! - (late[0]?.credits ?? 0n) + lateBefore.credits,
    };
  }
  const place = { accountNo, date, position: row.position, ordinal: row.ordinal };
  const [late] = await readLateOfDay(db, place);
  return {
    debits: until.in_order_debits + lateBefore.debits + (late!.debits ?? 0n),
    credits: until.in_order_credits + lateBefore.credits + (late!.credits ?? 0n),
  };
}

/** An account of a transaction. */
export type CounterAccount = Pick<
  AccountRow,
  'account_no' | 'account_id' | 'client_id' | 'name'
> & {
  readonly at: number;
};

/** Counter accounts in one answer; more make a page shorter. A transaction has a tenth at most. */
const MAX_COUNTER_ACCOUNTS = 10_000;

const readCounterRows = prepared<
  Books,
  { positions: readonly number[]; position: number | undefined },
  CounterAccount
>((db, { positions, position }) =>
  db
    .selectFrom('transactions as t')
    .crossJoinLateral((eb) => elementsOf(eb.ref('t.account_nos'), 'n', 'account_no'))
    .crossJoinLateral((eb) =>
      // The offset keeps the planner from reading all accounts.
      eb
        .selectFrom(accountFactsAsOf(position).as('f'))
        .select(['f.account_no', 'f.account_id', 'f.client_id', 'f.name'])
        .whereRef('f.account_no', '=', 'n.account_no')
        .offset(eb.lit(0))
        .as('a'),
    )
    .select(['t.position as at', 'a.account_no', 'a.account_id', 'a.client_id', 'a.name'])
    .where('t.position', '=', anyOf('bigint', positions))
    .orderBy('t.position')
    .orderBy('a.account_no'),
);

/**
 * The accounts of the transactions of the first of some rows, by position, as they were called
 * then: of so many rows as have {@link MAX_COUNTER_ACCOUNTS} together.
 */
export async function readCounterAccounts(
  db: Kysely<Books>,
  position: number | undefined,
  rows: readonly StatementRow[],
): Promise<{ readonly of: ReadonlyMap<number, CounterAccount[]>; readonly complete: number }> {
  const positions: number[] = [];
  let counted = 0;
  for (const row of rows) {
    counted += row.account_nos.length - 1;
    if (counted > MAX_COUNTER_ACCOUNTS && positions.length > 0) break;
    positions.push(row.position);
  }
  const found = await readCounterRows(db, { positions, position });
  return { of: Map.groupBy(found, ({ at }) => at), complete: positions.length };
}
