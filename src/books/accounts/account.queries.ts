import assert from 'node:assert';
import { expressionBuilder, sql, type Expression, type Kysely, type SqlBool } from 'kysely';
import { anyOf } from '../../database/arrays';
import { prepared, type Placeholders } from '../../database/prepared';
import { findReferenced, needReferenced, referenceOf } from '../../engine/define/reference';
import type { Found, RowNeeds, StateSession } from '../../engine/define/state-session';
import type { Lookup, LookupOf } from '../../engine/session/asked-together';
import {
  pageQuery,
  pageRows,
  type Marked,
  type PageRows,
  beyond,
  type Order,
} from '../../engine/session/page-rows';
import { formatAmount } from '../../money/amount';
import { accountWords, hasTerms } from '../search/account-terms.rules';
import { contains, type MetadataFilter } from '../search/wanted.rules';
import { haveWords, wordsOf } from '../search/words.rules';
import type { AccountType } from './account.events';
import type { TransactionRow, TransactionTables } from '../transactions/transaction.table';
import {
  accounts,
  accountsAsOf,
  type AccountRow,
  type ShownAccountRow,
  type AccountTables,
  type EntryRow,
} from './account.table';
import { balanceOf } from './account.view';
import type { EntryDto } from './account.dto';

/** Names an account that a creator is going to read. */
export function needAccount(needs: Pick<RowNeeds, 'row'>, reference: string): void {
  needReferenced(needs, accounts, reference);
}

/** The account that a reference names, in the session. */
export function findAccount(state: StateSession, reference: string): Found<AccountRow> {
  return findReferenced(state, accounts, reference);
}

function readAccountBy(column: 'account_id' | 'client_id') {
  return prepared<AccountTables, { value: string; position: number | undefined }, ShownAccountRow>(
    (db, { value, position }) =>
      db.selectFrom(accountsAsOf(position).as('a')).selectAll().where(`a.${column}`, '=', value),
    `accounts by ${column}`,
  );
}
const readBy = {
  account_id: readAccountBy('account_id'),
  client_id: readAccountBy('client_id'),
};

/** The account that a reference names, in the database, as of a position. */
export async function readAccount(
  db: Kysely<AccountTables>,
  reference: string,
  position?: number,
): Promise<ShownAccountRow | undefined> {
  const found = referenceOf(reference, 'account_id');
  if (!found) return undefined;
  const [account] = await readBy[found.column](db, { value: found.value, position });
  return account;
}

/** Accounts as they are now, by either of the ids that a reference may name. */
const accountsBy = {
  account_id: accountsByAny('account_id', 'uuid'),
  client_id: accountsByAny('client_id', 'text'),
};

function accountsByAny(
  column: 'account_id' | 'client_id',
  type: 'uuid' | 'text',
): Lookup<ShownAccountRow> {
  const find = prepared<AccountTables, { keys: readonly string[] }, ShownAccountRow>(
    (db, { keys }) =>
      db
        .selectFrom(accountsAsOf().as('a'))
        .selectAll()
        .where(`a.${column}`, '=', anyOf(type, keys)),
    `accounts by any ${column}`,
  );
  return { find: (db, keys) => find(db, { keys }), keyOf: (row) => row[column] };
}

/** How the account that a reference names is looked up as it is. */
export function lookupAccount(reference: string): LookupOf<ShownAccountRow> {
  const found = referenceOf(reference, 'account_id');
  assert(found, 'A path names an account by a reference');
  return { lookup: accountsBy[found.column], key: found.value };
}

/** The number of the account that a reference names; undefined where there is none. */
export async function readAccountNo(
  db: Kysely<AccountTables>,
  reference: string,
): Promise<number | undefined> {
  const found = referenceOf(reference, 'account_id');
  if (!found) return undefined;
  const row = await db
    .selectFrom('accounts')
    .select('account_no')
    .where(found.column as 'account_id', '=', found.value)
    .executeTakeFirst();
  return row?.account_no;
}

/** A reference to an account as the values of a query, by the column that it names. */
export interface NamedAccount {
  readonly accountId?: string | undefined;
  readonly accountClientId?: string | undefined;
}

