import type { Kysely } from 'kysely';
import type { StateDatabase } from '../../engine/define/state-table';
import { formatAmount } from '../../money/amount';
import { dayBefore } from '../../money/calendar-date';
import type { ShownAccountRow } from '../accounts/account.table';
import { accountView, balanceOf } from '../accounts/account.view';
import type { AccountStatementDto, StatementEntryDto } from './statement.dto';
import {
  LAST_DAY,
  listStatements,
  readCounterAccounts,
  readEnds,
  sumsBeforeEntry,
  type CounterAccount,
  type StatementEnds,
  type StatementFilter,
  type StatementPlace,
  type StatementRow,
  type Sums,
} from './statement.queries';

/** Some entries of a statement, with their balances. */
export interface StatementEntries {
  readonly entries: readonly StatementEntryDto[];
  /** The place of the last of them, where more follow. */
  readonly next: StatementPlace | undefined;
}

/** The next entries of an account's statement. */
export async function readStatementEntries(
  db: Kysely<StateDatabase>,
  account: ShownAccountRow,
  filter: StatementFilter,
  after: StatementPlace | undefined,
  limit: number,
): Promise<StatementEntries> {
  const page = await listStatements(db, [account.account_no], filter, after, limit);
  const [first] = page.rows;
  if (!first) return { entries: [], next: undefined };
  const before = await sumsBeforeEntry(db, first, filter.position);
  const { of: counter, complete } = await readCounterAccounts(db, filter.position, page.rows);
  const rows = page.rows.slice(0, complete);
  const hasMore = page.hasMore || rows.length < page.rows.length;
  const next = hasMore ? placeOf(rows.at(-1)!) : undefined;
  return { entries: entriesOf(account, rows, before, counter), next };
}

/** The sums at both ends of the statements of some accounts, by account, whatever their pages. */
export async function readStatementEnds(
  db: Kysely<StateDatabase>,
  accounts: readonly Pick<ShownAccountRow, 'account_no'>[],
  { from, to, position }: StatementFilter,
): Promise<ReadonlyMap<number, StatementEnds>> {
  const ends = await readEnds(db, {
    accountNos: accounts.map(({ account_no }) => account_no),
    before: from && dayBefore(from),
    until: to ?? LAST_DAY,
    position,
  });
  return new Map(ends.map((of) => [of.account_no, of]));
}

/** What an account had before the days of its statement. */
export function openingOf({ opening_debits, opening_credits }: StatementEnds): Sums {
  return { debits: opening_debits, credits: opening_credits };
}

/** A statement with some of its entries. */
export function statementView(
  account: ShownAccountRow,
  ends: StatementEnds,
  entries: readonly StatementEntryDto[],
): AccountStatementDto {
  const { type, digits } = account;
  const money = (minor: bigint) => formatAmount(minor, digits);
  const { opening_debits, opening_credits, closing_debits, closing_credits } = ends;
  return {
    account: accountView(account),
    opening: money(balanceOf(type, opening_debits, opening_credits)),
    closing: money(balanceOf(type, closing_debits, closing_credits)),
    totalDebits: money(closing_debits - opening_debits),
    totalCredits: money(closing_credits - opening_credits),
    entries: [...entries],
  };
}

/** Where a row stands on the statement of its account. */
export function placeOf(row: StatementRow): StatementPlace {
  const { effective_date: date, position, ordinal } = row;
  return { date, position, ordinal, isLate: row.is_late };
}

/**
 * Rows of an account as its statement shows them.
 * @param before the sums of all that stand before the first of them
 */
export function entriesOf(
  { account_no: accountNo, type, digits }: ShownAccountRow,
  rows: readonly StatementRow[],
  before: Sums,
  accountsAt: ReadonlyMap<number, readonly CounterAccount[]>,
): StatementEntryDto[] {
  let { debits, credits } = before;
  return rows.map((row) => {
    if (row.direction === 'debit') debits += row.amount;
    else credits += row.amount;
    const others = (accountsAt.get(row.position) ?? []).filter((of) => of.account_no !== accountNo);
    return {
      effectiveDate: row.effective_date,
      recordedAt: row.recorded_at,
      position: row.position,
      transactionId: row.transaction_id,
      clientId: row.client_id,
      description: row.description,
      direction: row.direction,
      amount: formatAmount(row.amount, digits),
      balance: formatAmount(balanceOf(type, debits, credits), digits),
      counterAccounts: others.map((other) => ({
        accountId: other.account_id,
        clientId: other.client_id,
        name: other.name,
      })),
      metadata: row.metadata,
    };
  });
}
