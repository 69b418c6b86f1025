import type { WriterConnection } from '../../database/writer-connection';
import type { EventSummary } from './report';

/** Events before and after the one in question. */
const NEIGHBOURS = 3;

/** The events around a position, without their data. */
export async function readEventsAround(
  log: WriterConnection,
  position: number,
): Promise<EventSummary[]> {
  const { rows } = await log.send({
    text: `select position, event_id, type, version, recorded_at from event_log
           where position between $1 and $2 order by position`,
    values: [position - NEIGHBOURS, position + NEIGHBOURS],
  });
  return (rows as EventRow[]).map((row) => ({
    position: row.position,
    eventId: row.event_id,
    type: row.type,
    version: row.version,
    recordedAt: row.recorded_at,
  }));
}

interface EventRow {
  position: number;
  event_id: string;
  type: string;
  version: number;
  recorded_at: string;
}
