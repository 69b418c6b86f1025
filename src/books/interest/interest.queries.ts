import { expressionBuilder, type Expression, type Kysely, type SqlBool } from 'kysely';
import { anyOf, given, rowsOf } from '../../database/arrays';
import type { AccountRow, AccountTables } from '../accounts/account.table';
import { isInGroup } from '../accounts/account.queries';
import { normalSide } from '../accounts/account.view';
import type { SourceTables } from '../transactions/source.table';
import type { TransactionTables } from '../transactions/transaction.table';
import { referenceOf } from '../../engine/define/reference';
import { ACCRUAL_SOURCE, type InterestPeriodRow, type InterestTables } from './interest.table';

type InterestBooks = AccountTables & TransactionTables & SourceTables & InterestTables;

/** An account with the last row of its interest; everything of that is null before the first. */
export type InterestAccountRow = Pick<
  AccountRow,
  'account_no' | 'account_id' | 'client_id' | 'type' | 'currency' | 'digits' | 'closed_position'
> & { [K in LastColumn]: InterestPeriodRow[K] | null } & {
  /** Whether it was ever accrued, be it that all of that was reversed. */
  readonly was_accrued: boolean;
};
type LastColumn =
  | 'through_date'
  | 'from_date'
  | 'day_count'
  | 'counted_from'
  | 'position'
  | 'balance'
  | 'interest'
  | 'accrued'
  | 'carried'
  | 'scan_after';

/** Rows of accruals that were not reversed: no others count. */
function validPeriods(db: Kysely<InterestBooks>) {
  return db
    .selectFrom('interest_periods as p')
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('interest_accruals as r')
            .select('r.accrual_no')
            .whereRef('r.accrual_no', '=', 'p.accrual_no')
            .where('r.reversed_position', 'is not', null),
        ),
      ),
    );
}

