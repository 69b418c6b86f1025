import { sql, type Kysely } from 'kysely';
import type { StateDatabase } from '../../engine/define/state-table';
import type { Order } from '../../engine/session/page-rows';
import { formatAmount } from '../../money/amount';
import { readAccount } from '../accounts/account.queries';
import type { ShownAccountRow } from '../accounts/account.table';
import { balanceOf, normalSide, reachOf } from '../accounts/account.view';
import { firstLater, readTotalsOn } from '../accounts/dated-totals.queries';
import { listHolds } from '../holds/hold.queries';
import { holdView } from '../holds/hold.view';
import { listSchedules, readRuns } from '../schedules/schedule.queries';
import { scheduleView } from '../schedules/schedule.view';
import type { BalanceExplanationDto, ExplainedEntryDto } from './explanation.dto';

/** Entries that are shown of each end, and holds and scheduled transactions. */
const SHOWN = { entries: 10, holds: 50, scheduled: 50 } as const;

/** So many entries are counted: more make a number of no use, and are looked at one by one. */
const MOST_COUNTED = 10_000;

/** Which entries count: effective and posted until then, both included. */
interface Counted {
  readonly asOf: string | undefined;
  readonly position: number | undefined;
}

/** What a balance rests on; undefined where there is no such account. One snapshot. */
export async function explainBalance(
  db: Kysely<StateDatabase>,
  reference: string,
  counted: Counted,
): Promise<Omit<BalanceExplanationDto, 'asOf' | 'position'> | undefined> {
  const account = await readAccount(db, reference, counted.position);
  if (!account) return undefined;
  const { account_no: accountNo, type, digits } = account;
  const sums = await sumsOf(db, account, counted);
  const entries = await countedEntries(db, accountNo, counted);
  const first = await entriesOf(db, account, entries, 'asc');
  const last = await entriesOf(db, account, entries, 'desc');
  const holds = await listHolds(db, { accountNo, status: 'held' }, 0, SHOWN.holds);
  const due = { accountNo, status: 'scheduled' } as const;
  const scheduled = await listSchedules(db, due, 0, SHOWN.scheduled);
  const runs = await readRuns(db, scheduled.rows);
  const totals = { ...account, debits: sums.debits, credits: sums.credits };
  return {
    balance: formatAmount(balanceOf(type, sums.debits, sums.credits), digits),
    available: formatAmount(reachOf(type, totals).available, digits),
    entries: await countOf(db, entries),
    firstEntries: first,
    lastEntries: last.toReversed(),
    holds: holds.rows.map(holdView),
    scheduled: scheduled.rows.map((row) => scheduleView(row, runs.get(row.schedule_no) ?? [])),
  };
}

/** The sums of what counts, by the roll-up of its dates, or as the account has them. */
async function sumsOf(
  db: Kysely<StateDatabase>,
  { account_no: accountNo, debits, credits }: ShownAccountRow,
  { asOf, position }: Counted,
) {
  if (asOf === undefined) return { debits, credits };
  const [totals] = await readTotalsOn(db, { accountNo, dates: [asOf], position });
  return totals!;
}

/** Entries that count, without looking at those that do not: signed, debits above zero. */
interface CountedEntries {
  readonly accountNo: number;
  /** The last event that counts. */
  readonly position: number;
  /** From where on there are others; what came late behind it may count. */
  readonly later: { readonly position: number; readonly asOf: string } | undefined;
}

async function countedEntries(
  db: Kysely<StateDatabase>,
  accountNo: number,
  { asOf, position = Number.MAX_SAFE_INTEGER }: Counted,
): Promise<CountedEntries> {
  if (asOf === undefined) return { accountNo, position, later: undefined };
  const account = sql<number>`${accountNo}::bigint`;
  const first = firstLater(account, sql<string>`${asOf}::date`).as('f');
  const found = await db.selectFrom(first).select('f.position').executeTakeFirst();
  const later = found && found.position <= position ? { ...found, asOf } : undefined;
  return { accountNo, position, later };
}

/** They stand before the first entry of a later day, or came late behind it. */
function partsOf(db: Kysely<StateDatabase>, { accountNo, position, later }: CountedEntries) {
  const before = db
    .selectFrom('entries as e')
    .select((eb) => {
      const isDebit = eb.case().when('e.direction', '=', 'debit');
      const net = isDebit
        .then(eb.ref('e.amount'))
        .else(eb.neg(eb.ref('e.amount')))
        .end();
      return ['e.position', 'e.ordinal', net.as('net')];
    })
    .where('e.account_no', '=', accountNo)
    .where('e.position', '<=', later ? later.position - 1 : position);
  if (!later) return [before];
  const behind = db
    .selectFrom('late_entries as e')
    .select((eb) => ['e.position', 'e.ordinal', eb('e.debit', '-', eb.ref('e.credit')).as('net')])
    .where('e.account_no', '=', accountNo)
    .where('e.position', '>', later.position)
    .where('e.position', '<=', position)
    .where('e.effective_date', '<=', later.asOf);
  return [before, behind];
}

/** How many there are; null: more than are counted. */
async function countOf(db: Kysely<StateDatabase>, counted: CountedEntries): Promise<number | null> {
  let count = 0;
  for (const part of partsOf(db, counted)) {
    const { found } = await db
      .selectFrom(part.limit(MOST_COUNTED + 1).as('e'))
      .select((eb) => eb.fn.countAll<number>().as('found'))
      .executeTakeFirstOrThrow();
    count += found;
  }
  return count > MOST_COUNTED ? null : count;
}

async function entriesOf(
  db: Kysely<StateDatabase>,
  { type, digits }: Pick<ShownAccountRow, 'type' | 'digits'>,
  counted: CountedEntries,
  order: Order,
): Promise<ExplainedEntryDto[]> {
  const [first, ...others] = partsOf(db, counted).map((part) => {
    const ends = part.orderBy('e.position', order).orderBy('e.ordinal', order);
    return db.selectFrom(ends.limit(SHOWN.entries).as('p')).selectAll();
  });
  const all = others.reduce((union, one) => union.unionAll(one), first!);
  const rows = await db
    .selectFrom(all.as('e'))
    .innerJoin('transactions as t', 't.position', 'e.position')
    .select(['e.position', 'e.net', 't.transaction_id'])
    .orderBy('e.position', order)
    .orderBy('e.ordinal', order)
    .limit(SHOWN.entries)
    .execute();
  const isDebit = normalSide(type) === 'debit';
  return rows.map(({ position, net, transaction_id }) => ({
    position,
    amount: formatAmount(isDebit ? net : -net, digits),
    transactionId: transaction_id,
  }));
}
