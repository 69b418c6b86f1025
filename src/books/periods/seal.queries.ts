import { expressionBuilder, sql, type Expression, type Kysely } from 'kysely';
import { ServerCursor } from '../../database/server-cursor';
import { accountsAsOf, type AccountRow, type AccountTables } from '../accounts/account.table';
import type { PeriodCloseRow, PeriodTables } from './period.table';
import { TrialBalanceSeal, type Seal, type SealedAccount } from './seal';

type Books = AccountTables & PeriodTables;

/** Accounts that are read at a time. */
export const ACCOUNTS_PER_PAGE = 9_990;

/** An account as of a day. */
export type BalancedAccount = SealedAccount & Pick<AccountRow, 'type'>;

/**
 * The balances of accounts as of a day, currencies and in them ids in order: what they are now, one
 * look into the index of the entries each, less what was posted with a later date. That was written
 * since that day, and no block of earlier ones is looked at.
 */
export function balancesAsOf(db: Kysely<AccountTables>, through: string) {
  const later = db
    .selectFrom('entries')
    .select('account_no')
    .select((eb) => eb.fn.sum<bigint>(signed(eb.ref('direction'), eb.ref('amount'))).as('net'))
    .where('effective_date', '>', through)
    .groupBy('account_no');
  return db
    .selectFrom(accountsAsOf().as('a'))
    .leftJoin(later.as('l'), 'l.account_no', 'a.account_no')
    .select(['a.account_id', 'a.currency', 'a.digits', 'a.type'])
    .select((eb) => {
      const now = eb('a.debits', '-', eb.ref('a.credits'));
      return eb(now, '-', eb.fn.coalesce('l.net', eb.val(0n))).as('net');
    })
    .orderBy(
      (eb) => eb.ref('a.currency'),
      (order) => order.collate('C'),
    )
    .orderBy('a.account_id');
}

/** An amount as it counts to a balance on the debit side. */
function signed(direction: Expression<string>, amount: Expression<bigint>) {
  const eb = expressionBuilder<Books>();
  return eb
    .case()
    .when(eb(direction, '=', 'debit'))
    .then(amount)
    .else(eb.neg(amount))
    .end();
}

/** Seals the trial balance as of a day. Memory does not grow with the accounts. */
export async function sealAsOf(db: Kysely<AccountTables>, through: string): Promise<Seal> {
  const seal = new TrialBalanceSeal();
  const rows = balancesAsOf(db, through);
  for await (const page of ServerCursor.pagesOf(db, rows, ACCOUNTS_PER_PAGE)) {
    for (const account of page) seal.add(account);
  }
  return seal.finish();
}

type KnownClose = Pick<
  PeriodCloseRow,
  'close_no' | 'close_id' | 'through_date' | 'sealed_position' | 'digest' | 'totals'
>;

/** A close in force with what the state says of its trial balance. */
export interface RecomputedSeal {
  readonly close: KnownClose;
  readonly seal: Seal;
}

/**
 * Computes the seals in force again, all of them in one pass over the entries: no day of theirs was
 * posted to since, so what a seal counted are all entries until its day. Memory grows with the
 * number of seals, time with that of the accounts for each seal besides.
 * @param after only closes of later events
 */
export async function recomputeSeals(db: Kysely<Books>, after: number): Promise<RecomputedSeal[]> {
  const closes = await db
    .selectFrom('period_closes')
    .select(['close_no', 'close_id', 'through_date', 'sealed_position', 'digest', 'totals'])
    .where('reopened_position', 'is', null)
    .where('close_no', '>', after)
    .orderBy('close_no')
    .execute();
  if (closes.length === 0) return [];
  const seals = closes.map((close) => ({ close, made: new TrialBalanceSeal() }));
  const rows = sumsByClose(db, closes);
  let last: SummedAccount | undefined;
  let nets: bigint[] = [];
  const add = (account: SummedAccount) => {
    let net = 0n;
    for (const [i, { close, made }] of seals.entries()) {
      net += nets[i] ?? 0n;
      if (account.account_no <= close.sealed_position) made.add({ ...account, net });
    }
  };
  for await (const page of ServerCursor.pagesOf(db, rows, ACCOUNTS_PER_PAGE)) {
    for (const row of page) {
      if (last && last.account_no !== row.account_no) {
        add(last);
        nets = [];
      }
      last = row;
      if (row.close !== null) nets[row.close] = row.net;
    }
  }
  if (last) add(last);
  return seals.map(({ close, made }) => ({ close, seal: made.finish() }));
}

type SummedAccount = SealedAccount & Pick<AccountRow, 'account_no'> & { close: number | null };

/**
 * Every account with what was posted to it in each of the periods that end with closes, a row each,
 * in the order of seals; one without entries has one row.
 */
function sumsByClose(db: Kysely<Books>, closes: readonly KnownClose[]) {
  const days = closes.map((close) => close.through_date);
  const dated = db
    .selectFrom('entries')
    .select('account_no')
    .select((eb) => [
      // SQL as text: the builder has no word for buckets. The first one ends with the first day.
      sql<number>`width_bucket(${eb.ref('effective_date')} - 1, ${days}::date[])`.as('close'),
      signed(eb.ref('direction'), eb.ref('amount')).as('net'),
    ])
    .where('effective_date', '<=', days.at(-1)!);
  const sums = db
    .selectFrom(dated.as('d'))
    .select(['d.account_no', 'd.close'])
    .select((eb) => eb.fn.sum<bigint>('d.net').as('net'))
    .groupBy(['d.account_no', 'd.close']);
  return db
    .selectFrom('accounts as a')
    .leftJoin(sums.as('s'), 's.account_no', 'a.account_no')
    .select(['a.account_no', 'a.account_id', 'a.currency', 'a.digits', 's.close'])
    .select((eb) => eb.fn.coalesce('s.net', eb.val(0n)).as('net'))
    .orderBy(
      (eb) => eb.ref('a.currency'),
      (order) => order.collate('C'),
    )
    .orderBy('a.account_id')
    .orderBy('s.close');
}
