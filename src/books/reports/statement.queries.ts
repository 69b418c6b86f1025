import { sql, type Expression, type Kysely } from 'kysely';
import { anyOf, elementsOf } from '../../database/arrays';
import { prepared } from '../../database/prepared';
import { pageQuery, pageRows, type Marked, type PageRows } from '../../engine/session/page-rows';
import { dayBefore } from '../../money/calendar-date';
import {
  accountFactsAsOf,
  type AccountRow,
  type AccountTables,
  type EntryRow,
} from '../accounts/account.table';
import type { DatedEntryTables } from '../accounts/dated-entries.table';
import { firstLater, readTotalsOn } from '../accounts/dated-totals.queries';
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
  readonly accountNo: number;
  /** Effective dates, both included. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** What was posted until then; undefined: everything. */
  readonly position: number | undefined;
}

/** Sums of debits and credits, in minor units. */
export type Sums = Pick<AccountRow, 'debits' | 'credits'>;

interface Listed extends StatementFilter {
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

export type StatementRow = EntryRow &
  Pick<TransactionRow, 'transaction_id' | 'client_id' | 'description' | 'metadata'> &
  Pick<TransactionRow, 'recorded_at' | 'account_nos'>;

const SHAPE = {
  by: ['effective_date', 'position', 'ordinal'],
  large: ['metadata', 'description'],
} as const;

/**
 * Entries in the order of their dates: those that came in order, which the primary key has in that
 * order, and what came late, from its own index; as many of each as the page may have.
 */
const listRows = prepared<Books, Listed, Marked<StatementRow>>((db, values) => {
  const { accountNo, from, to, position, limit } = values;
  const ofAccount = () => {
    const rows = db.selectFrom('entries').selectAll().where('account_no', '=', accountNo);
    return position === undefined ? rows : rows.where('position', '<=', position);
  };
  const { startAfter, inOrderPosition, inOrderOrdinal } = values;
  let inOrder = ofAccount().whereRef('effective_date', '=', 'latest_date');
  if (startAfter !== undefined) {
    inOrder = inOrder.where('position', '>=', positionOf(db, firstLater(accountNo, startAfter)));
  }
  if (inOrderPosition !== undefined && inOrderOrdinal !== undefined) {
    const place = [inOrderPosition, inOrderOrdinal] as const;
    inOrder = inOrder.where((eb) => isBehind(eb.refTuple('position', 'ordinal'), place));
  }
  if (to !== undefined) {
    inOrder = inOrder.where('effective_date', '<=', to).where((eb) => {
      const end = positionOf(db, firstLater(accountNo, to));
      return eb('position', '<', eb.fn.coalesce(end, eb.lit(Number.MAX_SAFE_INTEGER)));
    });
  }
  const { afterDate, afterPosition, afterOrdinal } = values;
  let late = ofAccount().whereRef('effective_date', '<', 'latest_date');
  if (from !== undefined) late = late.where('effective_date', '>=', from);
  if (to !== undefined) late = late.where('effective_date', '<=', to);
  if (afterDate !== undefined && afterPosition !== undefined && afterOrdinal !== undefined) {
    const place = [afterDate, afterPosition, afterOrdinal] as const;
    late = late.where((eb) =>
      isBehind(eb.refTuple('effective_date', 'position', 'ordinal'), place),
    );
  }
  const merged = db
    .selectFrom(inOrder.orderBy('position').orderBy('ordinal').limit(limit).as('i'))
    .selectAll()
    .unionAll(
      db
        .selectFrom(
          late
            .orderBy('effective_date')
            .orderBy('position')
            .orderBy('ordinal')
            .limit(limit)
            .as('late'),
        )
        .selectAll(),
    );
  const page = db
    .selectFrom(merged.as('m'))
    .selectAll()
    .orderBy('effective_date')
    .orderBy('position')
    .orderBy('ordinal')
    .limit(limit);
  const found = db
    .selectFrom(page.as('e'))
    .innerJoin('transactions as t', 't.position', 'e.position')
    .selectAll('e')
    .select(['t.transaction_id', 't.client_id', 't.description', 't.metadata'])
    .select(['t.recorded_at', 't.account_nos']);
  return pageQuery(db, found, SHAPE);
});

function positionOf(db: Kysely<Books>, first: ReturnType<typeof firstLater>) {
  return db.selectFrom(first.as('f')).select('f.position');
}

/** SQL as text: the builder types no tuple whose parts are values of a query that is prepared. */
function isBehind(place: Expression<unknown>, other: readonly Expression<unknown>[]) {
  return sql<boolean>`${place} > (${sql.join(other)})`;
}

/** The next entries of a statement: so many, or fewer of large ones. */
export async function listStatement(
  db: Kysely<Books>,
  filter: StatementFilter,
  after: StatementPlace | undefined,
  limit: number,
): Promise<PageRows<StatementRow>> {
  const { from } = filter;
  const inOrder = after && !after.isLate ? after : undefined;
  const startAfter = after ? (after.isLate ? after.date : undefined) : from && dayBefore(from);
  const found = await listRows(db, {
    ...{ ...filter, limit: limit + 1, startAfter },
    ...{ inOrderPosition: inOrder?.position, inOrderOrdinal: inOrder?.ordinal },
    ...{ afterDate: after?.date, afterPosition: after?.position, afterOrdinal: after?.ordinal },
  });
  return pageRows<StatementRow>(found, limit);
}

/** The sums of an account's entries before a day, as they were known. */
export async function sumsBefore(
  db: Kysely<Books>,
  { accountNo, position }: Pick<StatementFilter, 'accountNo' | 'position'>,
  day: string | undefined,
): Promise<Sums> {
  const before = day && dayBefore(day);
  if (before === undefined) return { debits: 0n, credits: 0n };
  return sumsOn(db, { accountNo, position }, before);
}

/** The sums of an account's entries until a day, as they were known. */
export async function sumsOn(
  db: Kysely<Books>,
  { accountNo, position }: Pick<StatementFilter, 'accountNo' | 'position'>,
  day: string,
): Promise<Sums> {
  const [totals] = await readTotalsOn(db, { accountNo, dates: [day], position });
  return totals!;
}

const readLateOfDay = prepared<
  Books,
  { accountNo: number; date: string; position: number; ordinal: number },
  { debits: bigint | null; credits: bigint | null }
>((db, { accountNo, date, position, ordinal }) =>
  db
    .selectFrom('entries')
    .select((eb) => {
      const amount = eb.fn.sum<bigint | null>('amount');
      return [
        amount.filterWhere('direction', '=', 'debit').as('debits'),
        amount.filterWhere('direction', '=', 'credit').as('credits'),
      ];
    })
    .where('account_no', '=', accountNo)
    .where('effective_date', '=', date)
    .whereRef('effective_date', '<', 'latest_date')
    .where((eb) => eb(eb.refTuple('position', 'ordinal'), '<', eb.tuple(position, ordinal))),
);

/** The sums of what stands before an entry on the statement of its account, as they were known. */
export async function sumsBeforeEntry(
  db: Kysely<Books>,
  row: EntryRow,
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
  if (date === row.latest_date) {
    // Of a day everything that came in order stands before what came late.
    const own = row.direction === 'debit' ? [row.amount, 0n] : [0n, row.amount];
    return {
      debits: row.debits_after - row.late_debits_after - own[0]! + lateBefore.debits,
      credits: row.credits_after - row.late_credits_after - own[1]! + lateBefore.credits,
    };
  }
  const place = { accountNo, date, position: row.position, ordinal: row.ordinal };
  const [late] = await readLateOfDay(db, place);
  return {
    debits: until.in_order_debits + lateBefore.debits + (late!.debits ?? 0n),
    credits: until.in_order_credits + lateBefore.credits + (late!.credits ?? 0n),
  };
}

export type CounterAccount = Pick<AccountRow, 'account_id' | 'client_id' | 'name'> & {
  readonly at: number;
};

/** Counter accounts in one answer; more make a page shorter. A transaction has a tenth at most. */
const MAX_COUNTER_ACCOUNTS = 10_000;

const readCounterRows = prepared<
  Books,
  { accountNo: number; positions: readonly number[]; position: number | undefined },
  CounterAccount
>((db, { accountNo, positions, position }) =>
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
    .select(['t.position as at', 'a.account_id', 'a.client_id', 'a.name'])
    .where('t.position', '=', anyOf('bigint', positions))
    .where('n.account_no', '<>', accountNo)
    .orderBy('t.position')
    .orderBy('a.account_no'),
);

/**
 * The other accounts of the transactions of the first of some rows, by position, as they were
 * called then: of so many rows as have {@link MAX_COUNTER_ACCOUNTS} together.
 */
export async function readCounterAccounts(
  db: Kysely<Books>,
  { accountNo, position }: Pick<StatementFilter, 'accountNo' | 'position'>,
  rows: readonly StatementRow[],
): Promise<{ readonly of: ReadonlyMap<number, CounterAccount[]>; readonly complete: number }> {
  const positions: number[] = [];
  let counted = 0;
  for (const row of rows) {
    counted += row.account_nos.length - 1;
    if (counted > MAX_COUNTER_ACCOUNTS && positions.length > 0) break;
    positions.push(row.position);
  }
  const found = await readCounterRows(db, { accountNo, positions, position });
  return { of: Map.groupBy(found, ({ at }) => at), complete: positions.length };
}
