import { sql, type Kysely } from 'kysely';
import { elementsOf } from '../../database/arrays';
import { prepared, type Placeholders } from '../../database/prepared';
import type { DatabaseOf, stateHeadTable } from '../../engine/define/state-table';
import {
  pageExpression,
  pageQuery,
  pageRows,
  type Marked,
  type PageRows,
} from '../../engine/session/page-rows';
import { dayBefore } from '../../money/calendar-date';
import {
  accountFactsAsOf,
  type AccountRow,
  type AccountTables,
  type EntryRow,
} from '../accounts/account.table';
import type { DatedEntryTables } from '../accounts/dated-entries.table';
import { totalsOn } from '../accounts/dated-totals.queries';
import type { SourceTables } from '../transactions/source.table';
import type { TransactionRow, TransactionTables } from '../transactions/transaction.table';
import type { JournalCurrency, JournalOf } from './journal-format';

type Books = AccountTables &
  DatedEntryTables &
  TransactionTables &
  SourceTables &
  DatabaseOf<typeof stateHeadTable>;

/** Accounts, and transactions, that are read at a time. */
const PAGE = 500;
/** Transactions that are looked at for a page of those that were known. */
const WALKED = 20_000;
/** Postings that are read at a time; a transaction has a tenth at most. */
const MAX_POSTINGS = 10_000;

const ACCOUNT = [
  ...(['account_no', 'account_id', 'client_id', 'name', 'account_group'] as const),
  ...(['type', 'currency', 'digits'] as const),
] as const;

/** What a journal says of an account wherever it names it. */
export type JournalAccountRow = Pick<AccountRow, (typeof ACCOUNT)[number]>;

/** How often the state was put in another one's place: what was read of that does not count. */
export async function readRebuilds(db: Kysely<Books>): Promise<number> {
  const head = db.selectFrom('event_log_state').select('rebuilds');
  return (await head.executeTakeFirstOrThrow()).rebuilds;
}

/** The currencies of the accounts that were open at a position, with their digits. */
export function readCurrencies(
  db: Kysely<Books>,
  { position }: Pick<JournalOf, 'position'>,
): Promise<JournalCurrency[]> {
  return db
    .selectFrom('accounts')
    .select(['currency as code'])
    .select((eb) => eb.fn.min('digits').as('digits'))
    .where('account_no', '<=', position)
    .groupBy('currency')
    .orderBy('currency')
    .execute();
}

const readAccountRows = prepared<
  Books,
  { after: number; position: number },
  Marked<JournalAccountRow & Pick<AccountRow, 'metadata'>>
>((db, { after, position }) => {
  const page = db
    .selectFrom(accountFactsAsOf(position).as('a'))
    .select([...ACCOUNT, 'metadata'])
    .where('a.account_no', '>', after)
    .orderBy('a.account_no')
    .limit((eb) => eb.lit(PAGE + 1));
  return pageQuery(db, page, { by: ['account_no'], large: ['metadata'] });
});

/** The next accounts as they were at a position, in the order in which they were opened. */
export async function listAccounts(
  db: Kysely<Books>,
  { position }: Pick<JournalOf, 'position'>,
  after: number,
): Promise<PageRows<JournalAccountRow & Pick<AccountRow, 'metadata'>>> {
  return pageRows(await readAccountRows(db, { after, position }), PAGE);
}

/** An account with what it had, in minor units: debits less credits. */
export type OpeningRow = JournalAccountRow & { readonly net: bigint };

const readOpeningRows = prepared<
  Books,
  { after: number; currency: string; date: string; position: number },
  OpeningRow
>((db, { after, currency, date, position }) => {
  const page = db
    .selectFrom(accountFactsAsOf(position).as('f'))
    .select(ACCOUNT)
    .where('f.account_no', '>', after)
    .where('f.currency', '=', currency)
    .orderBy('f.account_no')
    .limit((eb) => eb.lit(PAGE));
  return db
    .selectFrom(page.as('a'))
    .leftJoinLateral(
      (eb) => totalsOn({ accountNo: eb.ref('a.account_no'), date, position }).as('t'),
      (join) => join.onTrue(),
    )
    .select(ACCOUNT.map((name) => `a.${name}` as const))
    .select((eb) => {
      const zero = sql<bigint>`0::numeric`;
      const [debits, credits] = [eb.ref('t.debits'), eb.ref('t.credits')];
      return eb(eb.fn.coalesce(debits, zero), '-', eb.fn.coalesce(credits, zero)).as('net');
    })
    .orderBy('a.account_no');
});

/**
 * What the next accounts of a currency had before the first day of a journal, those that had
 * nothing among them: some looks into indexes each.
 * @returns none where there are no more accounts
 */
export function listOpenings(
  db: Kysely<Books>,
  { from, position }: JournalOf,
  currency: string,
  after: number,
): Promise<OpeningRow[]> {
  const date = from === undefined ? undefined : dayBefore(from);
  if (date === undefined) return Promise.resolve([]);
  return readOpeningRows(db, { after, currency, date, position });
}

/** Where a transaction stands in the order of a journal. */
export interface JournalPlace {
  readonly date: string;
  readonly position: number;
}

interface Asked extends JournalOf {
  readonly afterDate: string | undefined;
  readonly afterPosition: number | undefined;
}

/** What one row of a transaction's text has: its first posting. */
const ONCE = ['description', 'metadata'] as const;
const SHOWN = [
  ...(['position', 'effective_date', 'transaction_id', 'client_id'] as const),
  ...(['recorded_at', 'reverses', 'hold_id'] as const),
] as const;

