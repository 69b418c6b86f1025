import { expressionBuilder, sql, type Expression, type Kysely, type SqlBool } from 'kysely';
import { anyOf, elementsOf } from '../../database/arrays';
import type { StateDatabase } from '../../engine/define/state-table';
import type { Order, PageRows } from '../../engine/session/page-rows';
import { isInGroup, readAccountNo } from '../accounts/account.queries';
import { accountFactsAsOf } from '../accounts/account.table';
import { behind, firstPlaces } from '../search/search.queries';
import {
  byActor,
  contains,
  inCurrency,
  onDates,
  toAccounts,
  withAmounts,
  withMetadata,
  withWords,
  type MetadataFilter,
  type Wanted,
} from '../search/wanted.rules';
import { haveWords, wordsOf } from '../search/words.rules';
import type { TransactionDto } from './transaction.dto';
import { listTransactions, viewsAt } from './transaction.queries';

/** What transactions are looked for by. All of it has to be so. */
export interface TransactionSearch {
  /** A reference. */
  readonly accountId?: string | undefined;
  readonly clientId?: string | undefined;
  /** Effective dates, both included. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** Of one posting's account, which is in the group or below it. */
  readonly group?: string | undefined;
  /** Words of the description, or their beginnings. */
  readonly q?: string | undefined;
  /** Of one posting, decimal; both included. */
  readonly amountFrom?: string | undefined;
  readonly amountTo?: string | undefined;
  /** Of the same posting. */
  readonly currency?: string | undefined;
  readonly actor?: string | undefined;
  readonly metadata?: MetadataFilter | undefined;
  /** What was posted until then, as it was then; undefined: everything, as it is. */
  readonly position?: number | undefined;
  /** Positions, both included. */
  readonly least?: number | undefined;
  readonly most?: number | undefined;
}

/** Accounts that moved into a group, which a search has terms of; beyond that all is looked at. */
const MOST_MOVED = 200;

/**
 * Transactions in the order of the log, or against it, behind a position: so many, or fewer of
 * large ones. What an index of its own finds is one query; else it is looked for by its terms, and
 * what they find is compared with what was asked.
 */
export async function searchTransactions(
  db: Kysely<StateDatabase>,
  search: TransactionSearch,
  after: number,
  limit: number,
  order: Order,
): Promise<PageRows<TransactionDto>> {
  if (isPlain(search)) return listTransactions(db, search, after, limit, order);
  const accountNo =
    search.accountId === undefined ? undefined : await readAccountNo(db, search.accountId);
  if (accountNo === undefined && search.accountId !== undefined) return NONE;
  const range = await rangeOf(db, search, after, order);
  const wanted = await wantedOf(db, search, accountNo);
  const conditions = conditionsOf(search, accountNo);
  const words = wordsOf(search.q ?? '');
  const fitting = async (positions: readonly number[]) => {
    const rows = await db
      .selectFrom('transactions as t')
      .select(['t.position', 't.description'])
      .where('t.position', '=', anyOf('bigint', positions))
      .where((eb) => eb.and(conditions))
      .orderBy('t.position', order)
      .execute();
    return rows
      .filter(({ description }) => haveWords(wordsOf(description), words))
      .map(({ position }) => position);
  };
  const found = await firstPlaces(db, { wanted, order, ...range }, limit, fitting);
  const shown = found.slice(0, limit);
  const rows = shown.length === 0 ? [] : await viewsAt(db, shown, order, search.position);
  return { rows, hasMore: found.length > rows.length };
}

const NONE = { rows: [], hasMore: false };

/** Whether a list has an index for all that is asked, as it was before there were terms. */
function isPlain({ position: _, accountId: _a, clientId: _c, ...others }: TransactionSearch) {
  return Object.values(others).every((value) => value === undefined);
}

/** The positions that may be found; of a clientId there is one. */
async function rangeOf(
  db: Kysely<StateDatabase>,
  search: TransactionSearch,
  after: number,
  order: Order,
) {
  const { least = 1, most = Number.MAX_SAFE_INTEGER, position = most, clientId } = search;
  const list = behind(after, order);
  const range = {
    least: Math.max(least, list.least),
    most: Math.min(most, position, list.most),
  };
  if (clientId === undefined) return range;
  const named = await db
    .selectFrom('transactions')
    .select('position')
    .where('client_id', '=', clientId)
    .executeTakeFirst();
  const only = named?.position ?? 0;
  return only >= range.least && only <= range.most ? { least: only, most: only } : NO_POSITIONS;
}

