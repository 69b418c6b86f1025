import { sql, type Kysely } from 'kysely';
import { findReferenced, needReferenced, referenceOf } from '../../engine/define/reference';
import type { Found, RowNeeds, StateSession } from '../../engine/define/state-session';
import { currencyDigits } from '../../money/currency';
import { formatAmount } from '../../money/amount';
import { accounts, accountsAsOf, type AccountRow, type EntryRow } from './account.table';
import { balanceOf } from './account.view';

/** Names an account that a creator is going to read. */
export function needAccount(needs: RowNeeds, reference: string): void {
  needReferenced(needs, accounts, reference);
}

/** The account that a reference names, in the session. */
export function findAccount(state: StateSession, reference: string): Found<AccountRow> {
  return findReferenced(state, accounts, reference);
}

/** The account that a reference names, in the database, as of a position. */
export async function readAccount(
  db: Kysely<unknown>,
  reference: string,
  position?: number,
): Promise<AccountRow | undefined> {
  const found = referenceOf(reference, 'account_id');
  if (!found) return undefined;
  const { rows } = await sql<AccountRow>`
    select * from (${sql.raw(accountsAsOf(position))}) a
    where ${sql.ref(`a.${found.column}`)} = ${found.value}`.execute(db);
  return rows[0];
}

export interface AccountFilter {
  readonly type?: string | undefined;
  readonly currency?: string | undefined;
  readonly status?: 'open' | 'closed' | undefined;
  readonly clientId?: string | undefined;
}

/**
 * Accounts in the order in which they were opened, after an account number.
 * @param position as they were after that event; undefined: as they are
 */
export async function listAccounts(
  db: Kysely<unknown>,
  filter: AccountFilter,
  after: number,
  limit: number,
  position?: number,
): Promise<AccountRow[]> {
  const conditions = [sql<boolean>`a.account_no > ${after}`];
  if (filter.type !== undefined) conditions.push(sql`a.type = ${filter.type}`);
  if (filter.currency !== undefined) conditions.push(sql`a.currency = ${filter.currency}`);
  if (filter.clientId !== undefined) conditions.push(sql`a.client_id = ${filter.clientId}`);
  if (filter.status === 'open') conditions.push(sql`a.closed_position is null`);
  if (filter.status === 'closed') conditions.push(sql`a.closed_position is not null`);
  const { rows } = await sql<AccountRow>`
    select * from (${sql.raw(accountsAsOf(position))}) a
    where ${sql.join(conditions, sql` and `)} order by a.account_no limit ${limit}`.execute(db);
  return rows;
}

/** One posting on an account's statement. */
export interface EntryView {
  transactionId: string;
  position: number;
  effectiveDate: string;
  direction: 'debit' | 'credit';
  amount: string;
  balanceAfter: string;
  description: string;
}

/** The place of an entry in its account. */
export interface EntryPlace {
  readonly position: number;
  readonly ordinal: number;
}

type EntryOfTransaction = EntryRow & { transaction_id: string; description: string };

export interface EntryFilter {
  /** Effective dates, both included. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** What was posted until then; undefined: everything. */
  readonly position?: number | undefined;
}

/**
 * An account's entries, newest last. Limited before they are joined, or else the transactions of
 * all accounts were read to find those of one.
 */
export async function listEntries(
  db: Kysely<unknown>,
  account: Pick<AccountRow, 'account_no' | 'type' | 'currency'>,
  { from, to, position }: EntryFilter,
  after: EntryPlace,
  limit: number,
): Promise<(EntryView & EntryPlace)[]> {
  const conditions = [
    sql<boolean>`e.account_no = ${account.account_no}`,
    sql<boolean>`(e.position, e.ordinal) > (${after.position}, ${after.ordinal}::bigint)`,
  ];
  if (position !== undefined) conditions.push(sql`e.position <= ${position}`);
  if (from !== undefined) conditions.push(sql`e.effective_date >= ${from}`);
  if (to !== undefined) conditions.push(sql`e.effective_date <= ${to}`);
  const { rows } = await sql<EntryOfTransaction>`
    select e.*, t.transaction_id, t.description from (
      select * from entries e where ${sql.join(conditions, sql` and `)}
      order by e.position, e.ordinal limit ${limit}
    ) e
    join transactions t on t.position = e.position
    order by e.position, e.ordinal`.execute(db);
  const digits = currencyDigits(account.currency)!;
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
