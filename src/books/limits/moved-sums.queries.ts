import type { Kysely } from 'kysely';
import { column } from '../../database/column';
import { defineLookup, type StateDatabase } from '../../engine/define/state-table';
import type { AccountRow } from '../accounts/account.table';
import type { Direction } from '../transactions/transaction.events';
import { committed, heldAmount, isCounted, placesAs } from './moved.queries';
import type { MovedThrough, Place } from './moved.queries';

/** After so many events that may have changed an account it is summed up again. */
const EVENTS_PER_SUM = 10_000;

/**
 * What moved since an instant, up to what is committed. It is read where a limit meets an account
 * that it has not counted before; a refusal keeps nothing, and the next command finds it here.
 */
export const movedSums = defineLookup({
  name: 'sums of what moved',
  key: 'key',
  columns: {
    /** See {@link sumKey}. */
    key: column.text(),
    /** Minor units. */
    amount: column.numeric(),
    /** Of transactions and holds. */
    count: column.bigint(),
    /** A position until which everything was recorded before the instant, and behind which none. */
    after: column.bigint(),
    /** Up to there everything is counted. */
    through: column.bigint(),
  },
  cacheRows: 10_000,
  read: async (db, keys) => {
    const through = await committed(db);
    const sinces = keys.map(sinceOf);
    const after = new Map<string, number>();
    for (const instant of new Set(sinces.map((since) => since.instant))) {
      after.set(instant, await positionBefore(db, through, instant));
    }
    const places = sinces.map((since) => ({ ...since, after: after.get(since.instant)! }));
    const sums = await readSums(db, places, through);
    return keys.map((key, i) => ({ key, ...sums[i]!, after: places[i]!.after, through }));
  },
});

/**
 * It changes with the account once in so many events, so that what came since a sum never is much.
 * @param instant RFC 3339 UTC; few of them, since each is looked for in the log
 */
export function sumKey(
  { account, direction }: MovedThrough & { account: Pick<AccountRow, 'last_position'> },
  instant: string,
): string {
  const epoch = Math.floor(account.last_position / EVENTS_PER_SUM);
  return `${account.account_no} ${direction} ${instant} ${epoch}`;
}

function sinceOf(key: string): Omit<Place, 'after'> & { instant: string } {
  const [accountNo, direction, instant] = key.split(' ');
  return {
    accountNo: Number(accountNo),
    direction: direction as Direction,
    instant: instant!,
  };
}

/**
 * Everything until there was recorded before an instant, and nothing behind it: events are in the
 * order of their times, so that a few looks into two indexes find it.
 * @param head the last position that there is
 */
async function positionBefore(
  db: Kysely<StateDatabase>,
  head: number,
  instant: string,
): Promise<number> {
  const lastBefore = async (next: (from: number, to: number) => Promise<Recorded | undefined>) => {
    let [before, behind] = [0, head + 1];
    while (behind - before > 1) {
      const middle = Math.floor((before + behind) / 2);
      const found = await next(middle, behind);
      if (found && found.at < instant) before = found.position;
      else behind = middle;
    }
    return before;
  };
  const posted = await lastBefore((from, to) =>
    db
      .selectFrom('transactions')
      .select(['position', 'recorded_at as at'])
      .where('position', '>=', from)
      .where('position', '<', to)
      .orderBy('position')
      .limit(1)
      .executeTakeFirst(),
  );
  const held = await lastBefore((from, to) =>
    db
      .selectFrom('holds')
      .select(['hold_no as position', 'created_at as at'])
      .where('hold_no', '>=', from)
      .where('hold_no', '<', to)
      .orderBy('hold_no')
      .limit(1)
      .executeTakeFirst(),
  );
  return Math.max(posted, held);
}

interface Recorded {
  readonly position: number;
  readonly at: string;
}

interface MovedSum {
  readonly amount: bigint;
  readonly count: number;
}

/** What moved behind each place: 5 s for a million entries, on two busy cores. */
async function readSums(
  db: Kysely<StateDatabase>,
  places: readonly Place[],
  through: number,
): Promise<MovedSum[]> {
  const sums = places.map(() => ({ amount: 0n, count: 0 }));
  const add = ({ i, amount, count }: MovedSum & { readonly i: number }) => {
    sums[i]!.amount += amount;
    sums[i]!.count += count;
  };
  const posted = await db
    .selectFrom(placesAs(places))
    .innerJoin('entries as e', 'e.account_no', 'k.account_no')
    .innerJoin('transactions as t', 't.position', 'e.position')
    .leftJoin('transaction_sources as s', 's.transaction_id', 't.transaction_id')
    .select('k.i')
    .select((eb) => [
      eb.fn.sum<bigint>('e.amount').as('amount'),
      eb.fn.count<number>('e.position').distinct().as('count'),
    ])
    .whereRef('e.direction', '=', 'k.direction')
    .whereRef('e.position', '>', 'k.after')
    .where('e.position', '<=', through)
    .where(isCounted())
    .groupBy('k.i')
    .execute();
  posted.forEach(add);
  const held = await db
    .selectFrom((of) =>
      of
        .selectFrom(placesAs(places))
        .innerJoin('accounts as a', 'a.account_no', 'k.account_no')
        .innerJoin('hold_entries as e', 'e.account_no', 'k.account_no')
        .innerJoin('holds as h', 'h.hold_no', 'e.position')
        .select(['k.i', heldAmount().as('amount')])
        .whereRef('e.position', '>', 'k.after')
        .where('e.position', '<=', through)
        .as('m'),
    )
    .select('m.i')
    .select((eb) => [
      eb.fn.sum<bigint>('m.amount').as('amount'),
      eb.fn.count<number>('m.amount').as('count'),
    ])
    .where('m.amount', 'is not', null)
    .groupBy('m.i')
    .execute();
  held.forEach(add);
  return sums;
}
