import { sql, type Kysely } from 'kysely';
import {
  accountsAsOf,
  type ShownAccountRow,
  type AccountTables,
} from '../../books/accounts/account.table';
import type { TransactionTables } from '../../books/transactions/transaction.table';
import { anyOf, elementsOf, given, rowsOf } from '../../database/arrays';

type BookTables = AccountTables & TransactionTables;

/** The events after `from`, up to and with `to`. */
export interface EventRange {
  readonly from: number;
  readonly to: number;
}

/**
 * What bounds the search for changed accounts, however long the range and the ledger are. To read
 * an event takes 2 µs, with two postings; to ask an account takes 1 µs, and no less where its
 * entries are many.
 */
export interface DiffBounds {
  /** Up to so many events are read one by one; of a longer range the accounts are asked instead. */
  readonly eventsRead: number;
  /** Accounts that are asked for one page. */
  readonly accountsAsked: number;
}

const BOUNDS: DiffBounds = { eventsRead: 10_000, accountsAsked: 50_000 };
/** Events of an account that a diff shows; the rest is a list of its own. */
export const EVENTS_SHOWN = 10;

/** An account that changed, as it was before the range and as it was after it. */
export interface ChangedAccount {
  /** Undefined where it was opened in the range. */
  readonly before: ShownAccountRow | undefined;
  readonly after: ShownAccountRow;
}

/** Accounts that changed, in the order in which they were opened. */
export interface ChangedAccounts {
  readonly accounts: ChangedAccount[];
  /** The account number after which the search goes on; undefined at the end. */
  readonly next: number | undefined;
}

/** An event by what it did to an account. */
export interface AccountChange {
  readonly account_no: number;
  readonly position: number;
  /** Null for what is no posting: the opening, the closing and other changes. */
  readonly transaction_id: string | null;
  /** Minor units. */
  readonly debits: bigint;
  readonly credits: bigint;
}

/**
 * Accounts that events of a range changed, with a number above `after`. What a page costs depends
 * neither on the length of the range nor on that of the ledger: see {@link DiffBounds}. Where
 * the bound is reached a page has fewer accounts than `limit`, or none, and yet a next one.
 */
export async function readChangedAccounts(
  db: Kysely<BookTables>,
  range: EventRange,
  after: number,
  limit: number,
  bounds: DiffBounds = BOUNDS,
): Promise<ChangedAccounts> {
  const asked = bounds.accountsAsked;
  const isShort = range.to - range.from <= bounds.eventsRead;
  const end = isShort ? undefined : await lastAsked(db, range, after, asked);
  const numbers = isShort
    ? await changedByEvents(db, range, after, limit + 1)
    : await changedOfAccounts(db, range, { after, upTo: end ?? range.to, asked }, limit + 1);
  const shown = numbers.slice(0, limit);
  const [before, now] = [
    await readAccounts(db, shown, range.from),
    await readAccounts(db, shown, range.to),
  ];
  const accounts = shown.map((no) => ({ before: before.get(no), after: now.get(no)! }));
  return { accounts, next: numbers.length > limit ? shown.at(-1) : end };
}

/** Accounts by their numbers, and how many they are at most. */
interface AskedAccounts {
  readonly after: number;
  readonly upTo: number;
  readonly asked: number;
}

/** Reads what the events of a short range did; one index range each, and no entry. */
async function changedByEvents(
  db: Kysely<BookTables>,
  { from, to }: EventRange,
  after: number,
  limit: number,
): Promise<number[]> {
  const posted = db
    .selectFrom('transactions as t')
    .crossJoinLateral((eb) => elementsOf(eb.ref('t.account_nos'), 'n', 'account_no'))
    .select('n.account_no')
    .where('t.position', '>', from)
    .where('t.position', '<=', to);
  const opened = db
    .selectFrom('accounts')
    .select('account_no')
    .where('account_no', '>', from)
    .where('account_no', '<=', to);
  const changed = db
    .selectFrom('account_versions')
    .select('account_no')
    .where('position', '>', from)
    .where('position', '<=', to);
  const held = db
    .selectFrom('hold_entries')
    .select('account_no')
    .where('position', '>', from)
    .where('position', '<=', to);
  const rows = await db
    .selectFrom(posted.union(opened).union(changed).union(held).as('c'))
    .select('account_no')
    .where('account_no', '>', after)
    .orderBy('account_no')
    .limit(limit)
    .execute();
  return rows.map((row) => row.account_no);
}

