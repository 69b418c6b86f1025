import { expressionBuilder, sql, type AliasableExpression, type Compilable } from 'kysely';
import type { Expression, Kysely, SqlBool } from 'kysely';
import type { AmendmentTables } from '../../engine/catch-up/amendment.table';
import { anyOf, elementsOf } from '../../database/arrays';
import { prepared, type Placeholders } from '../../database/prepared';
import type { AccountRow, AccountTables, EntryRow } from '../accounts/account.table';
import { accountNoOf, namedAccount, type NamedAccount } from '../accounts/account.queries';
import { balanceOf } from '../accounts/account.view';
import { findReferenced, needReferenced, referenceOf } from '../../engine/define/reference';
import type { Found, RowNeeds, StateSession } from '../../engine/define/state-session';
import { beyond, pageExpression, type Order, type PageRows } from '../../engine/session/page-rows';
import { formatAmount } from '../../money/amount';
import { CLOSING_SOURCE } from './closed-days.rules';
import type { SourceTables } from './source.table';
import type { TransactionDto } from './transaction.dto';
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

type BookTables = TransactionTables & AccountTables & SourceTables & AmendmentTables;

/** Postings in one answer; more make a page shorter. One transaction has a tenth at most. */
const MAX_POSTINGS = 10_000;

/** What one row of a transaction's text has: its first posting. */
const ONCE = ['description', 'metadata'] as const;

/** One posting of a transaction, with the transaction. */
type PostedRow = Pick<EntryRow, 'direction' | 'amount' | 'debits_after' | 'credits_after'> &
  Pick<AccountRow, 'account_id' | 'type' | 'currency' | 'digits'> &
  Omit<TransactionRow, (typeof ONCE)[number] | 'account_nos'> & {
    readonly [Name in (typeof ONCE)[number]]: TransactionRow[Name] | null;
  } & {
    readonly source_type: string | null;
    readonly source_id: string | null;
    readonly rows_found: number;
  } & { readonly [Name in keyof Amended]: Amended[Name] | null };

/** The last amendment of the event that posted it. */
interface Amended {
  readonly amended_at_position: number;
  readonly amended_by: string;
  readonly amended_at: string;
  readonly reason: string;
}

const SHOWN = [
  't.position',
  't.transaction_id',
  't.client_id',
  't.effective_date',
  't.recorded_at',
  't.reverses',
  't.reversed_by',
  't.reversed_position',
  't.hold_id',
] as const;

/**
 * The postings of some transactions, each in the order given when it was posted: of so many
 * transactions as have {@link MAX_POSTINGS} together. All of it is one statement.
 * @param found the transactions
 * @param order of the transactions
 */
function postedRows(
  db: Kysely<BookTables>,
  found: AliasableExpression<TransactionRow & { rows_found: number }>,
  order: Order,
): Compilable<PostedRow> {
  return (
    db
      .selectFrom(found.as('t'))
      .crossJoinLateral((eb) => elementsOf(eb.ref('t.account_nos'), 'n', 'account_no'))
      // The offset keeps the planner from reading all entries of an account that many post to.
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
      .leftJoinLateral(
        (eb) =>
          eb
            .selectFrom('event_amendments')
            .select(['position as amended_at_position', 'amended_by', 'amended_at', 'reason'])
            .whereRef('amended_position', '=', 't.position')
            .orderBy('position', 'desc')
            .limit(eb.lit(1))
            .as('m'),
        (join) => join.onTrue(),
      )
      .leftJoin('transaction_sources as s', 's.transaction_id', 't.transaction_id')
      .select(SHOWN)
      .select((eb) =>
        ONCE.map((name) =>
          eb
            .case()
            .when('e.ordinal', '=', eb.lit(0))
            .then(eb.ref(`t.${name}`))
            .end()
            .as(name),
        ),
      )
      .select(['s.source_type', 's.source_id', 't.rows_found'])
      .select(['m.amended_at_position', 'm.amended_by', 'm.amended_at', 'm.reason'])
      .select(['e.direction', 'e.amount', 'e.debits_after', 'e.credits_after'])
      .select(['a.account_id', 'a.type', 'a.currency', 'a.digits'])
      .orderBy('t.position', order)
      .orderBy('e.ordinal')
      .limit((eb) => eb.lit(MAX_POSTINGS + 1))
      .$castTo<PostedRow>()
  );
}

/**
 * The transactions that {@link postedRows} found, as they were after the event at `position`: later
 * reversals are not yet known.
 */
function viewsOf(rows: readonly PostedRow[], position = Infinity): PageRows<TransactionDto> {
  const views = new Map<number, TransactionDto>();
  for (const row of rows) {
    let view = views.get(row.position);
    if (!view) views.set(row.position, (view = viewOf(row, position)));
    const { digits } = row;
    view.postings.push({
      accountId: row.account_id,
      direction: row.direction,
      amount: formatAmount(row.amount, digits),
      currency: row.currency,
      balanceAfter: formatAmount(balanceOf(row.type, row.debits_after, row.credits_after), digits),
    });
  }
  // Of the last one there may be more.
  if (rows.length > MAX_POSTINGS) views.delete(rows.at(-1)!.position);
  return { rows: [...views.values()], hasMore: (rows[0]?.rows_found ?? 0) > views.size };
}

