import { sql, type Kysely } from 'kysely';
import { GENESIS, type Head } from '../../engine/define/event';
import type { LogDatabase } from '../../engine/write/event-log';

/** The last event of the log, without locks: a moment later it may be another. */
export async function readHead(log: Kysely<LogDatabase>): Promise<Head> {
  const row = await log
    .selectFrom('event_log')
    .select(['position', 'hash'])
    .orderBy('position', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row ? { position: row.position, hash: row.hash.toString('hex') } : GENESIS;
}

/** The hashes at some positions, those that the log has; that of position 0 is no event's. */
export async function readHashes(
  log: Kysely<LogDatabase>,
  positions: readonly number[],
): Promise<Map<number, string>> {
  const found = new Map([[GENESIS.position, GENESIS.hash]]);
  if (positions.length === 0) return found;
  const rows = await log
    .selectFrom('event_log')
    .select(['position', 'hash'])
    .where(sql<boolean>`position = any(${[...positions]}::bigint[])`)
    // By the bounds the planner leaves out partitions, which it cannot do by a list.
    .where(
      'position',
      '>=',
      positions.reduce((a, b) => Math.min(a, b)),
    )
    .where(
      'position',
      '<=',
      positions.reduce((a, b) => Math.max(a, b)),
    )
    .execute();
  for (const { position, hash } of rows) found.set(position, hash.toString('hex'));
  return found;
}

/** The last position that commands or tasks name, after one; undefined where none does. */
export async function positionNamedAfter(
  log: Kysely<LogDatabase>,
  position: number,
): Promise<number | undefined> {
  const { rows } = await sql<{ named: number | null }>`
    select greatest(
      (select max(last_position) from command_log where last_position > ${position}),
      (select max(position) from task_log where position > ${position})
    ) as named`.execute(log);
  return rows[0]?.named ?? undefined;
}
