import { sql, type Kysely } from 'kysely';
import { accountsAsOf, type AccountRow } from '../../books/accounts/account.table';

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
  readonly before: AccountRow | undefined;
  readonly after: AccountRow;
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
  /** Null for the opening and the closing. */
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
  db: Kysely<unknown>,
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
  db: Kysely<unknown>,
  { from, to }: EventRange,
  after: number,
  limit: number,
): Promise<number[]> {
  const { rows } = await sql<{ account_no: number }>`
    select account_no from (
      select n.account_no from transactions t cross join lateral unnest(t.account_nos) n(account_no)
      where t.position > ${from} and t.position <= ${to}
      union
      select account_no from accounts where account_no > ${from} and account_no <= ${to}
      union
      select account_no from accounts where closed_position > ${from} and closed_position <= ${to}
    ) c
    where account_no > ${after} order by account_no limit ${limit}`.execute(db);
  return rows.map((row) => row.account_no);
}

/** The last of so many accounts after one; undefined where there are not more than so many. */
async function lastAsked(
  db: Kysely<unknown>,
  { to }: EventRange,
  after: number,
  asked: number,
): Promise<number | undefined> {
  const { rows } = await sql<{ account_no: number }>`
    select account_no from accounts where account_no > ${after} and account_no <= ${to}
    order by account_no offset ${asked - 1} limit 2`.execute(db);
  return rows[1] && rows[0]!.account_no;
}

/**
 * Asks accounts one by one for their first entry in a range, each one look into the entries' index.
 * Written with limits so that the planner keeps to that whatever it thinks of the tables: EXISTS it
 * may answer by reading all entries, and without an order it asks all before it sorts them.
 */
async function changedOfAccounts(
  db: Kysely<unknown>,
  { from, to }: EventRange,
  { after, upTo, asked }: AskedAccounts,
  limit: number,
): Promise<number[]> {
  const { rows } = await sql<{ account_no: number }>`
    select a.account_no from (
      select account_no, closed_position from accounts
      where account_no > ${after} and account_no <= ${upTo} order by account_no limit ${asked}
    ) a
    left join lateral (
      select e.position from entries e
      where e.account_no = a.account_no and e.position > ${from}
      order by e.position limit 1
    ) first on true
    where first.position <= ${to} or a.account_no > ${from}
      or (a.closed_position > ${from} and a.closed_position <= ${to})
    order by a.account_no limit ${limit}`.execute(db);
  return rows.map((row) => row.account_no);
}

async function readAccounts(
  db: Kysely<unknown>,
  numbers: readonly number[],
  position: number,
): Promise<Map<number, AccountRow>> {
  const { rows } = await sql<AccountRow>`
    select * from (${sql.raw(accountsAsOf(position))}) a
    where a.account_no = any(${numbers}::bigint[])`.execute(db);
  return new Map(rows.map((row) => [row.account_no, row]));
}

/**
 * What the events of a range did to accounts, by account number, each in the order of the log and
 * with the first `limit` only. Every event is one look into the entries' index for the next
 * position of its account, so that an account with a million of them takes no longer.
 */
export async function readAccountChanges(
  db: Kysely<unknown>,
  accounts: readonly Pick<AccountRow, 'account_no' | 'closed_position'>[],
  { from, to }: EventRange,
  limit: number,
): Promise<Map<number, AccountChange[]>> {
  const { rows: posted } = await sql<AccountChange>`
    with recursive change (account_no, position, place) as (
      select account_no, ${from}::bigint, 0
      from unnest(${accounts.map((a) => a.account_no)}::bigint[]) as account_no
      union all
      select c.account_no, n.position, c.place + 1
      from change c cross join lateral (
        select e.position from entries e
        where e.account_no = c.account_no and e.position > c.position
        order by e.position limit 1
      ) n
      where n.position <= ${to} and c.place < ${limit}::int
    )
    select c.account_no, c.position, t.transaction_id, s.debits, s.credits
    from change c join transactions t on t.position = c.position
    cross join lateral (
      select coalesce(sum(e.amount) filter (where e.direction = 'debit'), 0) as debits,
        coalesce(sum(e.amount) filter (where e.direction = 'credit'), 0) as credits
      from entries e where e.account_no = c.account_no and e.position = c.position
    ) s
    where c.place > 0 order by c.account_no, c.position`.execute(db);
  const byAccount = Map.groupBy(posted, (change) => change.account_no);
  const isInRange = (position: number | null) =>
    position !== null && position > from && position <= to;
  return new Map(
    accounts.map(({ account_no, closed_position }) => {
      const other = { account_no, transaction_id: null, debits: 0n, credits: 0n };
      // Nothing is posted to an account before it is opened, nor after it is closed.
      const changes = [
        ...(isInRange(account_no) ? [{ ...other, position: account_no }] : []),
        ...(byAccount.get(account_no) ?? []),
        ...(isInRange(closed_position) ? [{ ...other, position: closed_position! }] : []),
      ];
      return [account_no, changes.slice(0, limit)];
    }),
  );
}
