import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { AccountRow, EntryRow } from '../accounts/account.table';
import { balanceOf } from '../accounts/account.view';
import { findReferenced, needReferenced, referenceOf } from '../../engine/define/reference';
import type { Found, RowNeeds, StateSession } from '../../engine/define/state-session';
import { formatAmount } from '../../money/amount';
import { currencyDigits } from '../../money/currency';
import type { PostedPosting } from './transaction.events';
import { transactions, type TransactionRow } from './transaction.table';
import type { TransactionView } from './transaction.view';

/** Names a transaction that a creator is going to read. */
export function needTransaction(needs: RowNeeds, reference: string): void {
  needReferenced(needs, transactions, reference);
}

/** The transaction that a reference names, in the session. */
export function findTransaction(state: StateSession, reference: string): Found<TransactionRow> {
  return findReferenced(state, transactions, reference);
}

type PostingRow = Pick<EntryRow, 'position' | 'direction' | 'amount'> &
  Pick<EntryRow, 'debits_after' | 'credits_after'> &
  Pick<AccountRow, 'account_id' | 'type' | 'currency'>;

/**
 * The postings of some transactions by position, each in the order given when it was posted. The
 * offset keeps the planner from reading all entries of an account that many of them post to.
 */
async function readPostings(
  db: Kysely<unknown>,
  rows: readonly Pick<TransactionRow, 'position'>[],
): Promise<Map<number, PostedPosting[]>> {
  const positions = rows.map((row) => row.position);
  const { rows: found } = await sql<PostingRow>`
    select e.position, e.direction, e.amount, e.debits_after, e.credits_after,
      a.account_id, a.type, a.currency
    from transactions t
    cross join lateral unnest(t.account_nos) as n(account_no)
    cross join lateral (
      select * from entries where account_no = n.account_no and position = t.position offset 0
    ) e
    join accounts a on a.account_no = n.account_no
    where t.position = any(${positions}::bigint[])
    order by e.position, e.ordinal`.execute(db);
  const postings = new Map<number, PostedPosting[]>(positions.map((p) => [p, []]));
  for (const row of found) {
    const digits = currencyDigits(row.currency)!;
    postings.get(row.position)!.push({
      accountId: row.account_id,
      direction: row.direction,
      amount: formatAmount(row.amount, digits),
      currency: row.currency,
      balanceAfter: formatAmount(balanceOf(row.type, row.debits_after, row.credits_after), digits),
    });
  }
  return postings;
}

/** The postings of one transaction. */
export async function readPostedAmounts(
  db: Kysely<unknown>,
  transaction: Pick<TransactionRow, 'position'>,
): Promise<PostedPosting[]> {
  return (await readPostings(db, [transaction])).get(transaction.position)!;
}

/** Transactions as they were after the event at `position`: later reversals are not yet known. */
async function viewsOf(
  db: Kysely<unknown>,
  rows: readonly TransactionRow[],
  position = Infinity,
): Promise<TransactionView[]> {
  const postings = await readPostings(db, rows);
  return rows.map((row) => ({
    id: row.transaction_id,
    clientId: row.client_id,
    description: row.description,
    effectiveDate: row.effective_date,
    recordedAt: row.recorded_at,
    position: row.position,
    metadata: row.metadata,
    reverses: row.reverses,
    reversedBy: (row.reversed_position ?? Infinity) <= position ? row.reversed_by : null,
    postings: postings.get(row.position)!,
  }));
}

/** The transaction that a reference names, in the database, as of a position. */
export async function readTransaction(
  db: Kysely<unknown>,
  reference: string,
  position?: number,
): Promise<TransactionView | undefined> {
  const found = referenceOf(reference, 'transaction_id');
  if (!found) return undefined;
  const { rows } = await sql<TransactionRow>`
    select * from transactions where ${sql.ref(found.column)} = ${found.value}`.execute(db);
  const known = rows.filter((row) => position === undefined || row.position <= position);
  return (await viewsOf(db, known, position))[0];
}

export interface TransactionFilter {
  readonly accountNo?: number | undefined;
  readonly clientId?: string | undefined;
  /** Effective dates, both included. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** What was posted until then, as it was then; undefined: everything, as it is. */
  readonly position?: number | undefined;
}

/** Transactions in the order of the log, after a position. */
export async function listTransactions(
  db: Kysely<unknown>,
  filter: TransactionFilter,
  after: number,
  limit: number,
): Promise<TransactionView[]> {
  const { accountNo, clientId, position } = filter;
  const conditions = conditionsOf('t', filter, after);
  if (clientId !== undefined) conditions.push(sql`t.client_id = ${clientId}`);
  if (accountNo !== undefined) {
    const posted = conditionsOf('e', filter, after);
    // An entry has its transaction's date, so that as many as are shown are enough to look at;
    // joined without that limit, the transactions of all accounts were read to find them.
    const enough = clientId === undefined ? limit : null;
    conditions.push(sql`t.position in (
      select distinct e.position from entries e
      where e.account_no = ${accountNo} and ${sql.join(posted, sql` and `)}
      order by e.position limit ${enough}
    )`);
  }
  const { rows } = await sql<TransactionRow>`
    select t.* from transactions t where ${sql.join(conditions, sql` and `)}
    order by t.position limit ${limit}`.execute(db);
  return viewsOf(db, rows, position);
}

/** What a filter says of the columns that transactions and entries both have. */
function conditionsOf(
  table: 't' | 'e',
  { from, to, position }: TransactionFilter,
  after: number,
): RawBuilder<boolean>[] {
  const posted = sql.ref(`${table}.position`);
  const effective = sql.ref(`${table}.effective_date`);
  const conditions = [sql<boolean>`${posted} > ${after}`];
  if (position !== undefined) conditions.push(sql`${posted} <= ${position}`);
  if (from !== undefined) conditions.push(sql`${effective} >= ${from}`);
  if (to !== undefined) conditions.push(sql`${effective} <= ${to}`);
  return conditions;
}
