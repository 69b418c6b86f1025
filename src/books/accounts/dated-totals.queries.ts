import { expressionBuilder, sql, type Expression, type SqlBool } from 'kysely';
import { given, rowsOf } from '../../database/arrays';
import { prepared } from '../../database/prepared';
import type { AccountTables } from './account.table';
import { MARKED_VERSIONS, type DatedEntryTables } from './dated-entries.table';

type Books = AccountTables & DatedEntryTables;

/** An account, a day and a position of the log, as values or as columns of a query around. */
export interface DatedAccount {
  readonly accountNo: Expression<number>;
  /** The last day that counts. */
  readonly date: Expression<string>;
  /** The last event that counts; undefined: all do. */
  readonly position?: Expression<number> | undefined;
}

/** The account's last entry until a position. */
export function lastEntry(accountNo: Expression<number>, position: Expression<number> | undefined) {
  return expressionBuilder<Books>()
    .selectFrom('entries')
    .select(['position', 'effective_date', 'account_version', 'debits_after', 'credits_after'])
    .where('account_no', '=', accountNo)
    .where('position', '<=', position ?? LAST_POSITION)
    .orderBy('position', 'desc')
    .orderBy('ordinal', 'desc')
    .limit((eb) => eb.lit(1));
}

/** The last entry that came late to an account, until a position: with the sums of all until it. */
function lastLate(accountNo: Expression<number>, position: Expression<number> | undefined) {
  return expressionBuilder<Books>()
    .selectFrom('late_entries')
    .select(['position', 'behind_date', 'debits_after', 'credits_after'])
    .where('account_no', '=', accountNo)
    .where('position', '<=', position ?? LAST_POSITION)
    .orderBy('position', 'desc')
    .orderBy('ordinal', 'desc')
    .limit((eb) => eb.lit(1));
}

/**
 * The first entry of an account that is of a later day than `date`, of those that came in order:
 * all before it are of that day or an earlier one. It is the one that the next mark names, or among
 * the few behind the mark before. A mark beyond the position that is asked for does no harm: where
 * an entry until there is of a later day, this one is not behind it.
 */
export function firstLater(accountNo: Expression<number>, date: Expression<string>) {
  const books = expressionBuilder<Books>();
  const ofAccount = books
    .selectFrom('entries')
    .select(['position', 'ordinal', 'account_version', 'direction', 'amount'])
    .select(['debits_after', 'credits_after', 'effective_date'])
    .where('account_no', '=', accountNo);
  const marks = books
    .selectFrom('entry_marks')
    .select('position')
    .where('account_no', '=', accountNo);
  const mark = marks
    .where('effective_date', '<=', date)
    .orderBy('effective_date', 'desc')
    .limit((eb) => eb.lit(1));
  const behindMark = ofAccount
    .where((eb) => eb('position', '>=', eb.fn.coalesce(mark, eb.cast<number>(eb.lit(0), 'bigint'))))
    .orderBy('position')
    .orderBy('ordinal')
    .limit((eb) => eb.lit(MARKED_VERSIONS));
  const near = books
    .selectFrom(behindMark.as('near'))
    .selectAll()
    .where('effective_date', '>', date)
    .orderBy('position')
    .orderBy('ordinal')
    .limit((eb) => eb.lit(1));
  const nextMark = marks
    .where('effective_date', '>', date)
    .orderBy('effective_date')
    .limit((eb) => eb.lit(1));
  const marked = ofAccount
    .where('position', '=', nextMark)
    .orderBy('ordinal')
    .limit((eb) => eb.lit(1));
  return books
    .selectFrom(
      books
        .selectFrom(near.as('n'))
        .selectAll()
        .unionAll(books.selectFrom(marked.as('m')).selectAll())
        .as('later'),
    )
    .selectAll()
    .orderBy('position')
    .orderBy('ordinal')
    .limit((eb) => eb.lit(1));
}

/** Sums of what came late and is dated until `date`, behind one position until another. */
function lateBetween(
  { accountNo, date, position }: DatedAccount,
  behind: Expression<number>,
  isAsked: Expression<SqlBool>,
) {
  return expressionBuilder<Books>()
    .selectFrom('late_entries')
    .select((eb) => [
      eb.fn.sum<bigint | null>('debit').as('debits'),
      eb.fn.sum<bigint | null>('credit').as('credits'),
    ])
    .where('account_no', '=', accountNo)
    .where('position', '>', behind)
    .where('position', '<=', position ?? LAST_POSITION)
    .where('effective_date', '<=', date)
    .where(isAsked);
}

/** The account's last entry, the latest date of all until it, and the sums of what was late. */
function present(accountNo: Expression<number>, position: Expression<number> | undefined) {
  return expressionBuilder<Books>()
    .selectFrom(lastEntry(accountNo, position).as('e'))
    .leftJoinLateral(lastLate(accountNo, position).as('late'), (join) => join.onTrue())
    .select(['e.account_version', 'e.debits_after', 'e.credits_after'])
    .select((eb) => [
      eb
        .case()
        .when(eb('late.position', '=', eb.ref('e.position')))
        .then(eb.ref('late.behind_date').$notNull())
        .else(eb.ref('e.effective_date'))
        .end()
        .as('latest_date'),
      eb.fn.coalesce('late.debits_after', ZERO).as('late_debits_after'),
      eb.fn.coalesce('late.credits_after', ZERO).as('late_credits_after'),
    ]);
}

/**
 * What {@link totalsOn} is made of: the last entry, the first one of a later day with the sums of
 * what came late before it, and what came late for the days until then, from one of two sides.
 */
