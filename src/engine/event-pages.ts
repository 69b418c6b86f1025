import type { QueryConfig } from 'pg';
import type { WriterConnection } from '../database/writer-connection';
import type { AppendedEvent } from './event-log';
import type { RequestedTask } from './task-gateway';

/** A stretch of the log with the tasks that its events asked for. */
export interface EventPage {
  readonly events: readonly AppendedEvent[];
  readonly tasks: readonly RequestedTask[];
}

/** The columns of an event in the order in which {@link eventOfTexts} takes them. */
type EventTexts = [
  position: string,
  eventId: string,
  type: string,
  version: string,
  data: string,
  commandId: string,
  occurredAt: string,
  recordedAt: string,
  actor: string,
  correlationId: string | null,
  causationId: string | null,
  hash: string,
];

const page: QueryConfig & { rowMode: 'array' } = {
  name: 'event page',
  text: `select position, event_id, type, version, data, command_id, occurred_at, recorded_at,
           actor, correlation_id, causation_id, hash
         from event_log where position > $1 and position <= $2 order by position`,
  rowMode: 'array',
  // Every value as the server wrote it. Parsing by column and naming the columns of every row took
  // a third of a replay's time.
  types: { getTypeParser: () => (text: string) => text },
};

const taskPage: QueryConfig & { rowMode: 'array' } = {
  name: 'task page',
  text: `select position, ordinal, name, subject, payload from task_log
         where position > $1 and position <= $2 order by position, ordinal`,
  rowMode: 'array',
  types: { getTypeParser: () => (text: string) => text },
};

/**
 * Events after a position up to another, in order and as stored: `readEvents` for long stretches
 * of the log, on the caller's own connection.
 */
export async function readEventPage(
  log: WriterConnection,
  after: number,
  upTo: number,
): Promise<EventPage> {
  const values = [after, upTo];
  const [events, tasks] = log.together(() => [
    log.send({ ...page, values }),
    log.send({ ...taskPage, values }),
  ]);
  tasks.catch(() => undefined);
  return {
    events: ((await events).rows as EventTexts[]).map(eventOfTexts),
    tasks: ((await tasks).rows as TaskTexts[]).map(taskOfTexts),
  };
}

type TaskTexts = [
  position: string,
  ordinal: string,
  name: string,
  subject: string | null,
  payload: string,
];

function taskOfTexts([position, ordinal, name, subject, payload]: TaskTexts): RequestedTask {
  return { position: Number(position), ordinal: Number(ordinal), name, subject, payload };
}

function eventOfTexts(texts: EventTexts): AppendedEvent {
  return {
    position: Number(texts[0]),
    eventId: texts[1],
    type: texts[2],
    version: Number(texts[3]),
    data: JSON.parse(texts[4]) as object,
    canonicalData: texts[4],
    commandId: texts[5],
    occurredAt: isoTime(texts[6]),
    recordedAt: isoTime(texts[7]),
    actor: texts[8],
    correlationId: texts[9],
    causationId: texts[10],
    hash: texts[11].slice(2),
  };
}

let lastText = '';
let lastIso = '';

/** PostgreSQL's text in UTC as RFC 3339 with milliseconds; events of one batch share theirs. */
function isoTime(text: string): string {
  if (text !== lastText) {
    lastIso = new Date(`${text.replace(' ', 'T').slice(0, -3)}Z`).toISOString();
    lastText = text;
  }
  return lastIso;
}
