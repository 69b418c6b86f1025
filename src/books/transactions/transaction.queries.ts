import { expressionBuilder, type Expression, type Kysely, type SqlBool } from 'kysely';
import { anyOf, elementsOf } from '../../database/arrays';
import { prepared, type Placeholders } from '../../database/prepared';
import type { AccountRow, AccountTables, EntryRow } from '../accounts/account.table';
import { balanceOf } from '../accounts/account.view';
import { findReferenced, needReferenced, referenceOf } from '../../engine/define/reference';
import type { Found, RowNeeds, StateSession } from '../../engine/define/state-session';
import { pageQuery, pageRows, type Marked, type PageRows } from '../../engine/session/page-rows';
import { formatAmount } from '../../money/amount';
import { CLOSING_SOURCE } from './closed-days.rules';
import type { SourceTables } from './source.table';
import type { PostedPosting } from './transaction.events';
import type { TransactionDto, TransactionSourceDto } from './transaction.dto';
import {
  transactions,
  type PostedTransactionRow,
  type TransactionRow,
  type TransactionTables,
} from './transaction.table';

/** Names a transaction that a creator is going to read. */
export function needTransaction(needs: Pick<RowNeeds, 'row'>, reference: string): void {
  needReferenced(needs, transactions, reference);
}

/** The transaction that a reference names, in the session. */
export function findTransaction(
  state: StateSession,
  reference: string,
): Found<PostedTransactionRow> {
  return findReferenced(state, transactions, reference);
}

type BookTables = TransactionTables & AccountTables & SourceTables;

type PostingRow = Pick<EntryRow, 'position' | 'direction' | 'amount'> &
  Pick<EntryRow, 'debits_after' | 'credits_after'> &
  Pick<AccountRow, 'account_id' | 'type' | 'currency' | 'digits'>;

/** Postings in one answer; more make a page shorter. One transaction has a tenth at most. */
const MAX_POSTINGS = 10_000;

/** The offset keeps the planner from reading all entries of an account that many post to. */
const readPostingRows = prepared<BookTables, { positions: readonly number[] }, PostingRow>(
  (db, { positions }) =>
    db
      .selectFrom('transactions as t')
      .crossJoinLateral((eb) => elementsOf(eb.ref('t.account_nos'), 'n', 'account_no'))
      .crossJoinLateral((eb) =>
        eb
          .selectFrom('entries')
          .selectAll()
          .whereRef('account_no', '=', 'n.account_no')
          .whereRef('position', '=', 't.position')
          .offset(eb.lit(0))
          .as('e'),
      )
      .innerJoin('accounts as a', 'a.account_no', 'n.account_no')
      .select(['e.position', 'e.direction', 'e.amount', 'e.debits_after', 'e.credits_after'])
      .select(['a.account_id', 'a.type', 'a.currency', 'a.digits'])
      .where('t.position', '=', anyOf('bigint', positions))
      .orderBy('e.position')
      .orderBy('e.ordinal')
      .limit(MAX_POSTINGS + 1),
);

/**
 * The postings of the first of some transactions by position, each in the order given when it was
 * posted: of so many as have {@link MAX_POSTINGS} together.
 */
async function readPostings(
  db: Kysely<BookTables>,
  rows: readonly Pick<TransactionRow, 'position'>[],
): Promise<Map<number, PostedPosting[]>> {
  const positions = rows.map((row) => row.position);
  const found = await readPostingRows(db, { positions });
  const postings = new Map<number, PostedPosting[]>();
  // Of the last one there may be more.
  const cutAt = found.length > MAX_POSTINGS ? found.at(-1)!.position : Infinity;
  for (const row of found) {
    if (row.position === cutAt) break;
    const { digits } = row;
    let own = postings.get(row.position);
    if (!own) postings.set(row.position, (own = []));
    own.push({
      accountId: row.account_id,
      direction: row.direction,
      amount: formatAmount(row.amount, digits),
      currency: row.currency,
      balanceAfter: formatAmount(balanceOf(row.type, row.debits_after, row.credits_after), digits),
    });
  }
  return postings;
}

const readSourceRows = prepared<
  BookTables,
  { ids: readonly string[] },
  { transaction_id: string; source_type: string; source_id: string }
>((db, { ids }) =>
  db
    .selectFrom('transaction_sources')
    .select(['transaction_id', 'source_type', 'source_id'])
    .where('transaction_id', '=', anyOf('uuid', ids)),
);