function partsOf(dated: DatedAccount) {
  const { accountNo, date, position } = dated;
  const books = expressionBuilder<Books>();
  return (
    books
      .selectFrom(present(accountNo, position).as('l'))
      // Where nothing is of a later day there is nothing to look for.
      .leftJoinLateral(
        (eb) =>
          eb
            .selectFrom(firstLater(accountNo, date).as('f'))
            .selectAll()
            .where('l.latest_date', '>', date)
            .as('x'),
        (join) => join.onTrue(),
      )
      .leftJoinLateral(
        (eb) => lastLate(accountNo, eb.ref('x.position').$notNull()).as('b'),
        (join) => join.onTrue(),
      )
      .leftJoinLateral(
        (eb) =>
          eb
            .selectFrom(lastEntry(accountNo, undefined).as('e'))
            .select((of) => {
              const since = of('e.account_version', '-', of.ref('l.account_version'));
              const before = of('l.account_version', '-', of.ref('x.account_version'));
              return of(since, '<=', before).as('is_recent');
            })
            .where('l.latest_date', '>', date)
            .as('side'),
        (join) => join.onTrue(),
      )
      .leftJoinLateral(
        (eb) =>
          eb
            .selectFrom('late_sums')
            .select((of) => [
              of.fn.sum<bigint | null>('debits').as('debits'),
              of.fn.sum<bigint | null>('credits').as('credits'),
            ])
            .where('account_no', '=', accountNo)
            .where('effective_date', '<=', date)
            .where('side.is_recent', '=', true)
            .as('all'),
        (join) => join.onTrue(),
      )
      .leftJoinLateral(
        (eb) => {
          const isAsked = eb('side.is_recent', '=', true);
          return lateBetween({ accountNo, date }, position ?? LAST_POSITION, isAsked).as('after');
        },
        (join) => join.onTrue(),
      )
      .leftJoinLateral(
        (eb) => {
          const isAsked = eb('side.is_recent', '=', false);
          return lateBetween(dated, eb.ref('x.position').$notNull(), isAsked).as('since');
        },
        (join) => join.onTrue(),
      )
  );
}

/**
 * Sums of an account's debits and credits by effective date, in minor units: what takes effect
 * until a day, the day included, as it was known at a position; and how much of it came in order.
 * No row for an account that had no entries. A few looks into indexes and the sums of the days that
 * something came late for, however long the history is. What was known at an earlier position is
 * found from the side on which less was recorded: since the day was over, or after the position.
 */
export function totalsOn(dated: DatedAccount) {
  const { date } = dated;
  return partsOf(dated).select((eb) =>
    SIDES.flatMap(({ direction, sum }) => {
      const own = eb
        .case()
        .when('x.direction', '=', direction)
        .then(eb.ref('x.amount'))
        .else(ZERO)
        .end();
      const lateBefore = eb.fn.coalesce(`b.${sum}_after`, ZERO);
      const inOrder = eb(eb(eb.ref(`x.${sum}_after`), '-', own), '-', lateBefore);
      const recent = eb(
        eb.fn.coalesce(`all.${sum}`, ZERO),
        '-',
        eb.fn.coalesce(`after.${sum}`, ZERO),
      );
      const late = eb
        .case()
        .when('side.is_recent', '=', true)
        .then(recent)
        .else(eb(lateBefore, '+', eb.fn.coalesce(`since.${sum}`, ZERO)))
        .end();
      const unlessLater = (last: Expression<bigint>, other: Expression<bigint | null>) =>
        eb.case().when('l.latest_date', '<=', date).then(last).else(other).end();
      const [after, lateAfter] = [eb.ref(`l.${sum}_after`), eb.ref(`l.late_${sum}_after`)];
      return [
        unlessLater(after, eb(inOrder, '+', late)).as(sum),
        unlessLater(eb(after, '-', lateAfter), inOrder).as(`in_order_${sum}`),
      ];
    }),
  );
}

/** Sums of debits and credits until a day, in minor units. */
export interface TotalsOnDay {
  readonly date: string;
  readonly debits: bigint;
  readonly credits: bigint;
  /** Those of entries that did not come late. */
  readonly in_order_debits: bigint;
  readonly in_order_credits: bigint;
}

interface AskedTotals {
  readonly accountNo: number;
  readonly dates: readonly string[];
  readonly position: number | undefined;
}

/** {@link totalsOn} of an account on some days, in the order of the days. */
export const readTotalsOn = prepared<Books, AskedTotals, TotalsOnDay>((db, values) => {
  const { accountNo, dates, position } = values;
  return db
    .selectFrom(rowsOf('d', { date: given('date', dates) }))
    .leftJoinLateral(
      (eb) => totalsOn({ accountNo, date: eb.ref('d.date'), position }).as('t'),
      (join) => join.onTrue(),
    )
    .select((eb) => [
      'd.date',
      eb.fn.coalesce('t.debits', ZERO).as('debits'),
      eb.fn.coalesce('t.credits', ZERO).as('credits'),
      eb.fn.coalesce('t.in_order_debits', ZERO).as('in_order_debits'),
      eb.fn.coalesce('t.in_order_credits', ZERO).as('in_order_credits'),
    ])
    .orderBy('d.date');
});

/** Sums of what came late to an account until a position, in minor units. */
export const readLateUntil = prepared<
  Books,
  { accountNo: number; position: number },
  { debits: bigint; credits: bigint }
>((db, { accountNo, position }) =>
  db
    .selectFrom(lastLate(accountNo, position).as('late'))
    .select(['late.debits_after as debits', 'late.credits_after as credits']),
);

const SIDES = [
  { direction: 'debit', sum: 'debits' },
  { direction: 'credit', sum: 'credits' },
] as const;
const ZERO = sql<bigint>`0::numeric`;
const LAST_POSITION = sql.lit(Number.MAX_SAFE_INTEGER);