/** One posting of one transaction, with the transaction and the account. */
export type PostedRow = Pick<EntryRow, 'direction' | 'amount'> &
  Pick<TransactionRow, Exclude<(typeof SHOWN)[number], 'client_id'>> & {
    readonly [Name in (typeof ONCE)[number]]: TransactionRow[Name] | null;
  } & Omit<JournalAccountRow, 'client_id'> & {
    readonly client_id: string | null;
    readonly account_client_id: string | null;
    readonly source_type: string | null;
    readonly source_id: string | null;
    readonly rows_found: number;
  };

/** The places of transactions from a place on, in the order of a journal. */
function placesAfter(db: Kysely<Books>, values: Placeholders<Asked>) {
  const { from, to, afterDate, afterPosition } = values;
  let places = db
    .selectFrom('transactions')
    .select(['effective_date', 'position'])
    .orderBy('effective_date')
    .orderBy('position');
  if (afterDate !== undefined && afterPosition !== undefined) {
    places = places.where((eb) => {
      // SQL as text: the builder types no tuple whose parts are values of a prepared query.
      const place = eb.refTuple('effective_date', 'position');
      return sql<boolean>`${place} > (${afterDate}, ${afterPosition})`;
    });
  } else if (from !== undefined) {
    places = places.where('effective_date', '>=', from);
  }
  return to === undefined ? places : places.where('effective_date', '<=', to);
}

/**
 * The transactions of a page, and one more. Where few of them were known at the position, no more
 * than {@link WALKED} are looked at for it, in the index that has their order.
 */
function knownAfter(db: Kysely<Books>, values: Placeholders<Asked>) {
  const walked = placesAfter(db, values).limit((eb) => eb.lit(WALKED));
  const known = db
    .selectFrom(walked.as('w'))
    .select(['w.effective_date', 'w.position'])
    .where('w.position', '<=', values.position)
    .orderBy('w.effective_date')
    .orderBy('w.position')
    .limit((eb) => eb.lit(PAGE + 1));
  // The offset keeps the planner from reading all transactions.
  return db
    .selectFrom(known.as('k'))
    .crossJoinLateral((eb) =>
      eb
        .selectFrom('transactions')
        .selectAll()
        .whereRef('position', '=', 'k.position')
        .offset(eb.lit(0))
        .as('t'),
    )
    .selectAll('t')
    .orderBy('k.effective_date')
    .orderBy('k.position');
}

/** A page of a journal. The offsets keep the planner from reading whole tables. */
const readPostedRows = prepared<Books, Asked, PostedRow>((db, values) => {
  const { position } = values;
  const found = knownAfter(db, values);
  const shape = { by: ['effective_date', 'position'], large: ONCE } as const;
  return db
    .selectFrom(
      sql<TransactionRow & { rows_found: number }>`(${pageExpression(found, shape)})`.as('t'),
    )
    .crossJoinLateral((eb) => elementsOf(eb.ref('t.account_nos'), 'n', 'account_no'))
    .crossJoinLateral((eb) =>
      eb
        .selectFrom('entries')
        .select(['ordinal', 'direction', 'amount'])
        .whereRef('account_no', '=', 'n.account_no')
        .whereRef('position', '=', 't.position')
        .offset(eb.lit(0))
        .as('e'),
    )
    .crossJoinLateral((eb) =>
      eb
        .selectFrom(accountFactsAsOf(position).as('f'))
        .select(ACCOUNT.map((name) => `f.${name}` as const))
        .whereRef('f.account_no', '=', 'n.account_no')
        .offset(eb.lit(0))
        .as('a'),
    )
    .leftJoinLateral(
      (eb) =>
        eb
          .selectFrom('transaction_sources')
          .select(['source_type', 'source_id'])
          .whereRef('transaction_id', '=', 't.transaction_id')
          .offset(eb.lit(0))
          .as('s'),
      (join) => join.onTrue(),
    )
    .select(SHOWN.map((name) => `t.${name}` as const))
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
    .select(['t.rows_found', 's.source_type', 's.source_id', 'e.direction', 'e.amount'])
    .select(['a.account_no', 'a.account_id', 'a.name', 'a.account_group', 'a.type'])
    .select(['a.client_id as account_client_id', 'a.currency', 'a.digits'])
    .orderBy('t.effective_date')
    .orderBy('t.position')
    .orderBy('e.ordinal')
    .limit((eb) => eb.lit(MAX_POSTINGS + 1))
    .$castTo<PostedRow>();
});

const readWalkedPlace = prepared<Books, Asked, JournalPlace>((db, values) =>
  placesAfter(db, values)
    .clearSelect()
    .select(['effective_date as date', 'position'])
    .offset((eb) => eb.lit(WALKED - 1))
    .limit((eb) => eb.lit(1)),
);

/** Some transactions of a journal. */
export interface JournalPage {
  /** The postings of each, in the order in which it was posted. */
  readonly transactions: readonly (readonly PostedRow[])[];
  /** Where the journal goes on; undefined: it does not. */
  readonly next: JournalPlace | undefined;
}

/** The next transactions of a journal, by effective date and then by position. */
export async function listJournal(
  db: Kysely<Books>,
  of: JournalOf,
  after: JournalPlace | undefined,
): Promise<JournalPage> {
  const { from, to, position } = of;
  const asked = { from, to, position, afterDate: after?.date, afterPosition: after?.position };
  const rows = await readPostedRows(db, asked);
  const all = [...Map.groupBy(rows, (row) => row.position).values()];
  // Of the last one there may be more.
  if (rows.length > MAX_POSTINGS) all.pop();
  const transactions = all.slice(0, PAGE);
  if ((rows[0]?.rows_found ?? 0) > transactions.length) {
    const { effective_date: date, position: last } = transactions.at(-1)![0]!;
    return { transactions, next: { date, position: last } };
  }
  const [walked] = await readWalkedPlace(db, asked);
  return { transactions, next: walked };
}
