import { expressionBuilder, sql, type Expression } from 'kysely';
import { column, type KyselyTable } from '../../database/column';
import { defineAppendTable, defineKeyedTable, type RowOf } from '../../engine/define/state-table';
import type { AccountType } from './account.events';

/** Money in minor units. */
const columns = {
  /** Position of the event that opened the account. */
  account_no: column.bigint(),
  account_id: column.uuid(),
  closed_position: column.bigint().nullable(),
  created_at: column.timestamptz(),
  type: column.text<AccountType>(),
  currency: column.text(),
  /** Decimal digits of its amounts. */
  digits: column.int(),
  min_balance: column.numeric().nullable(),
  max_balance: column.numeric().nullable(),
  client_id: column.text().nullable(),
  name: column.text(),
  metadata: column.jsonb<Record<string, string>>(),
};

/** What its last entry says of an account. */
const derived = {
  /** Sum of all debits. */
  debits: column.numeric(),
  /** Sum of all credits. */
  credits: column.numeric(),
  /** 1 when opened, and one more with every posting and with the closing. */
  version: column.bigint(),
  /** Position of the last event that changed the account. */
  last_position: column.bigint(),
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

export interface AccountTables {
  accounts: KyselyTable<typeof columns>;
  entries: KyselyTable<typeof entryColumns>;
}

declare module '../../engine/define/state-table' {
  interface StateDatabase extends AccountTables {}
}

const LAST_POSITION = sql.lit(Number.MAX_SAFE_INTEGER);

/**
 * The accounts as they were after the event at `position` (default: as they are), with totals from
 * their last entry until then; one look into the entries' index each.
 */
export function accountsAsOf(position: Expression<number> = LAST_POSITION) {
  return expressionBuilder<AccountTables>()
    .selectFrom('accounts as a')
    .leftJoinLateral(
      (eb) =>
        eb
          .selectFrom('entries')
          .select(['position', 'account_version', 'debits_after', 'credits_after'])
          .whereRef('account_no', '=', 'a.account_no')
          .where('position', '<=', position)
          .orderBy('position', 'desc')
          .orderBy('ordinal', 'desc')
          .limit(eb.lit(1))
          .as('e'),
      (join) => join.onTrue(),
    )
    .select([
      'a.account_no',
      'a.account_id',
      'a.created_at',
      'a.type',
      'a.currency',
      'a.digits',
      'a.min_balance',
      'a.max_balance',
      'a.client_id',
      'a.name',
      'a.metadata',
    ])
    .select((eb) => {
      const closed = eb
        .case()
        .when('a.closed_position', '<=', position)
        .then(eb.ref('a.closed_position'))
        .end();
      const closings = eb
        .case()
        .when('a.closed_position', '<=', position)
        .then(eb.lit(1))
        .else(eb.lit(0))
        .end();
      return [
        closed.as('closed_position'),
        eb.fn.coalesce('e.debits_after', eb.cast<bigint>(eb.lit(0), 'numeric')).as('debits'),
        eb.fn.coalesce('e.credits_after', eb.cast<bigint>(eb.lit(0), 'numeric')).as('credits'),
        eb(eb.fn.coalesce('e.account_version', eb.lit(1)), '+', closings).as('version'),
        eb.fn.coalesce(closed, 'e.position', 'a.account_no').as('last_position'),
      ];
    })
    .where('a.account_no', '<=', position);
}

export const accounts = defineKeyedTable({
  name: 'accounts',
  lastPosition: ['closed_position', 'account_no'],
  key: 'account_id',
  unique: ['client_id'],
  mutable: ['closed_position'],
  columns,
  derived,
  source: accountsAsOf(),
  cacheRows: 50_000,
  // About 400 bytes each. Beyond that a rebuild looks totals up in the entries, by their index.
  rebuildRows: 150_000,
});

export const entries = defineAppendTable({
  name: 'entries',
  lastPosition: 'position',
  columns: entryColumns,
});

/** An account with what its last entry says of it. */
export type AccountRow = RowOf<typeof accounts>;
export type EntryRow = RowOf<typeof entries>;
