import { kyselyOn } from '../../database/connections';
import type { WriterConnection } from '../../database/writer-connection';
import type { LogDatabase } from '../../engine/write/event-log';
import type { EventSummary } from './report';

/** Events before and after the one in question. */
const NEIGHBOURS = 3;

/** The events around a position, without their data. */
export function readEventsAround(log: WriterConnection, position: number): Promise<EventSummary[]> {
  return kyselyOn<LogDatabase>(() => log.current)
    .selectFrom('event_log')
    .select(['position', 'event_id as eventId', 'type', 'version', 'recorded_at as recordedAt'])
    .where('position', '>=', position - NEIGHBOURS)
    .where('position', '<=', position + NEIGHBOURS)
    .orderBy('position')
    .execute();
}