/** Accounts with the last rows of their interest, one look into the index of the periods each. */
function withLast(db: Kysely<InterestBooks>) {
  return db
    .selectFrom('accounts as a')
    .leftJoinLateral(
      () =>
        validPeriods(db)
          .select(['p.through_date', 'p.from_date', 'p.day_count', 'p.counted_from'])
          .select(['p.position', 'p.balance', 'p.interest', 'p.accrued', 'p.carried'])
          .select('p.scan_after')
          .where(
            'p.account_id',
            '=',
            expressionBuilder<{ a: AccountTables['accounts'] }, 'a'>().ref('a.account_id'),
          )
          .orderBy('p.through_date', 'desc')
          .orderBy('p.position', 'desc')
          .limit(1)
          .as('p'),
      (join) => join.onTrue(),
    )
    .select(['a.account_no', 'a.account_id', 'a.client_id', 'a.type', 'a.currency'])
    .select(['a.digits', 'a.closed_position', 'p.through_date', 'p.from_date', 'p.day_count'])
    .select(['p.counted_from', 'p.position', 'p.balance', 'p.interest', 'p.accrued'])
    .select(['p.carried', 'p.scan_after'])
    .select((eb) =>
      eb
        .exists(
          eb
            .selectFrom('interest_periods as e')
            .select('e.position')
            .whereRef('e.account_id', '=', 'a.account_id'),
        )
        .$castTo<boolean>()
        .as('was_accrued'),
    );
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

/** The open accounts of a group and of all below it, in the order in which they were opened. */
export function readGroupAccounts(
  db: Kysely<InterestBooks>,
  { group, after, limit }: { group: string; after: number; limit: number },
): Promise<InterestAccountRow[]> {
  return withLast(db)
    .where((eb) => isInGroup(eb.ref('a.account_group'), eb.val(group)))
    .where('a.closed_position', 'is', null)
    .where('a.account_no', '>', after)
    .orderBy('a.account_no')
    .limit(limit)
    .execute();
}

/** What some entries of one account and one effective date change together. */
export interface ChangeRow {
  account_no: number;
  effective_date: string;
  /** Whether they were posted into days that had been accrued by then. */
  is_backdated: boolean;
  /** Minor units on the account's normal side; without interest. */
  cash: bigint;
  /** Interest that was posted, less what was taken back. */
  interest: bigint;
  /** The lowest of their positions. */
  first_position: number;
}

/** Whether the transaction at a position is part of an accrual, or of the reversal of one. */
function isInterest(db: Kysely<InterestBooks>, position: Expression<number>): Expression<SqlBool> {
  const transaction = db
    .selectFrom('transactions as t')
    .innerJoin('transaction_sources as s', 's.transaction_id', 't.transaction_id')
    .select('t.position')
    .where('t.position', '=', position)
    .where('s.source_type', '=', ACCRUAL_SOURCE);
  return expressionBuilder<InterestBooks>().exists(transaction);
}

/** What is asked of an account's entries. */
function wantedEntries(accounts: readonly InterestAccountRow[]) {
  const each = <T>(value: (account: InterestAccountRow) => T) => accounts.map(value);
  return rowsOf('w', {
    account_no: given(
      'bigint',
      each((a) => a.account_no),
    ),
    increase: given(
      'text',
      each((a) => normalSide(a.type)),
    ),
    was_accrued: given(
      'boolean',
      each((a) => a.was_accrued),
    ),
    reads_all: given(
      'boolean',
      each((a) => !knowsItsInterest(a)),
    ),
    scan_after: given(
      'bigint',
      each((a) => (knowsItsInterest(a) ? (a.scan_after ?? 0) : 0)),
    ),
    last_position: given(
      'bigint',
      each((a) => a.position),
    ),
    accrued_through: given(
      'date',
      each((a) => a.through_date),
    ),
  });
}

/**
 * Whether an account's last accrual says what of its balance is interest, as all do but those of
 * older versions.
 */
export function knowsItsInterest({ through_date, interest }: InterestAccountRow): boolean {
  return through_date === null || interest !== null;
}

/**
 * What was posted to accounts since their interest was computed last, by account and effective
 * date: entries that are newer, and older ones of later days; of accounts that do not know their
 * interest, everything. An account that was never accrued has no interest, which spares looking at
 * most entries twice.
 */
export async function readChanges(
  db: Kysely<InterestBooks>,
  accounts: readonly InterestAccountRow[],
): Promise<ChangeRow[]> {
  return db
    .selectFrom(wantedEntries(accounts))
    .crossJoinLateral((outer) => {
      const ref = outer.ref.bind(outer);
      const entries = db
        .selectFrom('entries as e')
        .select(['e.effective_date', 'e.position'])
        .select((eb) => {
          const isLate = eb('e.position', '>', ref('w.last_position'));
          const isAccrued = eb('e.effective_date', '<=', ref('w.accrued_through'));
          const amount = eb
            .case()
            .when(eb('e.direction', '=', ref('w.increase')))
            .then(eb.ref('e.amount'))
            .else(eb.neg('e.amount'))
            .end();
          return [
            amount.as('amount'),
            eb.fn
              .coalesce(eb.and([isLate, isAccrued]), eb.lit(false))
              .$castTo<boolean>()
              .as('is_backdated'),
            eb.and([ref('w.was_accrued'), isInterest(db, eb.ref('e.position'))]).as('is_interest'),
          ];
        })
        .where('e.account_no', '=', ref('w.account_no'))
        .where('e.position', '>', ref('w.scan_after'))
        .where((eb) =>
          eb.or([
            eb(ref('w.accrued_through'), 'is', null),
            ref('w.reads_all'),
            eb('e.position', '>', ref('w.last_position')),
            eb('e.effective_date', '>', ref('w.accrued_through')),
          ]),
        );
      return outer
        .selectFrom(entries.as('e'))
        .select(['e.effective_date', 'e.is_backdated'])
        .select((eb) => {
          const sum = eb.fn.sum<bigint | null>('e.amount');
          const cash = sum.filterWhere('e.is_interest', '=', false);
          const interest = sum.filterWhere('e.is_interest', '=', true);
          return [
            eb.fn.coalesce(cash, eb.val(0n)).as('cash'),
            eb.fn.coalesce(interest, eb.val(0n)).as('interest'),
            eb.fn.min('e.position').as('first_position'),
          ];
        })
        .groupBy(['e.effective_date', 'e.is_backdated'])
        .as('c');
    })
    .select(['w.account_no', 'c.effective_date', 'c.is_backdated', 'c.cash', 'c.interest'])
    .select('c.first_position')
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
  return validPeriods(db)
    .innerJoin(wanted, (join) =>
      join.onRef('p.account_id', '=', 'w.account_id').onRef('p.through_date', '>=', 'w.first_date'),
    )
    .distinctOn(['p.account_id', 'p.through_date'])
    .selectAll('p')
    .orderBy('p.account_id')
    .orderBy('p.through_date')
    .orderBy('p.position', 'desc')
    .execute();
}
