import { sql, type Kysely } from 'kysely';
import type { AccountRow } from '../accounts/account.table';
import { referenceOf } from '../../engine/define/reference';
import type { InterestPeriodRow } from './interest.table';

/** An account with the last row of its interest; everything of that is null before the first. */
export type InterestAccountRow = Pick<
  AccountRow,
  'account_no' | 'account_id' | 'client_id' | 'type' | 'currency' | 'closed_position'
> & { [K in LastColumn]: InterestPeriodRow[K] | null };
type LastColumn = 'through_date' | 'position' | 'balance' | 'accrued' | 'carried' | 'scan_after';

const withLast = sql`
  select a.account_no, a.account_id, a.client_id, a.type, a.currency, a.closed_position,
    p.through_date, p.position, p.balance, p.accrued, p.carried, p.scan_after
  from accounts a
  left join lateral (
    select through_date, position, balance, accrued, carried, scan_after
    from interest_periods where account_id = a.account_id
    order by through_date desc, position desc limit 1
  ) p on true`;

/** The open liability accounts of a currency in the order of their numbers, after one. */
export async function listLiabilities(
  db: Kysely<unknown>,
  currency: string,
  after: number,
  limit: number,
): Promise<InterestAccountRow[]> {
  const { rows } = await sql<InterestAccountRow>`
    ${withLast}
    where a.type = 'liability' and a.currency = ${currency} and a.closed_position is null
      and a.account_no > ${after}
    order by a.account_no limit ${limit}`.execute(db);
  return rows;
}

/** The accounts that references name, in their order; undefined where there is none. */
export async function findInterestAccounts(
  db: Kysely<unknown>,
  references: readonly string[],
): Promise<(InterestAccountRow | undefined)[]> {
  const wanted = references.map((reference) => referenceOf(reference, 'account_id'));
  const ids = wanted.flatMap((w) => (w?.column === 'account_id' ? [w.value] : []));
  const clientIds = wanted.flatMap((w) => (w?.column === 'client_id' ? [w.value] : []));
  const { rows } = await sql<InterestAccountRow>`
    ${withLast}
    where a.account_no in (
      select account_no from accounts where account_id = any(${ids}::uuid[])
      union
      select account_no from accounts
      where client_id is not null and client_id = any(${clientIds}::text[])
    )`.execute(db);
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

/** Whether the entry `e` is of a transaction that posted interest, or that undid such a one. */
const isInterest = sql`exists (
  select from transactions t
  where t.position = e.position and (
    exists (select from interest_postings i where i.transaction_id = t.transaction_id)
    or t.reverses is not null and exists (
      with recursive undone (transaction_id, reverses) as (
        select t.reverses, (select o.reverses from transactions o
          where o.transaction_id = t.reverses)
        union all
        select o.transaction_id, o.reverses
        from undone u join transactions o on o.transaction_id = u.reverses
      )
      select from undone join interest_postings using (transaction_id)
    )
  )
)`;

/**
 * What was posted to accounts since their interest was computed last, by account and effective
 * date: entries that are newer, and older ones of later days. Interest itself is left out; an
 * account without an accrual can have none, which spares looking at most entries twice.
 */
export async function readChanges(
  db: Kysely<unknown>,
  accounts: readonly InterestAccountRow[],
): Promise<ChangeRow[]> {
  const numbers = accounts.map((a) => a.account_no);
  const scanAfter = accounts.map((a) => a.scan_after ?? 0);
  const lastPositions = accounts.map((a) => a.position);
  const accruedThrough = accounts.map((a) => a.through_date);
  const { rows } = await sql<ChangeRow>`
    select w.account_no, c.effective_date, c.change, c.first_position
    from unnest(${numbers}::bigint[], ${scanAfter}::bigint[], ${lastPositions}::bigint[],
      ${accruedThrough}::date[]) as w(account_no, scan_after, last_position, accrued_through)
    cross join lateral (
      select e.effective_date, min(e.position) as first_position,
        sum(case e.direction when 'credit' then e.amount else -e.amount end) as change
      from entries e
      where e.account_no = w.account_no and e.position > w.scan_after
        and (w.accrued_through is null
          or (e.position > w.last_position or e.effective_date > w.accrued_through)
            and not ${isInterest})
      group by e.effective_date
    ) c
    order by w.account_no, c.effective_date`.execute(db);
  return rows;
}

/** Periods by account and day, those from a day on, each as its last event knew it. */
export async function readPeriods(
  db: Kysely<unknown>,
  since: readonly { readonly accountId: string; readonly date: string }[],
): Promise<InterestPeriodRow[]> {
  const { rows } = await sql<InterestPeriodRow>`
    select distinct on (p.account_id, p.through_date) p.*
    from unnest(${since.map((s) => s.accountId)}::uuid[], ${since.map((s) => s.date)}::date[])
      as w(account_id, first_date)
    join interest_periods p
      on p.account_id = w.account_id and p.through_date >= w.first_date
    order by p.account_id, p.through_date, p.position desc`.execute(db);
  return rows;
}
