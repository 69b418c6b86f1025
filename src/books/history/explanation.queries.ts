import type { Kysely } from 'kysely';
import type { StateDatabase } from '../../engine/define/state-table';
import type { Order } from '../../engine/session/page-rows';
import { formatAmount } from '../../money/amount';
import { readAccount } from '../accounts/account.queries';
import type { ShownAccountRow } from '../accounts/account.table';
import { balanceOf, normalSide, reachOf } from '../accounts/account.view';
import { listHolds } from '../holds/hold.queries';
import { holdView } from '../holds/hold.view';
import { listSchedules, readRuns } from '../schedules/schedule.queries';
import { scheduleView } from '../schedules/schedule.view';
import type { BalanceExplanationDto, ExplainedEntryDto } from './explanation.dto';

/** Entries that are shown of each end, and holds and scheduled transactions. */
const SHOWN = { entries: 10, holds: 50, scheduled: 50 } as const;

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
  const sums = await sumsOf(db, accountNo, counted);
  const first = await entriesOf(db, account, counted, 'asc');
  const last = await entriesOf(db, account, counted, 'desc');
  const holds = await listHolds(db, { accountNo, status: 'held' }, 0, SHOWN.holds);
  const due = { accountNo, status: 'scheduled' } as const;
  const scheduled = await listSchedules(db, due, 0, SHOWN.scheduled);
  const runs = await readRuns(db, scheduled.rows);
  const totals = { ...account, debits: sums.debits, credits: sums.credits };
  return {
    balance: formatAmount(balanceOf(type, sums.debits, sums.credits), digits),
    available: formatAmount(reachOf(type, totals).available, digits),
    entries: sums.entries,
    firstEntries: first,
    lastEntries: last.toReversed(),
    holds: holds.rows.map(holdView),
    scheduled: scheduled.rows.map((row) => scheduleView(row, runs.get(row.schedule_no) ?? [])),
  };
}

function entriesThat(
  db: Kysely<StateDatabase>,
  accountNo: number,
  { asOf, position = Number.MAX_SAFE_INTEGER }: Counted,
) {
  const entries = db
    .selectFrom('entries as e')
    .where('e.account_no', '=', accountNo)
    .where('e.position', '<=', position);
  return asOf === undefined ? entries : entries.where('e.effective_date', '<=', asOf);
}

/** Counted anew, and not taken from what the last entry says: an explanation adds up by itself. */
async function sumsOf(db: Kysely<StateDatabase>, accountNo: number, counted: Counted) {
  const row = await entriesThat(db, accountNo, counted)
    .select((eb) => {
      const amount = eb.fn.sum<bigint | null>('e.amount');
      return [
        eb.fn.countAll<number>().as('entries'),
        amount.filterWhere('e.direction', '=', 'debit').as('debits'),
        amount.filterWhere('e.direction', '=', 'credit').as('credits'),
      ];
    })
    .executeTakeFirstOrThrow();
  return { entries: row.entries, debits: row.debits ?? 0n, credits: row.credits ?? 0n };
}

async function entriesOf(
  db: Kysely<StateDatabase>,
  { account_no, type, digits }: Pick<ShownAccountRow, 'account_no' | 'type' | 'digits'>,
  counted: Counted,
  order: Order,
): Promise<ExplainedEntryDto[]> {
  const rows = await db
    .selectFrom(
      entriesThat(db, account_no, counted)
        .select(['e.position', 'e.ordinal', 'e.direction', 'e.amount'])
        .orderBy('e.position', order)
        .orderBy('e.ordinal', order)
        .limit(SHOWN.entries)
        .as('e'),
    )
    .innerJoin('transactions as t', 't.position', 'e.position')
    .select(['e.position', 'e.direction', 'e.amount', 't.transaction_id'])
    .orderBy('e.position', order)
    .orderBy('e.ordinal', order)
    .execute();
  const side = normalSide(type);
  return rows.map(({ position, direction, amount, transaction_id }) => ({
    position,
    amount: formatAmount(direction === side ? amount : -amount, digits),
    transactionId: transaction_id,
  }));
}
