import { expressionBuilder, sql, type Expression, type Kysely } from 'kysely';
import { anyOf } from '../../database/arrays';
import { referenceOf } from '../../engine/define/reference';
import type { KeyedTable, StateDatabase } from '../../engine/define/state-table';
import type { EventRange, Touched } from '../../outside/events/event-subject.queries';
import { webhookSubscriptions } from '../../outside/webhooks/webhook.table';
import { accounts } from '../accounts/account.table';
import { companies } from '../companies/company.table';
import { holds } from '../holds/hold.table';
import { orders } from '../orders/order.table';
import { transactions } from '../transactions/transaction.table';

/** What events are found by, with the table whose rows have its id. */
const SUBJECTS = {
  account: accounts,
  transaction: transactions,
  company: companies,
  order: orders,
  hold: holds,
  subscription: webhookSubscriptions,
} as const satisfies Record<string, KeyedTable<never>>;
export type SubjectKind = keyof typeof SUBJECTS;

/** Something that a caller named. */
export interface Subject {
  readonly kind: SubjectKind;
  readonly reference: string;
  /** Of an account, which may have very many of one kind: undefined stands for both. */
  readonly only?: 'postings' | 'others' | undefined;
}

/**
 * The id of what a caller named; null where there is none. SQL as text: the builder knows no table
 * whose name is a value.
 */
function idOf({ kind, reference }: Subject): Expression<string> {
  const table = SUBJECTS[kind];
  const found = referenceOf(reference, table.key);
  if (found?.column !== 'client_id') return sql<string>`${found?.value ?? null}::uuid`;
  return sql<string>`(select ${sql.ref(table.key)} from ${sql.table(table.name)}
    where ${sql.ref(found.column)} = ${found.value})`;
}

const books = expressionBuilder<StateDatabase>();

/** The positions of the events that touched something, by the tables that know them. */
function placesOf(subject: Subject) {
  const id = idOf(subject);
  const named = books
    .selectFrom('subject_positions')
    .select('position')
    .where('subject_id', '=', id);
  switch (subject.kind) {
    case 'account': {
      const account = books
        .selectFrom('accounts')
        .select('account_no')
        .where('account_id', '=', id);
      const entries = books.selectFrom('entries').select('position').distinct();
      const posted = entries.where('account_no', '=', account);
      const held = books
        .selectFrom('hold_entries')
        .select('position')
        .where('account_no', '=', account);
      if (subject.only === undefined) return [named, held, posted];
      return subject.only === 'postings' ? [posted] : [named, held];
    }
    case 'transaction': {
      const posted = books.selectFrom('transactions').where('transaction_id', '=', id);
      const reversed = posted.select((eb) => eb.ref('reversed_position').$notNull().as('position'));
      const amended = books
        .selectFrom('event_amendments')
        .select('position')
        .where('amended_position', '=', posted.select('position').$asScalar());
      const reversal = reversed.where('reversed_position', 'is not', null);
      return [named, posted.select('position'), reversal, amended];
    }
    default:
      return [named];
  }
}

/**
 * The positions of the first events of a range that touched all of some things, in order; as many
 * looks into indexes as are answered.
 * @param subjects one at least, that of which the fewest events are first
 */
export async function positionsOf(
  db: Kysely<StateDatabase>,
  [first, ...others]: readonly [Subject, ...Subject[]],
  { least, most, order }: EventRange,
  limit: number,
): Promise<number[]> {
  const [place, ...places] = placesOf(first).map((query) =>
    books
      .selectFrom((eb) =>
        eb
          .selectFrom(query.as('q'))
          .select('q.position')
          .where('q.position', '>=', least)
          .where('q.position', '<=', most)
          .orderBy('q.position', order)
          .limit(limit)
          .as('p'),
      )
      .select('p.position'),
  );
  const all = places.reduce((union, one) => union.union(one), place!);
  const rows = await db
    .selectFrom(all.as('p'))
    .select('p.position')
    .orderBy('p.position', order)
    .limit(limit)
    .execute();
  let positions = rows.map((row) => row.position);
  for (const other of others) positions = await amongst(db, other, positions);
  return positions;
}

/** Those of some positions whose events touched something. */
async function amongst(
  db: Kysely<StateDatabase>,
  subject: Subject,
  positions: readonly number[],
): Promise<number[]> {
  const [place, ...places] = placesOf(subject).map((query) =>
    books
      .selectFrom(query.as('q'))
      .select('q.position')
      .where('q.position', '=', anyOf('bigint', positions)),
  );
  const all = places.reduce((union, one) => union.union(one), place!);
  const rows = await db.selectFrom(all.as('p')).select('p.position').execute();
  const touched = new Set(rows.map((row) => row.position));
  return positions.filter((position) => touched.has(position));
}

/** The ids of things that are there; undefined where one is not. */
export async function idsOf(
  db: Kysely<StateDatabase>,
  subjects: readonly Subject[],
): Promise<readonly string[] | undefined> {
  const ids = subjects.map((subject) => idOf(subject));
  // SQL as text: the builder knows no list of expressions that are as many as there happen to be.
  const { ids: found } = await db
    .selectNoFrom(sql<(string | null)[]>`array[${sql.join(ids)}]::uuid[]`.as('ids'))
    .executeTakeFirstOrThrow();
  return found.every((id) => id !== null) ? found : undefined;
}

/** What {@link positionsOf} finds accounts and transactions by, of the events of a range. */
export async function touchedBy(
  db: Kysely<StateDatabase>,
  after: number,
  upTo: number,
): Promise<Touched> {
  const rows = await db
    .selectFrom('subject_positions')
    .select(['position', 'subject_id as id'])
    .where('position', '>', after)
    .where('position', '<=', upTo)
    .unionAll(
      books
        .selectFrom('entries as e')
        .innerJoin('accounts as a', 'a.account_no', 'e.account_no')
        .select(['e.position', 'a.account_id as id'])
        .where('e.position', '>', after)
        .where('e.position', '<=', upTo),
    )
    .unionAll(
      books
        .selectFrom('hold_entries as h')
        .innerJoin('accounts as a', 'a.account_no', 'h.account_no')
        .select(['h.position', 'a.account_id as id'])
        .where('h.position', '>', after)
        .where('h.position', '<=', upTo),
    )
    .unionAll(
      books
        .selectFrom('transactions')
        .select(['position', 'transaction_id as id'])
        .where('position', '>', after)
        .where('position', '<=', upTo),
    )
    .unionAll(
      books
        .selectFrom('transactions')
        .select((eb) => ['position', eb.ref('reverses').$notNull().as('id')])
        .where('position', '>', after)
        .where('position', '<=', upTo)
        .where('reverses', 'is not', null),
    )
    .unionAll(
      books
        .selectFrom('event_amendments as m')
        .innerJoin('transactions as t', 't.position', 'm.amended_position')
        .select(['m.position', 't.transaction_id as id'])
        .where('m.position', '>', after)
        .where('m.position', '<=', upTo),
    )
    .execute();
  const touched = new Map<number, Set<string>>();
  for (const { position, id } of rows) {
    const others = touched.get(position);
    if (others) others.add(id);
    else touched.set(position, new Set([id]));
  }
  return touched;
}