/** What a reference gives a query; undefined where it is none, and nothing can be found. */
export function namedAccount(reference: string | undefined): NamedAccount | undefined {
  const found = reference === undefined ? undefined : referenceOf(reference, 'account_id');
  if (!found) return undefined;
  return found.column === 'client_id'
    ? { accountClientId: found.value }
    : { accountId: found.value };
}

/**
 * The number of the account that a query is given, looked up in the same statement, and null where
 * there is none; undefined where it is given none.
 */
export function accountNoOf({
  accountId,
  accountClientId,
}: Placeholders<NamedAccount>): Expression<number> | undefined {
  const numbers = expressionBuilder<AccountTables>().selectFrom('accounts').select('account_no');
  if (accountId) return numbers.where('account_id', '=', accountId).$asScalar();
  return accountClientId && numbers.where('client_id', '=', accountClientId).$asScalar();
}

export interface AccountFilter {
  readonly type?: AccountType | undefined;
  readonly currency?: string | undefined;
  readonly status?: 'open' | 'closed' | undefined;
  readonly clientId?: string | undefined;
  /** That one and all below it. */
  readonly group?: string | undefined;
  /** Words of the name or the clientId, or their beginnings: all of them. */
  readonly q?: string | undefined;
  readonly metadata?: MetadataFilter | undefined;
}

interface ListedAccounts extends Omit<AccountFilter, 'status' | 'q' | 'metadata'> {
  readonly after: number;
  readonly limit: number;
  readonly position: number | undefined;
}

/**
 * Whether a path is a group or below it: a range of an index in the order of bytes, where what
 * begins with `a:` stands between `a:` and `a;`.
 */
export function isInGroup(
  path: Expression<string | null>,
  group: Expression<string>,
): Expression<SqlBool> {
  // SQL as text: the builder has no word for collations in conditions.
  return sql<SqlBool>`(${path} collate "C" = ${group} or
    ${path} collate "C" >= ${group} || ':' and ${path} collate "C" < ${group} || ';')`;
}

/** The accounts that are in a group, or were before some change: as of a position no others are. */
export function accountsEverIn(group: Expression<string>) {
  const books = expressionBuilder<AccountTables>();
  const now = books
    .selectFrom('accounts')
    .select('account_no')
    .where((eb) => isInGroup(eb.ref('account_group'), group));
  const before = books
    .selectFrom('account_versions')
    .select('account_no')
    .where((eb) => isInGroup(eb.ref('account_group'), group));
  return now.union(before);
}

type Words = readonly string[];

function queryOf(
  db: Kysely<AccountTables>,
  values: Placeholders<ListedAccounts>,
  { status, metadata = {} }: AccountFilter,
  words: Words,
  order: Order,
) {
  const { type, currency, clientId, group, after, limit, position } = values;
  let query = db
    .selectFrom(accountsAsOf(position).as('a'))
    .selectAll()
    .where('a.account_no', beyond(order), after);
  if (type !== undefined) query = query.where('a.type', '=', type);
  if (currency !== undefined) query = query.where('a.currency', '=', currency);
  if (clientId !== undefined) query = query.where('a.client_id', '=', clientId);
  if (group !== undefined) {
    query = query.where((eb) => isInGroup(eb.ref('a.account_group'), group));
    if (position !== undefined) query = query.where('a.account_no', 'in', accountsEverIn(group));
  }
  if (status === 'open') query = query.where('a.closed_position', 'is', null);
  if (status === 'closed') query = query.where('a.closed_position', 'is not', null);
  if (words.length > 0 || Object.keys(metadata).length > 0) {
    query = query
      .where((eb) => eb.and(hasTerms(eb.ref('a.account_no'), words, metadata)))
      .where((eb) => contains(eb.ref('a.metadata'), metadata));
  }
  const shape = { by: ['account_no'], order, large: ['metadata'] } as const;
  return pageQuery(db, query.orderBy('a.account_no', order).limit(limit), shape);
}

function listAccountsThatAre(status: AccountFilter['status'], order: Order) {
  return prepared<AccountTables, ListedAccounts, Marked<ShownAccountRow>>((db, values) =>
    queryOf(db, values, { status }, [], order),
  );
}
const listIn = (order: Order) => ({
  open: listAccountsThatAre('open', order),
  closed: listAccountsThatAre('closed', order),
  either: listAccountsThatAre(undefined, order),
});
const list = { asc: listIn('asc'), desc: listIn('desc') };

