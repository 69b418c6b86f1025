import { sql, type AliasableExpression, type Expression, type Kysely } from 'kysely';
import type { DatabaseOf, stateHeadTable } from '../../engine/define/state-table';
import { anyOf, elementsOf } from '../../database/arrays';
import { prepared, type Placeholders } from '../../database/prepared';
import type { AccountType } from '../accounts/account.events';
import { accountsEverIn, isInGroup } from '../accounts/account.queries';
import { accountFactsAsOf, type AccountRow, type AccountTables } from '../accounts/account.table';
import type { DatedEntryTables } from '../accounts/dated-entries.table';
import { lastEntry, totalsOn } from '../accounts/dated-totals.queries';
import type { PeriodTables } from '../periods/period.table';
import { CLOSING_SOURCE } from '../transactions/closed-days.rules';
import type { SourceTables } from '../transactions/source.table';
import type { TransactionTables } from '../transactions/transaction.table';

type Books = AccountTables & DatedEntryTables;

/** Which accounts a report is about, and as of when. */
export interface ReportedOf {
  /** The last effective date that counts; undefined: all do. */
  readonly asOf?: string | undefined;
  /** That group and all below it, of those that the accounts are in at the position. */
  readonly group?: string | undefined;
  /** The last event that counts; undefined: all do. */
  readonly position?: number | undefined;
  /** Of these types; undefined: of all. */
  readonly types?: readonly AccountType[] | undefined;
}

const FACTS = [
  ...(['account_no', 'account_id', 'client_id', 'name', 'account_group'] as const),
  ...(['type', 'currency', 'digits'] as const),
] as const;

/** An account with its sums of debits and credits, in minor units. */
export type ReportedAccount = Pick<AccountRow, (typeof FACTS)[number] | 'debits' | 'credits'>;

/**
 * Where the sums of a report come from: some looks into indexes for each account, or one pass over
 * all entries. A look costs as much as so many entries of a pass.
 */
type Way = 'looks' | 'pass';
const ENTRIES_A_LOOK = 1_000;
/** Entries that an event makes, about; all that is known of their number without counting. */
const ENTRIES_AN_EVENT = 2;

interface AccountSums {
  readonly account_no: number;
  readonly debits: bigint;
  readonly credits: bigint;
}

function sumsOf(
  db: Kysely<Books>,
  accountNo: Expression<number>,
  { asOf, position }: Placeholders<ReportedOf>,
  way: Way,
): AliasableExpression<AccountSums> {
  if (asOf === undefined) {
    return db
      .selectFrom(lastEntry(accountNo, position).as('l'))
      .select(['l.debits_after as debits', 'l.credits_after as credits'])
      .select(sql<number>`${accountNo}`.as('account_no'));
  }
  if (way === 'looks') {
    return db
      .selectFrom(totalsOn({ accountNo, date: asOf, position }).as('on'))
      .select(['on.debits', 'on.credits'])
      .select(sql<number>`${accountNo}`.as('account_no'))
      .$castTo<AccountSums>();
  }
  const pass = db
    .selectFrom('entries')
    .select('account_no')
    .select((eb) => {
      const zero = eb.cast<bigint>(eb.lit(0), 'numeric');
      const amount = eb.fn.sum<bigint>('amount');
      return [
        eb.fn.coalesce(amount.filterWhere('direction', '=', 'debit'), zero).as('debits'),
        eb.fn.coalesce(amount.filterWhere('direction', '=', 'credit'), zero).as('credits'),
      ];
    })
    .where('effective_date', '<=', asOf)
    .groupBy('account_no');
  return position === undefined ? pass : pass.where('position', '<=', position);
}

/** The accounts of a report with their sums. */
function reported(db: Kysely<Books>, values: Placeholders<ReportedOf>, way: Way) {
  const { group, position, types } = values;
  let query = db
    .selectFrom(accountFactsAsOf(position).as('a'))
    .leftJoinLateral(
      (eb) => sumsOf(db, eb.ref('a.account_no'), values, way).as('t'),
      (join) => join.onRef('t.account_no', '=', 'a.account_no'),
    )
    .select(FACTS.map((name) => `a.${name}` as const))
    .select((eb) => {
      const zero = eb.cast<bigint>(eb.lit(0), 'numeric');
      return [
        eb.fn.coalesce('t.debits', zero).as('debits'),
        eb.fn.coalesce('t.credits', zero).as('credits'),
      ];
    });
  if (types !== undefined) query = query.where('a.type', '=', anyOf('text', types));
  if (group === undefined) return query;
  const inGroup = query.where((eb) => isInGroup(eb.ref('a.account_group'), group));
  return position === undefined
    ? inGroup
    : inGroup.where('a.account_no', 'in', accountsEverIn(group));
}

const countUpTo = prepared<
  Books & DatabaseOf<typeof stateHeadTable>,
  { group: string | undefined },
  { is_many: boolean }
