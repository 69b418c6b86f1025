import type { Kysely } from 'kysely';
import { anyOf } from '../../database/arrays';
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
    .where('position', '=', anyOf('bigint', positions))
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
  const { named } = await log
    .selectNoFrom((eb) => {
      const ofCommands = eb
        .selectFrom('command_log')
        .select((eb) => eb.fn.max('last_position').as('last'))
        .where('last_position', '>', position);
      const ofTasks = eb
        .selectFrom('task_log')
        .select((eb) => eb.fn.max('position').as('last'))
        .where('position', '>', position);
      return eb.fn<number | null>('greatest', [ofCommands, ofTasks]).as('named');
    })
    .executeTakeFirstOrThrow();
  return named ?? undefined;
}
