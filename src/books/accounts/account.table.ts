import { expressionBuilder, sql, type AliasableExpression, type Expression } from 'kysely';
import { column, type KyselyTable, type ReadRow } from '../../database/column';
import { defineAppendTable, defineKeyedTable, type RowOf } from '../../engine/define/state-table';
import type { LimitTables, LimitTerms } from '../limits/limit.table';
import type { AccountType, FrozenSide } from './account.events';
import type { DatedEntryTables } from './dated-entries.table';

/** Money in minor units. */
const changing = {
  /** A path whose names colons divide. */
  account_group: column.text().nullable(),
  closed_position: column.bigint().nullable(),
  /** The side that nothing is posted to. */
  frozen: column.text<FrozenSide>().nullable(),
  min_balance: column.numeric().nullable(),
  max_balance: column.numeric().nullable(),
  name: column.text(),
  metadata: column.jsonb<Record<string, string>>(),
  /** Position of the last event, other than a posting, that changed the account. */
  changed_position: column.bigint().nullable(),
  /** The account's version after that. */
  changed_version: column.bigint().nullable(),
};

/** Money in minor units. */
const columns = {
  /** Position of the event that opened the account. */
  account_no: column.bigint(),
  account_id: column.uuid(),
  created_at: column.timestamptz(),
  type: column.text<AccountType>(),
  currency: column.text(),
  /** Decimal digits of its amounts. */
  digits: column.int(),
  client_id: column.text().nullable(),
  ...changing,
};

/** What its last entries, or a later change, say of an account. */
const derived = {
  /** Sum of all debits. */
  debits: column.numeric(),
  /** Sum of all credits. */
  credits: column.numeric(),
  /** Sum of the debits that open holds reserve. */
  pending_debits: column.numeric(),
  /** Sum of the credits that open holds reserve. */
  pending_credits: column.numeric(),
  /** How many of its open holds expire. */
  expiring_holds: column.int(),
  /** No open hold expires before; null: none expires. */
  next_expiry: column.timestamptz().nullable(),
  /** 1 when opened, and one more with every posting and every other change. */
  version: column.bigint(),
  /** Position of the last event that changed the account. */
  last_position: column.bigint(),
};

/** Its own velocity limits, for who posts; null for one that never had any. */
const limiting = {
  limit_terms: column.jsonb<readonly LimitTerms[]>().nullable(),
};

/** What an account's entries say of their dates, for who posts: see dated-entries.table.ts. */
const dating = {
  /** The latest effective date of its entries; null: there are none. */
  latest_date: column.date().nullable(),
  /** Sum of the debits that came late: behind an entry of a later date. */
  late_debits: column.numeric(),
  /** Sum of the credits that came late. */
  late_credits: column.numeric(),
  /** The account's version at its last mark; 0: there is none. */
  marked_version: column.bigint(),
};

/** One posting of one transaction, with the account's totals after it. Money in minor units. */
const entryColumns = {
  account_no: column.bigint(),
  position: column.bigint(),
  account_version: column.bigint(),
  /** The posting's place in its transaction, from 0. */
  ordinal: column.int(),
  effective_date: column.date(),
  direction: column.text<'debit' | 'credit'>(),
  amount: column.numeric(),
  debits_after: column.numeric(),
  credits_after: column.numeric(),
};

/** What an event about a hold left reserved of an account. Money in minor units. */
const holdEntryColumns = {
  account_no: column.bigint(),
  position: column.bigint(),
  account_version: column.bigint(),
  pending_debits_after: column.numeric(),
  pending_credits_after: column.numeric(),
  expiring_after: column.int(),
  next_expiry_after: column.timestamptz().nullable(),
};

/** The account's columns that may change, as they were before an event changed one of them. */
const versionColumns = {
  account_no: column.bigint(),
  /** Of the event that replaced them. */
  position: column.bigint(),
  ...changing,
};

export interface AccountTables {
  accounts: KyselyTable<typeof columns>;
  account_versions: KyselyTable<typeof versionColumns>;
  entries: KyselyTable<typeof entryColumns>;
  hold_entries: KyselyTable<typeof holdEntryColumns>;
}

declare module '../../engine/define/state-table' {
  interface StateDatabase extends AccountTables {}
}

type Facts = ReadRow<typeof columns>;
const CHANGING = Object.keys(changing) as (keyof typeof changing)[];

/**
 * The accounts without their totals, as they were after the event at `position`: one look into the
 * index of their versions each. Default: as they are, which costs no look.
 */
export function accountFactsAsOf(position?: Expression<number>): AliasableExpression<Facts> {
  const accountsNow = expressionBuilder<AccountTables>().selectFrom('accounts as a');
  if (position === undefined) return accountsNow.selectAll();
  return accountsNow
    .leftJoinLateral(
      (eb) =>
        eb
          .selectFrom('account_versions')
          .selectAll()
          .whereRef('account_no', '=', 'a.account_no')
          .where('position', '>', position)
          .orderBy('position')
          .limit(eb.lit(1))
          .as('v'),
      (join) => join.onTrue(),
    )
    .select(['a.account_no', 'a.account_id', 'a.created_at', 'a.type', 'a.currency', 'a.digits'])
    .select('a.client_id')
    .select((eb) =>
      CHANGING.map((name) =>
        eb
          .case()
          .when('v.position', 'is', null)
          .then(eb.ref(`a.${name}`))
          .else(eb.ref(`v.${name}`))
          .end()
          .as(name),
      ),
    )
    .where('a.account_no', '<=', position)
    .$castTo<Facts>();
}

