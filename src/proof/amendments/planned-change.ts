import type { Kysely } from 'kysely';
import {
  EventAmended,
  type EventAmendedData,
  type PositionRange,
} from '../../engine/catch-up/amendment.events';
import type { LedgerEvent } from '../../engine/define/event';
import { contentDigest, type EventContent } from '../../engine/catch-up/event-content';
import { eventOf, type LogDatabase } from '../../engine/write/event-log';
import { Refusal } from '../../engine/define/refusal';
import type { Registry } from '../../engine/define/registry';
import { validateEventData } from '../../schemas/event-data';
import { lastAmendments } from '../../outside/events/event-amendment.queries';
import { findBackup } from './amendment.queries';
import type { AmendedEventDto } from './amendment.dto';

/** What an administrator wants an event to be, in the current version of its type. */
export interface WantedData {
  readonly position: number;
  readonly data: object;
}

/** One event that is to be amended. */
export interface PlannedChange {
  /** As it is in the log. */
  readonly stored: LedgerEvent;
  /** As it is going to be. */
  readonly content: EventContent;
  readonly amendment: number;
}

/**
 * Looks at an event and at what it is to be, before anything is rebuilt.
 * @param pointer JSON pointer to the data in the request
 * @throws Refusal `not_found`, `event_not_amendable`, `amendment_not_materializable`,
 *   `validation_failed`, `nothing_to_amend`, and what the type's rules refuse
 */
export async function planAmendment(
  db: Kysely<LogDatabase>,
  registry: Registry,
  { position, data }: WantedData,
  pointer: string,
): Promise<PlannedChange> {
  const stored = await readAmendable(db, position);
  const type = registry.typeOf(stored.type);
  if (!type) {
    const detail = `Event ${position} is of the type ${stored.type}, which no code materializes`;
    throw new Refusal('amendment_not_materializable', detail);
  }
  const problems = validateEventData(type.type, type.version, data);
  if (problems.length > 0) {
    const errors = problems.map((error) => ({ ...error, pointer: pointer + error.pointer }));
    throw new Refusal('validation_failed', 'The data is not that of such an event', { errors });
  }
  registry.checkData(type.type, data);
  return plan(db, stored, { type: type.type, version: type.version, data });
}

/**
 * Looks at what an event was before one of its amendments, and is to be again.
 * @throws Refusal `not_found`, `nothing_to_amend`
 */
export async function planRestoration(
  db: Kysely<LogDatabase>,
  position: number,
  amendment: number,
): Promise<PlannedChange> {
  const backup = await findBackup(db, position, amendment);
  if (!backup) {
    throw new Refusal('not_found', `There is no backup ${amendment} of an event ${position}`);
  }
  const { type, version, data } = backup;
  return plan(db, await readAmendable(db, position), { type, version, data });
}

async function readAmendable(db: Kysely<LogDatabase>, position: number): Promise<LedgerEvent> {
  const row = await db
    .selectFrom('event_log')
    .selectAll()
    .where('position', '=', position)
    .executeTakeFirst();
  if (!row) throw new Refusal('not_found', `There is no event ${position}`);
  if (row.type === EventAmended.type) {
    const detail = `Event ${position} says that another was amended; amend that one once more`;
    throw new Refusal('event_not_amendable', detail);
  }
  return eventOf(row);
}

async function plan(
  db: Kysely<LogDatabase>,
  stored: LedgerEvent,
  content: EventContent,
): Promise<PlannedChange> {
  const { position } = stored;
  if (contentDigest(stored) === contentDigest(content)) {
    throw new Refusal('nothing_to_amend', `Event ${position} has this data already`);
  }
  const last = (await lastAmendments(db, [position])).get(position);
  return { stored, content, amendment: (last?.amendment ?? 0) + 1 };
}

/** What the log says of an amendment. */
export function amendedData(
  { stored, content, amendment }: PlannedChange,
  reason: string,
  tasksDiffer: PositionRange | null,
): EventAmendedData {
  return {
    amendment,
    dataDigest: contentDigest(content),
    eventId: stored.eventId,
    fromVersion: stored.version,
    originalDigest: contentDigest(stored),
    position: stored.position,
    reason,
    tasksDiffer,
    toVersion: content.version,
    type: stored.type,
  };
}

/** @param at position of the event that says so; null in a dry run */
export function amendedEventView(
  { stored, content, amendment }: PlannedChange,
  at: number | null,
): AmendedEventDto {
  return {
    position: stored.position,
    eventId: stored.eventId,
    type: stored.type,
    version: content.version,
    data: content.data,
    amendment,
    fromVersion: stored.version,
    originalDigest: contentDigest(stored),
    dataDigest: contentDigest(content),
    amendedAtPosition: at,
  };
}
