import { expressionBuilder, sql } from 'kysely';
import { elementsOf } from '../../database/arrays';
import { column, type KyselyTable, type ReadRow } from '../../database/column';
import { defineKeyedTable, type RowOf } from '../../engine/define/state-table';
import type { AccountTables } from '../accounts/account.table';

const columns = {
  position: column.bigint(),
  transaction_id: column.uuid(),
  recorded_at: column.timestamptz(),
  effective_date: column.date(),
  reverses: column.uuid().nullable(),
  reversed_by: column.uuid().nullable(),
  /** Position of the event that reversed it. */
  reversed_position: column.bigint().nullable(),
  client_id: column.text().nullable(),
  description: column.text(),
  /** The accounts that it posts to, each once: where its entries are. */
  account_nos: column.bigints(),
  metadata: column.jsonb<Record<string, string>>(),
  /** The hold that it captures. */
  hold_id: column.uuid().nullable(),
};

/** A posting as a creator finds it that undoes it. */
export interface PostedAmount {
  readonly accountId: string;
  readonly direction: 'debit' | 'credit';
  /** Minor units. */
  readonly amount: string;
}

const derived = {
  /** What its entries say, in the order in which it was posted. */
  postings: column.jsonb<readonly PostedAmount[]>(),
};

export interface TransactionTables {
  transactions: KyselyTable<typeof columns>;
}

declare module '../../engine/define/state-table' {
  interface StateDatabase extends TransactionTables {}
}

/** Transactions with their postings; one look into the entries' index for each account. */
function withPostings() {
  return expressionBuilder<TransactionTables & AccountTables>()
    .selectFrom('transactions as t')
    .selectAll('t')
    .select((eb) =>
      eb
        .selectFrom(elementsOf(eb.ref('t.account_nos'), 'n', 'account_no'))
        .innerJoinLateral(
          // The offset keeps the planner from reading all entries of an account.
          (of) =>
            of
              .selectFrom('entries')
              .selectAll()
              .whereRef('account_no', '=', 'n.account_no')
              .whereRef('position', '=', 't.position')
              .offset(of.lit(0))
              .as('e'),
          (join) => join.onTrue(),
        )
        .innerJoinLateral(
          // And here from reading all accounts, which look few while their statistics are old.
          (of) =>
            of
              .selectFrom('accounts')
              .select('account_id')
              .whereRef('account_no', '=', 'n.account_no')
              .offset(of.lit(0))
              .as('a'),
          (join) => join.onTrue(),
        )
        .select((of) =>
          // SQL as text: Kysely has no word for an object of named values, in an order.
          sql<readonly PostedAmount[]>`json_agg(json_build_object(
            'accountId', ${of.ref('a.account_id')}, 'direction', ${of.ref('e.direction')},
            'amount', ${of.ref('e.amount')}::text)
            order by ${of.ref('e.ordinal')})`.as('postings'),
        )
        .$asScalar()
        .as('postings'),
    );
}

export const transactions = defineKeyedTable({
  name: 'transactions',
  lastPosition: ['reversed_position', 'position'],
  key: 'transaction_id',
  unique: ['client_id'],
  mutable: ['reversed_by', 'reversed_position'],
  cacheRows: 0,
  // Each may have a thousand postings, and 100 KB of metadata.
  loadRows: 32,
  isOnlyWritten: true,
  columns,
  derived,
  source: withPostings(),
});

/** A transaction as the session has it, with its postings. */
export type PostedTransactionRow = RowOf<typeof transactions>;
/** As the database has it. */
export type TransactionRow = ReadRow<typeof columns>;
