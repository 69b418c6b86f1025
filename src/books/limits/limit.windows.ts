import type { AccountRow } from '../accounts/account.table';
import type { CreatorContext } from '../../engine/define/creator';
import { parseAmount } from '../../money/amount';
import { addDays, monthAfter, mondayOf } from '../../money/calendar-date';
import type { LimitUse, LimitWindow } from './limit.events';
import { movedAfter, positionBefore } from './limit.queries';
import type { LimitTerms } from './limit.table';

/** What is used of a limit in its window; the amount in minor units. */
export interface Used {
  readonly amount: bigint;
  readonly count: number;
  /** RFC 3339: from then on less is used. */
  readonly resetsAt: string;
  readonly leftThrough?: number | undefined;
}

interface Limited {
  readonly account: AccountRow;
  readonly direction: 'debit' | 'credit';
}

const DAY_MS = 86_400_000;

/**
 * What is used of a limit at the time of a command. Most often that is what the last posting left;
 * once, when a limit meets an account, it is read from the entries of the window; and what leaves
 * a rolling window is read when its time has come: each posting once.
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
    if (before) return afterLeaving(context, limited, before);
    if (!hasMovedNothing(limited)) return ofLastDay(context, limited);
    return { amount: 0n, count: 0, resetsAt: later(context.now, DAY_MS), leftThrough: 0 };
  }
  const { start, end } = calendarWindow(context, per);
  if (before || hasMovedNothing(limited)) return { amount: 0n, count: 0, resetsAt: end };
  return ofWindow(context, limited, start, end);
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
  context: CreatorContext,
  per: Exclude<LimitWindow, 'rolling-24h'>,
): { start: string; end: string } {
  const { today } = context;
  const [first, next] = {
    day: () => [today, addDays(today, 1)] as const,
    week: () => [mondayOf(today), addDays(mondayOf(today), 7)] as const,
    month: () => [`${today.slice(0, 8)}01`, monthAfter(today)] as const,
  }[per]();
  return { start: context.startOf(first), end: context.startOf(next) };
}

async function ofWindow(
  context: CreatorContext,
  limited: Limited,
  start: string,
  end: string,
): Promise<Used> {
  const { amount, count } = await usedSince(context, limited, start, (at) => at >= start);
  return { amount, count, resetsAt: end };
}

async function ofLastDay(context: CreatorContext, limited: Limited): Promise<Used> {
  const start = later(context.now, -DAY_MS);
  const { oldest, ...used } = await usedSince(context, limited, start, (at) => at > start);
  return { ...used, resetsAt: later(oldest ?? context.now, DAY_MS) };
}

/**
 * What is used of a window that nothing is known of yet: what the account moved in it is read.
 * @param isIn whether what was recorded at an instant is in the window
 */
async function usedSince(
  context: CreatorContext,
  limited: Limited,
  start: string,
  isIn: (recordedAt: string) => boolean,
) {
  const { state, position } = context;
  let leftThrough = await positionBefore(state, position, start);
  let [amount, count] = [0n, 0];
  let oldest: string | undefined;
  for await (const moved of movedAfter(state, limited, leftThrough)) {
    if (!isIn(moved.recordedAt)) leftThrough = moved.position;
    else if (moved.counts) {
      oldest ??= moved.recordedAt;
      amount += moved.amount;
      count++;
    }
  }
  return { amount, count, oldest, leftThrough };
}

async function afterLeaving(
  context: CreatorContext,
  limited: Limited,
  before: LimitUse,
): Promise<Used> {
  const start = later(context.now, -DAY_MS);
  const used = asUsed(limited, before);
  let { amount, count, leftThrough = 0 } = used;
  for await (const moved of movedAfter(context.state, limited, leftThrough)) {
    if (moved.recordedAt > start) {
      if (!moved.counts) continue;
      return { amount, count, resetsAt: later(moved.recordedAt, DAY_MS), leftThrough };
    }
    leftThrough = moved.position;
    if (!moved.counts) continue;
    amount -= moved.amount;
    count--;
  }
  return { amount, count, resetsAt: later(context.now, DAY_MS), leftThrough };
}

function later(instant: string, ms: number): string {
  return new Date(Date.parse(instant) + ms).toISOString();
}
