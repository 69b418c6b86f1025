import type { Kysely } from 'kysely';
import type { LogDatabase } from './event-log';

/** Positions in one partition of the log. */
export const PARTITION_SIZE = 10_000_000;
/** The partitions reach at least this far beyond the head: minutes at full speed. */
export const PARTITION_AHEAD = 5_000_000;
/** Partitions that one call adds at most. */
const MAX_ADDED = 100;

/**
 * Makes partitions ahead of need. The database's function does it with the owner's rights and a
 * lock of its own, so several processes may ask at once.
 * @returns the position up to which (exclusively) the log has partitions
 */
export async function ensurePartitions(
  db: Kysely<LogDatabase>,
  head: number,
  size = PARTITION_SIZE,
  ahead = PARTITION_AHEAD,
): Promise<number> {
  const { end } = await db
    .selectFrom('event_log_partitions')
    .select((eb) => eb.fn.max('to_position').as('end'))
    .executeTakeFirstOrThrow();
  let reach = end ?? 1;
  for (let tries = 0; reach <= head + ahead && tries < MAX_ADDED; tries++) {
    const added = await db
      .selectNoFrom((eb) => eb.fn<number>('add_event_log_partition', [eb.val(size)]).as('end'))
      .executeTakeFirstOrThrow();
    reach = added.end;
  }
  return reach;
}
