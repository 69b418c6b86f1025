import {
  expressionBuilder,
  type AliasableExpression,
  type Expression,
  type Kysely,
  type SqlBool,
} from 'kysely';
import { anyOf, given, rowsOf } from '../../database/arrays';
import type { AccountRow, AccountTables } from '../accounts/account.table';
import type { SourceTables } from '../transactions/source.table';
import type { TransactionTables } from '../transactions/transaction.table';
import { referenceOf } from '../../engine/define/reference';
import { ACCRUAL_SOURCE, type InterestPeriodRow, type InterestTables } from './interest.table';

type InterestBooks = AccountTables & TransactionTables & SourceTables & InterestTables;

/** An account with the last row of its interest; everything of that is null before the first. */
export type InterestAccountRow = Pick<
  AccountRow,
  'account_no' | 'account_id' | 'client_id' | 'type' | 'currency' | 'digits' | 'closed_position'
> & { [K in LastColumn]: InterestPeriodRow[K] | null };
type LastColumn = 'through_date' | 'position' | 'balance' | 'accrued' | 'carried' | 'scan_after';

/** Accounts with the last rows of their interest, one look into the index of the periods each. */
function withLast(db: Kysely<InterestBooks>) {
  return db
    .selectFrom('accounts as a')
    .leftJoinLateral(
      (eb) =>
        eb
          .selectFrom('interest_periods')
          .select(['through_date', 'position', 'balance', 'accrued', 'carried', 'scan_after'])
          .whereRef('account_id', '=', 'a.account_id')
          .orderBy('through_date', 'desc')
          .orderBy('position', 'desc')
          .limit(1)
          .as('p'),
      (join) => join.onTrue(),
    )
    .select(['a.account_no', 'a.account_id', 'a.client_id', 'a.type', 'a.currency'])
    .select([
      'a.digits',
      'a.closed_position',
      'p.through_date',
      'p.position',
      'p.balance',
      'p.accrued',
    ])
    .select(['p.carried', 'p.scan_after']);
}

/** The open liability accounts of a currency in the order of their numbers, after one. */
export async function listLiabilities(
  db: Kysely<InterestBooks>,
  currency: string,
  after: number,
  limit: number,
): Promise<InterestAccountRow[]> {
  return withLast(db)
    .where('a.type', '=', 'liability')
    .where('a.currency', '=', currency)
    .where('a.closed_position', 'is', null)
    .where('a.account_no', '>', after)
    .orderBy('a.account_no')
    .limit(limit)
    .execute();
}

/** The accounts that references name, in their order; undefined where there is none. */
export async function findInterestAccounts(
  db: Kysely<InterestBooks>,
  references: readonly string[],
): Promise<(InterestAccountRow | undefined)[]> {
  const wanted = references.map((reference) => referenceOf(reference, 'account_id'));
  const ids = wanted.flatMap((w) => (w?.column === 'account_id' ? [w.value] : []));
  const clientIds = wanted.flatMap((w) => (w?.column === 'client_id' ? [w.value] : []));
  const byIds = db
    .selectFrom('accounts')
    .select('account_no')
    .where('account_id', '=', anyOf('uuid', ids));
  const byClientIds = db
    .selectFrom('accounts')
    .select('account_no')
    .where('client_id', 'is not', null)
    .where('client_id', '=', anyOf('text', clientIds));
  const rows = await withLast(db).where('a.account_no', 'in', byIds.union(byClientIds)).execute();
  const byId = new Map(rows.map((row) => [row.account_id, row]));
  const byClientId = new Map(rows.map((row) => [row.client_id, row]));
  return wanted.map(
    (w) => w && (w.column === 'account_id' ? byId.get(w.value) : byClientId.get(w.value)),
  );
}

/** What some entries of one account and one effective date change together. */
export interface ChangeRow {
  account_no: number;
  effective_date: string;
  /** Minor units, credits minus debits. */
  change: bigint;
  /** The lowest of their positions. */
  first_position: number;
}

