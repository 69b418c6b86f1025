import type { Kysely } from 'kysely';
import { findReferenced, needReferenced, referenceOf } from '../../engine/define/reference';
import type { Found, RowNeeds, StateSession } from '../../engine/define/state-session';
import { currencyDigits } from '../../money/currency';
import { formatAmount } from '../../money/amount';
import type { AccountType } from './account.events';
import type { TransactionTables } from '../transactions/transaction.table';
import { accounts, accountsAsOf, type AccountRow, type AccountTables } from './account.table';
import { balanceOf } from './account.view';
import type { EntryDto } from './account.dto';

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
  db: Kysely<AccountTables & TransactionTables>,
  reference: string,
  position?: number,
): Promise<AccountRow | undefined> {
  const found = referenceOf(reference, 'account_id');
  if (!found) return undefined;
  return db
    .selectFrom(accountsAsOf(position).as('a'))
    .selectAll()
    .where(`a.${found.column}`, '=', found.value)
    .executeTakeFirst();
}

export interface AccountFilter {
  readonly type?: AccountType | undefined;
  readonly currency?: string | undefined;
  readonly status?: 'open' | 'closed' | undefined;
  readonly clientId?: string | undefined;
}

/**
 * Accounts in the order in which they were opened, after an account number.
 * @param position as they were after that event; undefined: as they are
 */
export async function listAccounts(
  db: Kysely<AccountTables & TransactionTables>,
  filter: AccountFilter,
  after: number,
  limit: number,
  position?: number,
): Promise<AccountRow[]> {
  const { type, currency, clientId, status } = filter;
  let query = db
    .selectFrom(accountsAsOf(position).as('a'))
    .selectAll()
    .where('a.account_no', '>', after);
  if (type !== undefined) query = query.where('a.type', '=', type);
  if (currency !== undefined) query = query.where('a.currency', '=', currency);
  if (clientId !== undefined) query = query.where('a.client_id', '=', clientId);
  if (status === 'open') query = query.where('a.closed_position', 'is', null);
  if (status === 'closed') query = query.where('a.closed_position', 'is not', null);
  return query.orderBy('a.account_no').limit(limit).execute();
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

/**
 * An account's entries, newest last. Limited before they are joined, or else the transactions of
 * all accounts were read to find those of one.
 */
export async function listEntries(
  db: Kysely<AccountTables & TransactionTables>,
  account: Pick<AccountRow, 'account_no' | 'type' | 'currency'>,
  { from, to, position }: EntryFilter,
  after: EntryPlace,
  limit: number,
): Promise<(EntryDto & EntryPlace)[]> {
  let page = db
    .selectFrom('entries')
    .selectAll()
    .where('account_no', '=', account.account_no)
    .where((eb) =>
      // A cursor may hold a larger number than an ordinal can be.
      eb(
        eb.refTuple('position', 'ordinal'),
        '>',
        eb.tuple(after.position, eb.cast<number>(eb.val(after.ordinal), 'bigint')),
      ),
    );
  if (position !== undefined) page = page.where('position', '<=', position);
  if (from !== undefined) page = page.where('effective_date', '>=', from);
  if (to !== undefined) page = page.where('effective_date', '<=', to);
  const rows = await db
    .selectFrom(page.orderBy('position').orderBy('ordinal').limit(limit).as('e'))
    .innerJoin('transactions as t', 't.position', 'e.position')
    .selectAll('e')
    .select(['t.transaction_id', 't.description'])
    .orderBy('e.position')
    .orderBy('e.ordinal')
    .execute();
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
