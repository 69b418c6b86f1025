import type { Kysely } from 'kysely';
import type { StateDatabase } from '../../engine/define/state-table';
import { noCursor } from '../../http/page';
import { listAccounts } from '../accounts/account.queries';
import type { ShownAccountRow } from '../accounts/account.table';
import {
  entriesOf,
  openingOf,
  placeOf,
  readStatementEnds,
  readStatementEntries,
  statementView,
} from './statement';
import type { AccountStatementDto } from './statement.dto';
import {
  listStatements,
  readCounterAccounts,
  type StatementFilter,
  type StatementPlace,
} from './statement.queries';

/** Accounts of a page at most: of each, as many entries are looked at as the page may have. */
const PAGE_ACCOUNTS = 50;

/** Where a general ledger goes on. */
export interface LedgerPlace {
  readonly accountNo: number;
  /** Behind this entry of that account; undefined: behind all of them. */
  readonly entry: StatementPlace | undefined;
}

/** Which accounts and days. */
export interface LedgerFilter extends StatementFilter {
  /** That group and all below it, of those that the accounts were in at the position. */
  readonly group: string | undefined;
}

/** Some accounts of a general ledger; of the last one, and the first, perhaps some entries. */
export interface LedgerPage {
  readonly accounts: readonly AccountStatementDto[];
  readonly next: LedgerPlace | undefined;
}

const BEGIN: LedgerPlace = { accountNo: 0, entry: undefined };

/**
 * The next part of a general ledger: the statements of accounts in the order in which they were
 * opened, those without entries too. It has `limit` entries at most, and as many accounts or
 * {@link PAGE_ACCOUNTS}; one whose entries do not fit goes on in the next part.
 */
export async function readGeneralLedger(
  db: Kysely<StateDatabase>,
  filter: LedgerFilter,
  after: LedgerPlace = BEGIN,
  limit: number,
): Promise<LedgerPage> {
  const begun = after.entry && (await restOf(db, filter, after.accountNo, after.entry, limit));
  if (begun?.next) return begun;
  const shown = begun?.accounts ?? [];
  const room = limit - (shown[0]?.entries.length ?? 0);
  // Where there is no room left it is still to be known whether another account follows.
  const wanted = Math.max(1, Math.min(room, PAGE_ACCOUNTS - shown.length));
  const { group, position } = filter;
  const more = await listAccounts(db, { group }, after.accountNo, wanted, position);
  if (more.rows.length === 0) return { accounts: shown, next: undefined };
  const behind = { accountNo: after.accountNo, entry: undefined };
  if (room === 0) return { accounts: shown, next: behind };
  const { accounts, next } = await wholeOf(db, filter, more, room);
  return { accounts: [...shown, ...accounts], next };
}

/** The rest of an account. */
async function restOf(
  db: Kysely<StateDatabase>,
  filter: LedgerFilter,
  accountNo: number,
  after: StatementPlace,
  limit: number,
): Promise<LedgerPage> {
  const { rows } = await listAccounts(db, {}, accountNo - 1, 1, filter.position);
  const [account] = rows;
  if (account?.account_no !== accountNo) throw noCursor();
  const { entries, next } = await readStatementEntries(db, account, filter, after, limit);
  const ends = await readStatementEnds(db, [account], filter);
  return {
    accounts: [statementView(account, ends.get(account.account_no)!, entries)],
    next: next && { accountNo, entry: next },
  };
}

/** Accounts from their first entry on, as far as the room for entries goes. */
async function wholeOf(
  db: Kysely<StateDatabase>,
  filter: LedgerFilter,
  listed: { readonly rows: readonly ShownAccountRow[]; readonly hasMore: boolean },
  room: number,
): Promise<LedgerPage> {
  const accountNos = listed.rows.map(({ account_no }) => account_no);
  const ends = await readStatementEnds(db, listed.rows, filter);
  const page = await listStatements(db, accountNos, filter, undefined, room);
  const { of: accountsAt, complete } = await readCounterAccounts(db, filter.position, page.rows);
  const rows = page.rows.slice(0, complete);
  const isCut = page.hasMore || complete < page.rows.length;
  const last = rows.at(-1);
  const following = complete < page.rows.length ? page.rows[complete]!.account_no : page.following;
  const next =
    isCut && last ? nextOf(accountNos, placeOf(last), last.account_no, following) : undefined;
  const until = next?.accountNo ?? accountNos.at(-1)!;
  const byAccount = Map.groupBy(rows, ({ account_no }) => account_no);
  const accounts = listed.rows
    .filter(({ account_no }) => account_no <= until)
    .map((account) => {
      const of = ends.get(account.account_no)!;
      const own = byAccount.get(account.account_no) ?? [];
      return statementView(account, of, entriesOf(account, own, openingOf(of), accountsAt));
    });
  const behind = listed.hasMore ? { accountNo: until, entry: undefined } : undefined;
  return { accounts, next: next ?? behind };
}

/**
 * Where it goes on behind an entry that is not the last one.
 * @param following the account of the one behind it; undefined: not known
 */
function nextOf(
  accountNos: readonly number[],
  entry: StatementPlace,
  accountNo: number,
  following: number | undefined,
): LedgerPlace {
  if (following === undefined || following === accountNo) return { accountNo, entry };
  return { accountNo: accountNos[accountNos.indexOf(following) - 1]!, entry: undefined };
}