/**
 * Accounts in the order in which they were opened, after an account number: so many, or fewer of
 * large ones.
 * @param position as they were after that event; undefined: as they are
 */
export async function listAccounts(
  db: Kysely<AccountTables>,
  filter: AccountFilter,
  after: number,
  limit: number,
  position?: number,
  order: Order = 'asc',
): Promise<PageRows<ShownAccountRow>> {
  const { status, type, currency, clientId, group, q, metadata } = filter;
  const values = { type, currency, clientId, group, after, limit: limit + 1, position };
  if (q === undefined && metadata === undefined) {
    return pageRows<ShownAccountRow>(await list[order][status ?? 'either'](db, values), limit);
  }
  const words = wordsOf(q ?? '');
  // Not prepared: its text depends on how many words and keys there are.
  const find = prepared<AccountTables, ListedAccounts, Marked<ShownAccountRow>>((on, given) =>
    queryOf(on, given, filter, words, order),
  );
  for (let behind = after; ;) {
    const page = pageRows<ShownAccountRow>(await find(db, { ...values, after: behind }), limit);
    // Words that an account had at another time are in its name no more.
    const rows = page.rows.filter((row) => haveWords(accountWords(row), words));
    if (rows.length > 0 || !page.hasMore) return { rows, hasMore: page.hasMore };
    behind = page.rows.at(-1)!.account_no;
  }
}

/** The place of an entry in its account. */
export interface EntryPlace {
  readonly position: number;
  readonly ordinal: number;
}

export interface EntryFilter {
  /** Effective dates, both included. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** What was posted until then; undefined: everything. */
  readonly position?: number | undefined;
}

interface ListedEntries extends EntryFilter {
  readonly accountNo: number;
  readonly afterPosition: number;
  readonly afterOrdinal: number;
  readonly limit: number;
}
type EntryBooks = AccountTables & TransactionTables;
type ListedEntry = EntryRow & Pick<TransactionRow, 'transaction_id' | 'description'>;

/** Limited before they are joined, or else the transactions of all accounts were read for them. */
function listEntriesIn(order: Order) {
  return prepared<EntryBooks, ListedEntries, ListedEntry>((db, values) => {
    const { accountNo, afterPosition, afterOrdinal, from, to, position, limit } = values;
    let page = db
      .selectFrom('entries')
      .selectAll()
      .where('account_no', '=', accountNo)
      .where((eb) =>
        // A cursor may hold a larger number than an ordinal can be.
        eb(
          eb.refTuple('position', 'ordinal'),
          beyond(order),
          eb.tuple(afterPosition, eb.cast<number>(afterOrdinal, 'bigint')),
        ),
      );
    if (position !== undefined) page = page.where('position', '<=', position);
    if (from !== undefined) page = page.where('effective_date', '>=', from);
    if (to !== undefined) page = page.where('effective_date', '<=', to);
    return db
      .selectFrom(page.orderBy('position', order).orderBy('ordinal', order).limit(limit).as('e'))
      .innerJoin('transactions as t', 't.position', 'e.position')
      .selectAll('e')
      .select(['t.transaction_id', 't.description'])
      .orderBy('e.position', order)
      .orderBy('e.ordinal', order);
  });
}
const listRows = { asc: listEntriesIn('asc'), desc: listEntriesIn('desc') };

/** An account's entries, newest last. */
export async function listEntries(
  db: Kysely<EntryBooks>,
  account: Pick<ShownAccountRow, 'account_no' | 'type' | 'digits'>,
  { from, to, position }: EntryFilter,
  after: EntryPlace,
  limit: number,
  order: Order = 'asc',
): Promise<(EntryDto & EntryPlace)[]> {
  const rows = await listRows[order](db, {
    ...{ accountNo: account.account_no, from, to, position, limit },
    ...{ afterPosition: after.position, afterOrdinal: after.ordinal },
  });
  const { digits } = account;
  return rows.map((row) => ({
    transactionId: row.transaction_id,
    position: row.position,
    effectiveDate: row.effective_date,
    direction: row.direction,
    amount: formatAmount(row.amount, digits),
    balanceAfter: formatAmount(
      balanceOf(account.type, row.debits_after, row.credits_after),
      digits,
    ),
    description: row.description,
    ordinal: row.ordinal,
  }));
}
