import type { AccountRow } from '../accounts/account.table';
import type { CreatorContext } from '../../engine/define/creator';
import type { BookTime, RowNeeds } from '../../engine/define/state-session';
import { parseAmount } from '../../money/amount';
import { addDays, monthAfter, mondayOf } from '../../money/calendar-date';
import type { LimitUse, LimitWindow } from './limit.events';
import { movedAfter, movedPages, pageKey, type Moved } from './moved.queries';
import { movedSums, sumKey } from './moved-sums.queries';
import type { LimitTerms } from './limit.table';

/** What is used of a limit in its window; the amount in minor units. */
export interface Used {
  readonly amount: bigint;
  readonly count: number;
  /** RFC 3339: from then on less is used. */
  readonly resetsAt: string;
  readonly leftThrough?: number | undefined;
  /** So many of what counts behind that. */
  readonly left?: number | undefined;
}

interface Limited {
  readonly account: AccountRow;
  readonly direction: 'debit' | 'credit';
}

const DAY_MS = 86_400_000;

/**
 * What is used of a limit at the time of a command. Most often that is what the last posting left;
 * once, when a limit meets an account, it is summed up from the entries of the window; and what
 * leaves a rolling window is read when its time has come, some pages of it ahead. All of that is
 * {@link needUsed} before the command is run.
 * @param before what the account's last posting left, if any counted
 */
export function usedOf(
  context: CreatorContext,
  limited: Limited,
  { per }: LimitTerms,
  before: LimitUse | undefined,
): Used | Promise<Used> {
  if (before && context.now < before.resetsAt) return asUsed(limited, before);
  if (per === 'rolling-24h') {
    if (before) return afterLeaving(context, limited, asUsed(limited, before));
    if (!hasMovedNothing(limited)) return ofLastDay(context, limited);
    return { amount: 0n, count: 0, resetsAt: later(context.now, DAY_MS), leftThrough: 0 };
  }
  const { start, end } = calendarWindow(context, per);
  if (before || hasMovedNothing(limited)) return { amount: 0n, count: 0, resetsAt: end };
  return ofWindow(context, limited, start, end);
}

/** Names what {@link usedOf} is going to look up. */
export function needUsed(
  limited: Limited,
  { per }: LimitTerms,
  before: LimitUse | undefined,
  time: BookTime,
  needs: Pick<RowNeeds, 'row'>,
): void {
  if (before) {
    const { leftThrough, resetsAt } = before;
    if (leftThrough === undefined || time.now < resetsAt) return;
    needs.row(movedPages, 'key', pageKey(limited, leftThrough));
  } else if (!hasMovedNothing(limited)) {
    const start = per === 'rolling-24h' ? dayBefore(time.now) : calendarWindow(time, per).start;
    needs.row(movedSums, 'key', sumKey(limited, start));
  }
}

/** As its row says, for which no entry is looked at: each would be a version. */
function hasMovedNothing({ account }: Limited): boolean {
  return account.version === 1;
}

function asUsed({ account }: Limited, { amount, ...use }: LimitUse): Used {
  return { ...use, amount: parseAmount(amount, account.digits)! };
}

/** The instants between which today is, or the week that begins on Monday, or the month. */
function calendarWindow(
  time: BookTime,
  per: Exclude<LimitWindow, 'rolling-24h'>,
): { start: string; end: string } {
  const { today } = time;
  const [first, next] = {
    day: () => [today, addDays(today, 1)] as const,
    week: () => [mondayOf(today), addDays(mondayOf(today), 7)] as const,
    month: () => [`${today.slice(0, 8)}01`, monthAfter(today)] as const,
  }[per]();
  return { start: time.startOf(first), end: time.startOf(next) };
}

async function ofWindow(
  context: CreatorContext,
  limited: Limited,
  start: string,
  end: string,
): Promise<Used> {
  const { amount, count } = await usedSince(context, limited, start);
  return { amount, count, resetsAt: end };
}

async function ofLastDay(context: CreatorContext, limited: Limited): Promise<Used> {
  const used = await usedSince(context, limited, dayBefore(context.now));
  return afterLeaving(context, limited, used);
}

/**
 * The beginning of the hour of 24 hours ago: what was moved in the rest of that hour is subtracted
 * like all that leaves the window, and for an hour the sum is the same one.
 */
function dayBefore(now: string): string {
  return `${later(now, -DAY_MS).slice(0, 13)}:00:00.000Z`;
}

/** What is used of a window that nothing is known of yet; what is not committed yet is added. */
async function usedSince({ state }: CreatorContext, limited: Limited, start: string) {
  const sum = await state.table(movedSums).get(sumKey(limited, start));
  let { amount, count } = sum ?? { amount: 0n, count: 0 };
  const { after, through } = sum ?? { after: 0, through: 0 };
  if (limited.account.last_position <= through) return { amount, count, leftThrough: after };
  let leftThrough = after;
  for await (const moved of movedAfter(state, limited, through)) {
    if (moved.recordedAt < start) {
      leftThrough = moved.position;
      continue;
    }
    amount += moved.amount;
    count++;
  }
  return { amount, count, leftThrough };
}

/** What is used once all that was moved 24 hours ago and before has left. */
async function afterLeaving(
  { state, now }: CreatorContext,
  limited: Limited,
  used: Omit<Used, 'resetsAt'>,
): Promise<Used> {
  const start = later(now, -DAY_MS);
  let { amount, count, left = 0, leftThrough = 0 } = used;
  const inWindow = (moved: Moved | undefined): Used | undefined => {
    if (moved && moved.recordedAt <= start) {
      amount -= moved.amount;
      count--;
      left++;
      return undefined;
    }
    const resetsAt = later(moved?.recordedAt ?? now, DAY_MS);
    return { amount, count, resetsAt, left, leftThrough };
  };
  while (count > 0) {
    const page = await state.table(movedPages).get(pageKey(limited, leftThrough));
    const moves = page?.moves ?? [];
    for (let i = left; i < moves.length && count > 0; i++) {
      const found = inWindow(moves[i]);
      if (found) return found;
    }
    if (count === 0) break;
    if (!page || page.through === leftThrough) {
      // What is left of it is not committed yet.
      let passed = 0;
      for await (const moved of movedAfter(state, limited, leftThrough)) {
        const found = passed++ < left ? undefined : inWindow(moved);
        if (found) return found;
      }
      break;
    }
    left = Math.max(0, left - moves.length);
    leftThrough = page.through;
  }
  return inWindow(undefined)!;
}

function later(instant: string, ms: number): string {
  return new Date(Date.parse(instant) + ms).toISOString();
}