/** The last of so many accounts after one; undefined where there are not more than so many. */
async function lastAsked(
  db: Kysely<BookTables>,
  { to }: EventRange,
  after: number,
  asked: number,
): Promise<number | undefined> {
  const rows = await db
    .selectFrom('accounts')
    .select('account_no')
    .where('account_no', '>', after)
    .where('account_no', '<=', to)
    .orderBy('account_no')
    .offset(asked - 1)
    .limit(2)
    .execute();
  return rows[1] && rows[0]!.account_no;
}

/**
 * Asks accounts one by one for their first entry and their first other change in a range, each one
 * look into an index.
 * Written with limits so that the planner keeps to that whatever it thinks of the tables: EXISTS it
 * may answer by reading all entries, and without an order it asks all before it sorts them.
 */
async function changedOfAccounts(
  db: Kysely<BookTables>,
  { from, to }: EventRange,
  { after, upTo, asked }: AskedAccounts,
  limit: number,
): Promise<number[]> {
  const some = db
    .selectFrom('accounts')
    .select('account_no')
    .where('account_no', '>', after)
    .where('account_no', '<=', upTo)
    .orderBy('account_no')
    .limit(asked);
  const rows = await db
    .selectFrom(some.as('a'))
    .leftJoinLateral(
      (eb) =>
        eb
          .selectFrom('entries as e')
          .select('e.position')
          .whereRef('e.account_no', '=', 'a.account_no')
          .where('e.position', '>', from)
          .orderBy('e.position')
          .limit(1)
          .as('first'),
      (join) => join.onTrue(),
    )
    .leftJoinLateral(
      (eb) =>
        eb
          .selectFrom('account_versions as v')
          .select('v.position')
          .whereRef('v.account_no', '=', 'a.account_no')
          .where('v.position', '>', from)
          .orderBy('v.position')
          .limit(1)
          .as('changed'),
      (join) => join.onTrue(),
    )
    .leftJoinLateral(
      (eb) =>
        eb
          .selectFrom('hold_entries as h')
          .select('h.position')
          .whereRef('h.account_no', '=', 'a.account_no')
          .where('h.position', '>', from)
          .orderBy('h.position')
          .limit(1)
          .as('held'),
      (join) => join.onTrue(),
    )
    .select('a.account_no')
    .where((eb) =>
      eb.or([
        eb('first.position', '<=', to),
        eb('changed.position', '<=', to),
        eb('held.position', '<=', to),
        eb('a.account_no', '>', from),
      ]),
    )
    .orderBy('a.account_no')
    .limit(limit)
    .execute();
  return rows.map((row) => row.account_no);
}

async function readAccounts(
  db: Kysely<BookTables>,
  numbers: readonly number[],
  position: number,
): Promise<Map<number, ShownAccountRow>> {
  const rows = await db
    .selectFrom(accountsAsOf(sql.val(position)).as('a'))
    .selectAll()
    .where('a.account_no', '=', anyOf('bigint', numbers))
    .execute();
  return new Map(rows.map((row) => [row.account_no, row]));
}

/**
 * What the events of a range did to accounts, by account number, each in the order of the log and
 * with the first `limit` only. Every event is one look into the entries' index for the next
 * position of its account, so that an account with a million of them takes no longer.
 */
