import { sql, type Kysely } from 'kysely';
import { readInstant } from '../../money/instant';
import type { LogDatabase } from './event-log';

/**
 * The position of the last event that was recorded until a time, and 0 where none was. No event is
 * recorded before the one in front of it, and positions have no gaps, so that as many looks into
 * the key of the log find it as the number of its events has bits.
 * @param time RFC 3339; an event of that very time counts
 * @param upTo the last position that is looked at
 */
export async function positionAt(
  log: Kysely<LogDatabase>,
  time: string,
  upTo: number,
): Promise<number> {
  const { position } = await log
    .withRecursive('halves(least, most)', (db) =>
      db
        // SQL as text: the builder has no word for a query of values alone.
        .selectNoFrom([sql<number>`0::bigint`.as('least'), sql<number>`${upTo}::bigint`.as('most')])
        .unionAll((of) =>
          of
            .selectFrom('halves as h')
            .innerJoinLateral(
              (eb) =>
                eb
                  .selectFrom('event_log as e')
                  .select(['e.position', 'e.recorded_at'])
                  // SQL as text: the builder has no word for shifts, and divides nothing.
                  .where(
                    'e.position',
                    '=',
                    sql<number>`(${eb.ref('h.least')} + ${eb.ref('h.most')} + 1) >> 1`,
                  )
                  .as('e'),
              (join) => join.onTrue(),
            )
            .select((eb) => {
              const isUntil = () => eb.case().when('e.recorded_at', '<=', time);
              return [
                isUntil().then(eb.ref('e.position')).else(eb.ref('h.least')).end().as('least'),
                isUntil()
                  .then(eb.ref('h.most'))
                  .else(eb('e.position', '-', 1))
                  .end()
                  .$castTo<number>()
                  .as('most'),
              ];
            })
            .whereRef('h.least', '<', 'h.most'),
        ),
    )
    .selectFrom('halves')
    .select('least as position')
    .whereRef('least', '=', 'most')
    .limit(1)
    .executeTakeFirstOrThrow();
  return position;
}

/** Times between which something was recorded, both included, as a caller says them. */
export interface RecordedTimes {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** The positions of what was recorded between two times. */
export interface RecordedRange {
  readonly least?: number;
  readonly most?: number;
}

/**
 * The positions of what was recorded between two times; nothing is said of an end that is not
 * given.
 * @param upTo the last position that is looked at
 */
export async function positionsRecorded(
  log: Kysely<LogDatabase>,
  { from, to }: RecordedTimes,
  upTo: number,
): Promise<RecordedRange> {
  const at = (time: string) => positionAt(log, time, upTo);
  return {
    ...(from !== undefined && { least: (await at(before(readInstant(from)!))) + 1 }),
    ...(to !== undefined && { most: await at(readInstant(to)!) }),
  };
}

/** The first one that a caller can name, and nothing was recorded before. */
const FIRST_INSTANT = '0001-01-01T00:00:00.000Z';

/** The last instant before a time. */
function before(time: string): string {
  if (time <= FIRST_INSTANT) return FIRST_INSTANT;
  return new Date(Date.parse(time) - 1).toISOString();
}