/** A transaction without its postings. */
function viewOf(row: PostedRow, position: number): TransactionDto {
  const source = row.source_type === null ? null : { type: row.source_type, id: row.source_id! };
  return {
    id: row.transaction_id,
    clientId: row.client_id,
    description: row.description!,
    effectiveDate: row.effective_date,
    recordedAt: row.recorded_at,
    position: row.position,
    metadata: row.metadata!,
    reverses: row.reverses,
    reversedBy: (row.reversed_position ?? Infinity) <= position ? row.reversed_by : null,
    source,
    closing: source?.type === CLOSING_SOURCE,
    holdId: row.hold_id,
    amended:
      row.amended_at_position !== null && row.amended_at_position <= position
        ? amendmentOf(row)
        : null,
    postings: [],
  };
}

function amendmentOf({ amended_by, amended_at, reason }: PostedRow): TransactionDto['amended'] {
  return { by: amended_by!, at: amended_at!, reason: reason! };
}

/** What has many bytes, perhaps. */
const LARGE = ['metadata', 'description'] as const;

function readRowsIn(order: Order) {
  return prepared<BookTables, { positions: readonly number[] }, PostedRow>((db, { positions }) => {
    const found = db
      .selectFrom('transactions as t')
      .selectAll()
      .where('t.position', '=', anyOf('bigint', positions))
      .orderBy('t.position', order);
    const page = pageExpression(found, { by: ['position'], order, large: LARGE });
    return postedRows(db, sql`(${page})`, order);
  });
}
const readRowsAt = { asc: readRowsIn('asc'), desc: readRowsIn('desc') };

/**
 * The first of the transactions at some positions, as many as one answer can have.
 * @param position as they were then; default: as they are
 */
export async function viewsAt(
  db: Kysely<BookTables>,
  positions: readonly number[],
  order: Order = 'asc',
  position?: number,
): Promise<readonly TransactionDto[]> {
  return viewsOf(await readRowsAt[order](db, { positions }), position).rows;
}

/** Those that all are looked for. */
const counted = sql.lit(0).as('rows_found');

function readRowsBy(column: 'transaction_id' | 'client_id') {
  return prepared<BookTables, { value: string }, PostedRow>(
    (db, { value }) =>
      postedRows(
        db,
        db.selectFrom('transactions').selectAll().select(counted).where(column, '=', value),
        'asc',
      ),
    `transactions by ${column}`,
  );
}
const readBy = {
  transaction_id: readRowsBy('transaction_id'),
  client_id: readRowsBy('client_id'),
};

/** The transaction that a reference names, in the database, as of a position; one query. */
export async function readTransaction(
  db: Kysely<BookTables>,
  reference: string,
  position?: number,
): Promise<TransactionDto | undefined> {
  const found = referenceOf(reference, 'transaction_id');
  if (!found) return undefined;
  const rows = await readBy[found.column](db, { value: found.value });
  const [view] = viewsOf(rows, position).rows;
  return view && view.position <= (position ?? Infinity) ? view : undefined;
}

export interface TransactionFilter {
  /** A reference. */
  readonly accountId?: string | undefined;
  readonly clientId?: string | undefined;
  /** Effective dates, both included. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** What was posted until then, as it was then; undefined: everything, as it is. */
  readonly position?: number | undefined;
}

interface ListedTransactions extends Omit<TransactionFilter, 'accountId'>, NamedAccount {
  readonly after: number;
  readonly limit: number;
}

function listRowsIn(order: Order) {
  return prepared<BookTables, ListedTransactions, PostedRow>((db, values) => {
    const { clientId, limit } = values;
    const accountNo = accountNoOf(values);
    let query = db
      .selectFrom('transactions as t')
      .selectAll()
      .where((eb) => isPosted(eb.ref('t.position'), eb.ref('t.effective_date'), values, order));
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
        .where((eb) => isPosted(eb.ref('e.position'), eb.ref('e.effective_date'), values, order))
        .orderBy('e.position', order)
        .limit(enough);
      query = query.where('t.position', 'in', posted);
    }
    const found = query.orderBy('t.position', order).limit(limit);
    const page = pageExpression(found, { by: ['position'], order, large: LARGE });
    return postedRows(db, sql`(${page})`, order);
  });
}
const listRows = { asc: listRowsIn('asc'), desc: listRowsIn('desc') };

/**
 * Transactions in the order of the log, or against it, behind a position: so many, or fewer of
 * large ones; one query.
 */
export async function listTransactions(
  db: Kysely<BookTables>,
  filter: TransactionFilter,
  after: number,
  limit: number,
  order: Order = 'asc',
): Promise<PageRows<TransactionDto>> {
  const { accountId: reference, ...rest } = filter;
  const named = namedAccount(reference);
  if (reference !== undefined && !named) return { rows: [], hasMore: false };
  const found = await listRows[order](db, { ...rest, ...named, after, limit: limit + 1 });
  const { rows, hasMore } = viewsOf(found, filter.position);
  return { rows: rows.slice(0, limit), hasMore: hasMore || rows.length > limit };
}

/** What a filter says of the columns that transactions and entries both have. */
function isPosted(
  posted: Expression<number>,
  effective: Expression<string>,
  { from, to, position, after }: Placeholders<ListedTransactions>,
  order: Order,
): Expression<SqlBool> {
  const eb = expressionBuilder<BookTables>();
  const conditions = [eb(posted, beyond(order), after)];
  if (position !== undefined) conditions.push(eb(posted, '<=', position));
  if (from !== undefined) conditions.push(eb(effective, '>=', from));
  if (to !== undefined) conditions.push(eb(effective, '<=', to));
  return eb.and(conditions);
}
