import type { Kysely } from 'kysely';
import { MAX_APART_MS } from './clock-guard';
import type { LogDatabase } from './event-log';

/** What an administrator accepted, or why there is nothing to accept. */
export type AcceptedTime =
  | { readonly kind: 'accepted'; readonly position: number; readonly recordedAt: string }
  | { readonly kind: 'not ahead'; readonly position: number };

/** Whether an administrator has said that the log may go on at a time which is later than now. */
export async function isTimeAccepted(
  log: Kysely<LogDatabase>,
  recordedAt: string,
): Promise<boolean> {
  const row = await log
    .selectFrom('accepted_times')
    .select('recorded_at')
    .where('recorded_at', '=', recordedAt)
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * Lets a log go on whose last event is later than every clock. Its events say until then that they
 * were recorded at that time, because none is earlier than the one before it. As the log's owner.
 */
export async function acceptTime(log: Kysely<LogDatabase>, reason: string): Promise<AcceptedTime> {
  const last = await log
    .selectFrom('event_log')
    .select((eb) => ['position', 'recorded_at', eb.fn<string>('clock_timestamp').as('now')])
    .orderBy('position', 'desc')
    .limit(1)
    .executeTakeFirst();
  const position = last?.position ?? 0;
  if (!last || Date.parse(last.recorded_at) - Date.parse(last.now) <= MAX_APART_MS) {
    return { kind: 'not ahead', position };
  }
  const { recorded_at: recordedAt } = last;
  await log
    .insertInto('accepted_times')
    .values({ recorded_at: recordedAt, position, reason })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return { kind: 'accepted', position, recordedAt };
}