>((db, { group }) => {
  const most = db
    .selectFrom('event_log_state')
    .select((eb) =>
      eb(eb('position', '*', ENTRIES_AN_EVENT), '/', eb.lit(ENTRIES_A_LOOK)).as('accounts'),
    );
  let accounts = db.selectFrom('accounts').select('account_no');
  if (group !== undefined) {
    accounts = accounts.where((eb) => isInGroup(eb.ref('account_group'), group));
  }
  // One more than may be looked at, however many there are.
  const counted = accounts.limit(sql<number>`${most} + 1`).as('c');
  return db
    .selectFrom(counted)
    .select((eb) => eb(eb.fn.countAll<number>(), '>', most).as('is_many'))
    .$castTo<{ is_many: boolean }>();
});

/** The way that costs less: a pass where the accounts are many and have few entries each. */
async function wayFor(
  db: Kysely<Books & DatabaseOf<typeof stateHeadTable>>,
  { asOf, group }: ReportedOf,
): Promise<Way> {
  if (asOf === undefined) return 'looks';
  const [counted] = await countUpTo(db, { group });
  return counted!.is_many ? 'pass' : 'looks';
}

function readAccountsBy(way: Way) {
  return prepared<Books, ReportedOf, ReportedAccount>((db, values) =>
    reported(db, values, way).orderBy('a.currency').orderBy('a.account_no'),
  );
}
/** Both ways, which give the same. */
export const accountsBy = { looks: readAccountsBy('looks'), pass: readAccountsBy('pass') };

/** The accounts of a report, of each currency in the order in which they were opened. */
export async function readReportedAccounts(
  db: Kysely<Books & DatabaseOf<typeof stateHeadTable>>,
  of: ReportedOf,
): Promise<ReportedAccount[]> {
  return accountsBy[await wayFor(db, of)](db, of);
}

/** What the accounts of one group have in one currency, in minor units. */
export type GroupSums = Pick<ReportedAccount, 'account_group' | 'currency' | 'debits' | 'credits'> &
  Pick<AccountRow, 'digits'> & { readonly accounts: number };

function readGroupsBy(way: Way) {
  return prepared<Books, ReportedOf, GroupSums>((db, values) =>
    db
      .selectFrom(reported(db, values, way).as('r'))
      .select(['r.account_group', 'r.currency'])
      .select((eb) => [
        eb.fn.countAll<number>().as('accounts'),
        eb.fn.min('r.digits').as('digits'),
        eb.fn.sum<bigint>('r.debits').as('debits'),
        eb.fn.sum<bigint>('r.credits').as('credits'),
      ])
      .groupBy(['r.account_group', 'r.currency']),
  );
}
const groupsBy = { looks: readGroupsBy('looks'), pass: readGroupsBy('pass') };

/** The sums of each group that has accounts, those below it apart. */
export async function readGroupSums(
  db: Kysely<Books & DatabaseOf<typeof stateHeadTable>>,
  of: ReportedOf,
): Promise<GroupSums[]> {
  return groupsBy[await wayFor(db, of)](db, of);
}

type ClosingBooks = Books & PeriodTables & SourceTables & TransactionTables;

/** What closes of periods carried from an account, in minor units. */
export type ClosingSums = Pick<AccountRow, 'account_no' | 'debits' | 'credits'>;

interface AskedClosings {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly position: number | undefined;
}

/** What closing transactions, and what took them back, posted to accounts on some days. */
export const readClosingSums = prepared<ClosingBooks, AskedClosings, ClosingSums>(
  (db, { from, to, position }) => {
    let closings = db
      .selectFrom('period_closes as c')
      .innerJoin('transaction_sources as s', 's.source_id', 'c.close_id')
      .innerJoin('transactions as t', 't.transaction_id', 's.transaction_id')
      .select(['t.position', 't.account_nos'])
      .where('s.source_type', '=', CLOSING_SOURCE);
    if (from !== undefined) closings = closings.where('t.effective_date', '>=', from);
    if (to !== undefined) closings = closings.where('t.effective_date', '<=', to);
    if (position !== undefined) closings = closings.where('t.position', '<=', position);
    return db
      .selectFrom(closings.as('k'))
      .crossJoinLateral((eb) => elementsOf(eb.ref('k.account_nos'), 'n', 'account_no'))
      .crossJoinLateral((eb) =>
        // The offset keeps the planner from reading all entries of an account.
        eb
          .selectFrom('entries')
          .select(['direction', 'amount'])
          .whereRef('account_no', '=', 'n.account_no')
          .whereRef('position', '=', 'k.position')
          .offset(eb.lit(0))
          .as('e'),
      )
      .select((eb) => {
        const zero = sql<bigint>`0::numeric`;
        const amount = eb.fn.sum<bigint>('e.amount');
        return [
          'n.account_no',
          eb.fn.coalesce(amount.filterWhere('e.direction', '=', 'debit'), zero).as('debits'),
          eb.fn.coalesce(amount.filterWhere('e.direction', '=', 'credit'), zero).as('credits'),
        ];
      })
      .groupBy('n.account_no');
  },
);