export async function readAccountChanges(
  db: Kysely<BookTables>,
  accounts: readonly Pick<ShownAccountRow, 'account_no'>[],
  { from, to }: EventRange,
  limit: number,
): Promise<Map<number, AccountChange[]>> {
  const numbers = accounts.map((a) => a.account_no);
  const posted = await readPosted(db, numbers, { from, to }, limit);
  const changed = await readChanged(db, numbers, { from, to }, limit);
  const byAccount = Map.groupBy([...posted, ...changed], (change) => change.account_no);
  return new Map(
    numbers.map((account_no) => {
      const isOpened = account_no > from && account_no <= to;
      const changes = [
        ...(isOpened ? [{ ...NOT_POSTED, account_no, position: account_no }] : []),
        ...(byAccount.get(account_no) ?? []).sort((a, b) => a.position - b.position),
      ];
      return [account_no, changes.slice(0, limit)];
    }),
  );
}

const NOT_POSTED = { transaction_id: null, debits: 0n, credits: 0n } as const;

/** What other events of a range did to accounts; one look into each of two indexes. */
async function readChanged(
  db: Kysely<BookTables>,
  numbers: readonly number[],
  { from, to }: EventRange,
  limit: number,
): Promise<AccountChange[]> {
  const rows = await db
    .selectFrom(rowsOf('a', { account_no: given('bigint', numbers) }))
    .innerJoinLateral(
      (eb) =>
        eb
          .selectFrom(
            eb
              .selectFrom('account_versions')
              .select(['account_no', 'position'])
              .unionAll(eb.selectFrom('hold_entries').select(['account_no', 'position']))
              .as('v'),
          )
          .select('v.position')
          .whereRef('v.account_no', '=', 'a.account_no')
          .where('v.position', '>', from)
          .where('v.position', '<=', to)
          .orderBy('v.position')
          .limit(limit)
          .as('v'),
      (join) => join.onTrue(),
    )
    .select(['a.account_no', 'v.position'])
    .execute();
  return rows.map((row) => ({ ...NOT_POSTED, ...row }));
}

/** What the transactions of a range did to accounts, as {@link readAccountChanges} says. */
function readPosted(
  db: Kysely<BookTables>,
  numbers: readonly number[],
  { from, to }: EventRange,
  limit: number,
): Promise<AccountChange[]> {
  return db
    .withRecursive('change(account_no, position, place)', (cte) =>
      cte
        .selectFrom(
          rowsOf('a', {
            account_no: given('bigint', numbers),
          }),
        )
        .select((eb) => [
          'a.account_no',
          eb.cast<number>(eb.val(from), 'bigint').as('position'),
          eb.lit(0).as('place'),
        ])
        .unionAll(
          cte
            .selectFrom('change as c')
            .crossJoinLateral((eb) =>
              eb
                .selectFrom('entries as e')
                .select('e.position')
                .whereRef('e.account_no', '=', 'c.account_no')
                .whereRef('e.position', '>', 'c.position')
                .orderBy('e.position')
                .limit(1)
                .as('n'),
            )
            .select((eb) => [
              'c.account_no',
              'n.position',
              eb('c.place', '+', eb.lit(1)).as('place'),
            ])
            .where('n.position', '<=', to)
            .where('c.place', '<', limit),
        ),
    )
    .selectFrom('change as c')
    .innerJoin('transactions as t', 't.position', 'c.position')
    .crossJoinLateral((eb) =>
      eb
        .selectFrom('entries as e')
        .select((eb) => {
          const amount = eb.fn.sum<bigint | null>('e.amount');
          const debits = amount.filterWhere('e.direction', '=', 'debit');
          const credits = amount.filterWhere('e.direction', '=', 'credit');
          return [
            eb.fn.coalesce(debits, eb.val(0n)).as('debits'),
            eb.fn.coalesce(credits, eb.val(0n)).as('credits'),
          ];
        })
        .whereRef('e.account_no', '=', 'c.account_no')
        .whereRef('e.position', '=', 'c.position')
        .as('s'),
    )
    .select(['c.account_no', 'c.position', 't.transaction_id', 's.debits', 's.credits'])
    .where('c.place', '>', 0)
    .orderBy('c.account_no')
    .orderBy('c.position')
    .execute();
}