const NO_POSITIONS = { least: 1, most: 0 };

async function wantedOf(
  db: Kysely<StateDatabase>,
  search: TransactionSearch,
  accountNo: number | undefined,
): Promise<Wanted> {
  const { from, to, amountFrom, amountTo, currency, actor, metadata, group, q } = search;
  const wanted = [...withWords(wordsOf(q ?? '')), ...withMetadata(METADATA, metadata ?? {})];
  if (accountNo !== undefined) wanted.push(...toAccounts([accountNo]));
  if (actor !== undefined) wanted.push(...byActor(actor));
  if (currency !== undefined) wanted.push(...inCurrency(currency));
  if (amountFrom !== undefined || amountTo !== undefined) {
    wanted.push(...withAmounts(amountFrom, amountTo));
  }
  if (from !== undefined || to !== undefined) wanted.push(...onDates(from, to));
  if (group !== undefined) {
    const moved = await movedInto(db, group, search.position);
    if (moved.length <= MOST_MOVED) wanted.push(...toAccounts(moved, group));
  }
  return wanted;
}

const METADATA = 'transactionMetadata';

/**
 * The accounts of a group that were elsewhere at some time: what was posted to them then has
 * another group's term. More than are told apart are not counted.
 */
async function movedInto(
  db: Kysely<StateDatabase>,
  group: string,
  position: number | undefined,
): Promise<number[]> {
  const rows = await db
    .selectFrom('account_moves as m')
    .innerJoinLateral(
      (eb) => accountsAt(position).where('a.account_no', '=', eb.ref('m.account_no')).as('a'),
      (join) => join.onTrue(),
    )
    .select('m.account_no')
    .distinct()
    .where((eb) => isInGroup(eb.ref('a.account_group'), eb.val(group)))
    .limit(MOST_MOVED + 1)
    .execute();
  return rows.map((row) => row.account_no);
}

function accountsAt(position: number | undefined) {
  const facts = accountFactsAsOf(position === undefined ? undefined : sql.val(position));
  return expressionBuilder<StateDatabase>().selectFrom(facts.as('a')).selectAll();
}

/** What is compared by the database, of `transactions as t`. */
function conditionsOf(
  search: TransactionSearch,
  accountNo: number | undefined,
): Expression<SqlBool>[] {
  const { from, to, group, metadata, currency, amountFrom, amountTo, position } = search;
  const eb = expressionBuilder<StateDatabase & { t: StateDatabase['transactions'] }, 't'>();
  const conditions: Expression<SqlBool>[] = [];
  if (from !== undefined) conditions.push(eb('t.effective_date', '>=', from));
  if (to !== undefined) conditions.push(eb('t.effective_date', '<=', to));
  const numbers = () => elementsOf(eb.ref('t.account_nos'), 'n', 'account_no');
  if (accountNo !== undefined) {
    conditions.push(eb(eb.val(accountNo), '=', sql<number>`any(${eb.ref('t.account_nos')})`));
  }
  if (metadata !== undefined) {
    conditions.push(contains(eb.ref('t.metadata'), metadata));
  }
  if (group !== undefined) {
    const inGroup = eb
      .selectFrom(numbers())
      .innerJoinLateral(
        (of) => accountsAt(position).where('a.account_no', '=', of.ref('n.account_no')).as('a'),
        (join) => join.onTrue(),
      )
      .select('a.account_no')
      .where((of) => isInGroup(of.ref('a.account_group'), of.val(group)));
    conditions.push(eb.exists(inGroup));
  }
  if (currency !== undefined || amountFrom !== undefined || amountTo !== undefined) {
    let posted = eb
      .selectFrom(numbers())
      .innerJoin('accounts as a', 'a.account_no', 'n.account_no')
      .innerJoin('entries as e', (join) =>
        join.onRef('e.account_no', '=', 'n.account_no').on('e.position', '=', eb.ref('t.position')),
      )
      .select('a.account_no');
    if (currency !== undefined) posted = posted.where('a.currency', '=', currency);
    // SQL as text: the builder has no word for powers. Amounts are kept in minor units.
    const minor = (amount: string) =>
      sql<bigint>`${amount}::numeric * power(10::numeric, ${sql.ref('a.digits')})`;
    if (amountFrom !== undefined) posted = posted.where('e.amount', '>=', minor(amountFrom));
    if (amountTo !== undefined) posted = posted.where('e.amount', '<=', minor(amountTo));
    conditions.push(eb.exists(posted));
  }
  return conditions;
}
