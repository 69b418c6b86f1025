import { types } from 'pg';
import { valueTypes } from '../../database/values';
import { ChainBroken, verifyLink, type Originals } from '../../engine/catch-up/catch-up';
import type { Head } from '../../engine/define/event';
import type { AppendedEvent } from '../../engine/write/event-log';
import type { FilePage, FileRow } from './log-file-reader';
import { BACKUPS, EVENTS, fieldOf, type Fields } from './moved-tables';

/** The columns of an event's row. */
const read = {
  position: fieldOf(EVENTS, 'position'),
  eventId: fieldOf(EVENTS, 'event_id'),
  type: fieldOf(EVENTS, 'type'),
  version: fieldOf(EVENTS, 'version'),
  data: fieldOf(EVENTS, 'data'),
  commandId: fieldOf(EVENTS, 'command_id'),
  occurredAt: fieldOf(EVENTS, 'occurred_at'),
  recordedAt: fieldOf(EVENTS, 'recorded_at'),
  actor: fieldOf(EVENTS, 'actor'),
  correlationId: fieldOf(EVENTS, 'correlation_id'),
  causationId: fieldOf(EVENTS, 'causation_id'),
  hash: fieldOf(EVENTS, 'hash'),
};
const backup = {
  position: fieldOf(BACKUPS, 'position'),
  amendment: fieldOf(BACKUPS, 'amendment'),
  type: fieldOf(BACKUPS, 'type'),
  version: fieldOf(BACKUPS, 'version'),
  data: fieldOf(BACKUPS, 'data'),
};
/** The first backup of an event is what was hashed when it was appended. */
const FIRST_AMENDMENT = '1';
const timeOf = valueTypes.getTypeParser(types.builtins.TIMESTAMPTZ, 'text') as (
  text: string,
) => string;

/** The hash in the row of an event, lower-case hex. */
export function hashOf({ fields }: FileRow): string {
  return read.hash(fields)!.slice('\\x'.length);
}

/**
 * Computes every link of the hash chain over the events of a page, in order.
 * @returns the last event; `before` where there is none
 * @throws ChainBroken at the first event that is not the one that was hashed
 */
export function followChain(before: Head, { rows }: Pick<FilePage, 'rows'>): Head {
  const originals = originalsOf(rows.get(BACKUPS)!);
  let head = before;
  for (const { fields } of rows.get(EVENTS)!) head = followLink(head, fields, originals);
  return head;
}

function originalsOf(backups: readonly FileRow[]): Originals {
  const first = backups.filter(({ fields }) => backup.amendment(fields) === FIRST_AMENDMENT);
  return new Map(
    first.map(({ fields }) => [
      Number(backup.position(fields)),
      {
        type: backup.type(fields)!,
        version: Number(backup.version(fields)),
        data: backup.data(fields)!,
      },
    ]),
  );
}

function followLink(before: Head, row: Fields, originals: Originals): Head {
  try {
    const event = eventOf(row);
    verifyLink(before, event, originals);
    return { position: event.position, hash: event.hash };
  } catch {
    // A field that is missing, or is no time or no JSON, was not hashed like this either.
    throw new ChainBroken(before.position + 1);
  }
}

function eventOf(row: Fields): AppendedEvent {
  const canonicalData = read.data(row)!;
  return {
    position: Number(read.position(row)),
    eventId: read.eventId(row)!,
    type: read.type(row)!,
    version: Number(read.version(row)),
    // Parsed only where the text itself does not fit the hash.
    get data() {
      return JSON.parse(canonicalData) as object;
    },
    canonicalData,
    commandId: read.commandId(row)!,
    occurredAt: timeOf(read.occurredAt(row)!),
    recordedAt: timeOf(read.recordedAt(row)!),
    actor: read.actor(row)!,
    correlationId: read.correlationId(row),
    causationId: read.causationId(row),
    hash: read.hash(row)!.slice('\\x'.length),
  };
}