/**
 * The accounts as they were after the event at `position` (default: as they are), with totals from
 * their last entries until then; one look into each of the two indexes for each account.
 */
export function accountsAsOf(position?: Expression<number>) {
  return expressionBuilder<AccountTables>()
    .selectFrom(accountFactsAsOf(position).as('a'))
    .leftJoinLateral(
      (eb) =>
        eb
          .selectFrom('entries')
          .select(['position', 'account_version', 'debits_after', 'credits_after'])
          .select('effective_date')
          .whereRef('account_no', '=', 'a.account_no')
          .where('position', '<=', position ?? LAST_POSITION)
          .orderBy('position', 'desc')
          .orderBy('ordinal', 'desc')
          .limit(eb.lit(1))
          .as('e'),
      (join) => join.onTrue(),
    )
    .leftJoinLateral(
      (eb) =>
        eb
          .selectFrom('hold_entries')
          .selectAll()
          .whereRef('account_no', '=', 'a.account_no')
          .where('position', '<=', position ?? LAST_POSITION)
          .orderBy('position', 'desc')
          .limit(eb.lit(1))
          .as('h'),
      (join) => join.onTrue(),
    )
    .selectAll('a')
    .select((eb) => {
      const zero = eb.cast<bigint>(eb.lit(0), 'numeric');
      // PostgreSQL's greatest() leaves nulls out.
      const latest = (...of: Expression<number | null>[]) => eb.fn<number>('greatest', of);
      const versions = [eb.ref('e.account_version'), eb.ref('h.account_version')];
      const positions = [eb.ref('e.position'), eb.ref('h.position')];
      return [
        eb.fn.coalesce('e.debits_after', zero).as('debits'),
        eb.fn.coalesce('e.credits_after', zero).as('credits'),
        eb.fn.coalesce('h.pending_debits_after', zero).as('pending_debits'),
        eb.fn.coalesce('h.pending_credits_after', zero).as('pending_credits'),
        eb.fn.coalesce('h.expiring_after', eb.lit(0)).as('expiring_holds'),
        eb.ref('h.next_expiry_after').as('next_expiry'),
        latest(eb.lit(1), ...versions, eb.ref('a.changed_version')).as('version'),
        latest(eb.ref('a.account_no'), ...positions, eb.ref('a.changed_position')).as(
          'last_position',
        ),
      ];
    });
}

/** The accounts as they are, with what their limits and the dates of their entries say. */
function accountsForPosting() {
  const books = expressionBuilder<LimitTables & DatedEntryTables>();
  const withLate = accountsAsOf().leftJoinLateral(
    (eb) =>
      books
        .selectFrom('late_entries')
        .select(['position', 'behind_date', 'debits_after', 'credits_after'])
        .where('account_no', '=', eb.ref('a.account_no'))
        .orderBy('position', 'desc')
        .orderBy('ordinal', 'desc')
        .limit(eb.lit(1))
        .as('late'),
    (join) => join.onTrue(),
  );
  return withLate.select((eb) => [
    eb
      .case()
      .when(eb('late.position', '=', eb.ref('e.position')))
      .then(eb.ref('late.behind_date'))
      .else(eb.ref('e.effective_date'))
      .end()
      .as('latest_date'),
    eb.fn.coalesce('late.debits_after', eb.cast<bigint>(eb.lit(0), 'numeric')).as('late_debits'),
    eb.fn.coalesce('late.credits_after', eb.cast<bigint>(eb.lit(0), 'numeric')).as('late_credits'),
    eb.fn
      .coalesce(
        books
          .selectFrom('entry_marks')
          .select('account_version')
          .where('account_no', '=', eb.ref('a.account_no'))
          .orderBy('effective_date', 'desc')
          .limit(eb.lit(1)),
        eb.cast<number>(eb.lit(0), 'bigint'),
      )
      .as('marked_version'),
    books
      .selectFrom('limit_targets')
      .select('terms')
      .where('target', '=', eb.cast<string>('a.account_id', 'text'))
      .as('limit_terms'),
  ]);
}

const LAST_POSITION = sql.lit(Number.MAX_SAFE_INTEGER);

export const accounts = defineKeyedTable({
  name: 'accounts',
  lastPosition: ['changed_position', 'account_no'],
  key: 'account_id',
  unique: ['client_id'],
  mutable: CHANGING,
  columns,
  derived: { ...derived, ...dating, ...limiting },
  source: accountsForPosting(),
  cacheRows: 50_000,
  // About 400 bytes each. Beyond that a rebuild looks totals up in the entries, by their index.
  rebuildRows: 150_000,
});

export const accountVersions = defineAppendTable({
  name: 'account_versions',
  lastPosition: 'position',
  columns: versionColumns,
});

export const entries = defineAppendTable({
  name: 'entries',
  lastPosition: 'position',
  columns: entryColumns,
});

export const holdEntries = defineAppendTable({
  name: 'hold_entries',
  lastPosition: 'position',
  columns: holdEntryColumns,
});

/** An account with what its last entries say of it, as who posts finds it. */
export type AccountRow = RowOf<typeof accounts>;
/** The same as it is shown. */
export type ShownAccountRow = Omit<AccountRow, keyof typeof limiting | keyof typeof dating>;
export type EntryRow = RowOf<typeof entries>;
