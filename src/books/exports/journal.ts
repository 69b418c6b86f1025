import type { Kysely } from 'kysely';
import { LedgerUnavailable } from '../../engine/define/refusal';
import type { StateDatabase } from '../../engine/define/state-table';
import { FIRST_EFFECTIVE_DATE } from '../../money/calendar-date';
import type {
  JournalAccount,
  JournalFormat,
  JournalHead,
  JournalOf,
  JournalPosting,
} from './journal-format';
import {
  listAccounts,
  listJournal,
  listOpenings,
  readCurrencies,
  readRebuilds,
  type JournalAccountRow,
  type JournalPage,
  type PostedRow,
} from './journal.queries';

/** Reads the books in a snapshot of its own. */
export type ReadBooks = <T>(run: (db: Kysely<StateDatabase>) => Promise<T>) => Promise<T>;

/** The state was rebuilt while a journal was being read: what comes may not fit what came. */
export class BooksRebuilt extends LedgerUnavailable {
  constructor() {
    super('The books were rebuilt while the journal was being read: ask for it again');
  }
}

const OPENING = 'Opening balances';

/**
 * The journal of the books as of a position, piece by piece as its reader takes it: accounts, with
 * `from` what they had before that day, and transactions by effective date, then position. Each
 * page is a read of its own, and nothing is held between two of them; what was posted until a
 * position stays as it is, but for an amendment, which rebuilds the state.
 * @throws BooksRebuilt, and what `read` throws
 */
export async function* journalOf(
  read: ReadBooks,
  of: JournalOf,
  format: JournalFormat,
): AsyncGenerator<string> {
  const books = new PinnedBooks(read);
  let page = await books.read((db) => listJournal(db, of, undefined));
  const currencies = await books.read((db) => readCurrencies(db, of));
  yield format.begin(of, firstDayOf(of, page)) + currencies.map((c) => format.currency(c)).join('');
  yield* declarations(books, of, format);
  for (const { code } of currencies) yield* openings(books, of, format, code);
  let transactions = 0;
  for (;;) {
    transactions += page.transactions.length;
    yield page.transactions.map((rows) => textOf(rows, format)).join('');
    const { next } = page;
    if (!next) break;
    page = await books.read((db) => listJournal(db, of, next));
  }
  yield format.end(of, transactions);
}

/** Reads of one state. */
class PinnedBooks {
  private rebuilds: number | undefined;

  constructor(private readonly reading: ReadBooks) {}

  read<T>(run: (db: Kysely<StateDatabase>) => Promise<T>): Promise<T> {
    return this.reading(async (db) => {
      const rebuilds = await readRebuilds(db);
      this.rebuilds ??= rebuilds;
      if (rebuilds !== this.rebuilds) throw new BooksRebuilt();
      return run(db);
    });
  }
}

/** Logs of before there was a first day may have earlier ones. */
function firstDayOf({ from }: JournalOf, { transactions: [first] }: JournalPage): string {
  const days = [FIRST_EFFECTIVE_DATE, from, first?.[0]!.effective_date];
  return days.filter((day) => day !== undefined).sort()[0]!;
}

async function* declarations(
  books: PinnedBooks,
  of: JournalOf,
  format: JournalFormat,
): AsyncGenerator<string> {
  for (let after: number | undefined = 0; after !== undefined;) {
    const start: number = after;
    const { rows, hasMore } = await books.read((db) => listAccounts(db, of, start));
    yield rows
      .map((row) => format.account({ ...accountOf(row, row.client_id), metadata: row.metadata }))
      .join('');
    after = hasMore ? rows.at(-1)!.account_no : undefined;
  }
}

/** What the accounts of a currency had before the first day, as one transaction of that day. */
async function* openings(
  books: PinnedBooks,
  of: JournalOf,
  format: JournalFormat,
  currency: string,
): AsyncGenerator<string> {
  if (of.from === undefined) return;
  const head: JournalHead = { date: of.from, description: OPENING, event: undefined };
  let [isBegun, hasRest] = [false, false];
  for await (const postings of openingPostings(books, of, currency)) {
    hasRest ||= format.rest(postings) !== '';
    yield (isBegun ? '' : format.head(head)) + format.postings(postings, head);
    isBegun = true;
  }
  if (!hasRest) return;
  for await (const postings of openingPostings(books, of, currency)) yield format.rest(postings);
}

async function* openingPostings(
  books: PinnedBooks,
  of: JournalOf,
  currency: string,
): AsyncGenerator<JournalPosting[]> {
  for (let after = 0; ;) {
    const start = after;
    const rows = await books.read((db) => listOpenings(db, of, currency, start));
    if (rows.length === 0) return;
    after = rows.at(-1)!.account_no;
    const some = rows.filter(({ net }) => net !== 0n);
    if (some.length === 0) continue;
    yield some.map((row) => ({ account: accountOf(row, row.client_id), amount: row.net }));
  }
}

function textOf(rows: readonly PostedRow[], format: JournalFormat): string {
  const head = headOf(rows[0]!);
  const postings = rows.map((row) => ({
    account: accountOf(row, row.account_client_id),
    amount: row.direction === 'debit' ? row.amount : -row.amount,
  }));
  return format.head(head) + format.postings(postings, head) + format.rest(postings);
}

function headOf(row: PostedRow): JournalHead {
  return {
    date: row.effective_date,
    description: row.description!,
    event: {
      position: row.position,
      id: row.transaction_id,
      clientId: row.client_id,
      recordedAt: row.recorded_at,
      reverses: row.reverses,
      source: row.source_type === null ? null : `${row.source_type} ${row.source_id}`,
      holdId: row.hold_id,
      metadata: row.metadata!,
    },
  };
}

function accountOf(
  row: Omit<JournalAccountRow, 'client_id'>,
  clientId: string | null,
): JournalAccount {
  return {
    no: row.account_no,
    id: row.account_id,
    clientId,
    name: row.name,
    group: row.account_group,
    type: row.type,
    currency: { code: row.currency, digits: row.digits },
  };
}