/** The facts that some transactions are part of, by transaction. */
async function readSources(
  db: Kysely<BookTables>,
  rows: readonly Pick<TransactionRow, 'transaction_id'>[],
): Promise<Map<string, TransactionSourceDto>> {
  const found = await readSourceRows(db, { ids: rows.map((row) => row.transaction_id) });
  return new Map(
    found.map((row) => [row.transaction_id, { type: row.source_type, id: row.source_id }]),
  );
}

/**
 * The first of some transactions, as many as one answer can have, as they were after the event at
 * `position`: later reversals are not yet known.
 */
async function viewsOf(
  db: Kysely<BookTables>,
  rows: readonly TransactionRow[],
  position = Infinity,
): Promise<TransactionDto[]> {
  const postings = await readPostings(db, rows);
  const complete = rows.filter((row) => postings.has(row.position));
  const sources = await readSources(db, complete);
  return complete.map((row) => {
    const source = sources.get(row.transaction_id) ?? null;
    return {
      id: row.transaction_id,
      clientId: row.client_id,
      description: row.description,
      effectiveDate: row.effective_date,
      recordedAt: row.recorded_at,
      position: row.position,
      metadata: row.metadata,
      reverses: row.reverses,
      reversedBy: (row.reversed_position ?? Infinity) <= position ? row.reversed_by : null,
      source,
      closing: source?.type === CLOSING_SOURCE,
      holdId: row.hold_id,
      postings: postings.get(row.position)!,
    };
  });
}

/** The first of the transactions at some positions, as many as one answer can have. */
export async function viewsAt(
  db: Kysely<BookTables>,
  positions: readonly number[],
): Promise<TransactionDto[]> {
  const rows = await db
    .selectFrom('transactions')
    .selectAll()
    .where('position', '=', anyOf('bigint', positions))
    .orderBy('position')
    .execute();
  return viewsOf(db, rows);
}

/** The transaction that a reference names, in the database, as of a position. */
export async function readTransaction(
  db: Kysely<BookTables>,
  reference: string,
  position?: number,
): Promise<TransactionDto | undefined> {
  const found = referenceOf(reference, 'transaction_id');
  if (!found) return undefined;
  const row = await db
    .selectFrom('transactions')
    .selectAll()
    .where(found.column, '=', found.value)
    .executeTakeFirst();
  if (!row || row.position > (position ?? Infinity)) return undefined;
  return (await viewsOf(db, [row], position))[0];
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

interface ListedTransactions extends TransactionFilter {
  readonly after: number;
  readonly limit: number;
}

const LISTED = { by: ['position'], large: ['metadata', 'description'] } as const;

type Listed = Marked<TransactionRow>;

const listRows = prepared<BookTables, ListedTransactions, Listed>((db, values) => {
  const { accountNo, clientId, limit } = values;
  let query = db
    .selectFrom('transactions as t')
    .selectAll()
    .where((eb) => isPosted(eb.ref('t.position'), eb.ref('t.effective_date'), values));
  if (clientId !== undefined) query = query.where('t.client_id', '=', clientId);
  if (accountNo !== undefined) {
    // An entry has its transaction's date, so that as many as are shown are enough to look at;
    // joined without that limit, the transactions of all accounts were read to find them.
    const enough = clientId === undefined ? limit : null;
    const posted = db
      .selectFrom('entries as e')
      .select('e.position')
      .distinct()
      .where('e.account_no', '=', accountNo)
      .where((eb) => isPosted(eb.ref('e.position'), eb.ref('e.effective_date'), values))
      .orderBy('e.position')
      .limit(enough);
    query = query.where('t.position', 'in', posted);
  }
  return pageQuery(db, query.orderBy('t.position').limit(limit), LISTED);
});

/** Transactions in the order of the log, after a position: so many, or fewer of large ones. */
export async function listTransactions(
  db: Kysely<BookTables>,
  filter: TransactionFilter,
  after: number,
  limit: number,
): Promise<PageRows<TransactionDto>> {
  const found = await listRows(db, { ...filter, after, limit: limit + 1 });
  const page = pageRows<TransactionRow>(found, limit);
  const rows = await viewsOf(db, page.rows, filter.position);
  return { rows, hasMore: page.hasMore || page.rows.length > rows.length };
}

/** What a filter says of the columns that transactions and entries both have. */
function isPosted(
  posted: Expression<number>,
  effective: Expression<string>,
  { from, to, position, after }: Placeholders<ListedTransactions>,
): Expression<SqlBool> {
  const eb = expressionBuilder<BookTables>();
  const conditions = [eb(posted, '>', after)];
  if (position !== undefined) conditions.push(eb(posted, '<=', position));
  if (from !== undefined) conditions.push(eb(effective, '>=', from));
  if (to !== undefined) conditions.push(eb(effective, '<=', to));
  return eb.and(conditions);
}