/** Whether the transaction at a position posted interest, or undid one that did. */
function isInterest(db: Kysely<InterestBooks>, position: Expression<number>): Expression<SqlBool> {
  const transaction = db
    .selectFrom('transactions as t')
    .where('t.position', '=', position)
    .where((eb) =>
      eb.or([
        eb.exists(
          eb
            .selectFrom('transaction_sources as s')
            .whereRef('s.transaction_id', '=', 't.transaction_id')
            .where('s.source_type', '=', ACCRUAL_SOURCE),
        ),
        eb.and([
          eb('t.reverses', 'is not', null),
          eb.exists(postingsUndoneBy(db, eb.ref('t.reverses').$notNull())),
        ]),
      ]),
    );
  return expressionBuilder<InterestBooks>().exists(transaction);
}

/** Those among a transaction that is reversed, the one that it reversed, and so on. */
function postingsUndoneBy(db: Kysely<InterestBooks>, reversed: AliasableExpression<string>) {
  return db
    .withRecursive('undone(transaction_id, reverses)', (cte) =>
      cte
        .selectNoFrom((eb) => [
          reversed.as('transaction_id'),
          eb
            .selectFrom('transactions as o')
            .select('o.reverses')
            .where('o.transaction_id', '=', reversed)
            .as('reverses'),
        ])
        .unionAll(
          cte
            .selectFrom('undone as u')
            .innerJoin('transactions as o', 'o.transaction_id', 'u.reverses')
            .select(['o.transaction_id', 'o.reverses']),
        ),
    )
    .selectFrom('undone as u')
    .innerJoin('transaction_sources as s', 's.transaction_id', 'u.transaction_id')
    .where('s.source_type', '=', ACCRUAL_SOURCE);
}

/**
 * What was posted to accounts since their interest was computed last, by account and effective
 * date: entries that are newer, and older ones of later days. Interest itself is left out; an
 * account without an accrual can have none, which spares looking at most entries twice.
 */
export async function readChanges(
  db: Kysely<InterestBooks>,
  accounts: readonly InterestAccountRow[],
): Promise<ChangeRow[]> {
  const wanted = rowsOf('w', {
    account_no: given(
      'bigint',
      accounts.map((a) => a.account_no),
    ),
    scan_after: given(
      'bigint',
      accounts.map((a) => a.scan_after ?? 0),
    ),
    last_position: given(
      'bigint',
      accounts.map((a) => a.position),
    ),
    accrued_through: given(
      'date',
      accounts.map((a) => a.through_date),
    ),
  });
  return db
    .selectFrom(wanted)
    .crossJoinLateral((outer) =>
      outer
        .selectFrom('entries as e')
        .select((eb) => [
          'e.effective_date',
          eb.fn.min('e.position').as('first_position'),
          eb.fn
            .sum<bigint>(
              eb
                .case('e.direction')
                .when('credit')
                .then(eb.ref('e.amount'))
                .else(eb.neg('e.amount'))
                .end(),
            )
            .as('change'),
        ])
        .whereRef('e.account_no', '=', 'w.account_no')
        .whereRef('e.position', '>', 'w.scan_after')
        .where((eb) =>
          eb.or([
            eb('w.accrued_through', 'is', null),
            eb.and([
              eb.or([
                eb('e.position', '>', eb.ref('w.last_position')),
                eb('e.effective_date', '>', eb.ref('w.accrued_through')),
              ]),
              eb.not(isInterest(db, eb.ref('e.position'))),
            ]),
          ]),
        )
        .groupBy('e.effective_date')
        .as('c'),
    )
    .select(['w.account_no', 'c.effective_date', 'c.change', 'c.first_position'])
    .orderBy('w.account_no')
    .orderBy('c.effective_date')
    .execute();
}

/** Periods by account and day, those from a day on, each as its last event knew it. */
export async function readPeriods(
  db: Kysely<InterestBooks>,
  since: readonly { readonly accountId: string; readonly date: string }[],
): Promise<InterestPeriodRow[]> {
  const wanted = rowsOf('w', {
    account_id: given(
      'uuid',
      since.map((s) => s.accountId),
    ),
    first_date: given(
      'date',
      since.map((s) => s.date),
    ),
  });
  return db
    .selectFrom(wanted)
    .innerJoin('interest_periods as p', (join) =>
      join.onRef('p.account_id', '=', 'w.account_id').onRef('p.through_date', '>=', 'w.first_date'),
    )
    .distinctOn(['p.account_id', 'p.through_date'])
    .selectAll('p')
    .orderBy('p.account_id')
    .orderBy('p.through_date')
    .orderBy('p.position', 'desc')
    .execute();
}
