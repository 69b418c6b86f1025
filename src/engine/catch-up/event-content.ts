import { hash } from 'node:crypto';
import { sendable } from '../../database/prepared';
import type { WriterConnection } from '../../database/writer-connection';
import { EventAmended, type EventAmendedData, type PositionRange } from './amendment.events';
import type { Head, LedgerEvent } from '../define/event';
import { StateUnusable } from '../define/refusal';
import type { LogDatabase } from '../write/event-log';
import { canonicalJson } from '../write/hash-chain';

/** What an amendment may change of an event, and its type, which it may not. */
export type EventContent = Pick<LedgerEvent, 'type' | 'version' | 'data'>;

/** SHA-256 over the canonical JSON (RFC 8785) of an event's type, version and data. Hex. */
export function contentDigest({ type, version, data }: EventContent): string {
  return hash('sha256', canonicalJson({ data, type, version }), 'hex');
}

/**
 * An event that the state contains was amended, and the process ended before the state that was
 * rebuilt for it took its place.
 */
export class AmendedSince extends StateUnusable {
  override readonly name = 'AmendedSince';

  /** @param position of the amended event */
  constructor(readonly position: number) {
    super(
      `Event ${position} was amended and the state was not rebuilt: run "npm run replay" to ` +
        'rebuild it',
    );
  }
}

/**
 * To be asked of every event that a state is healed with.
 * @param before what the state contains already, and will not be given again
 * @throws AmendedSince where the event says that one of those was amended
 */
export function refuseAmended(before: Head, event: LedgerEvent): void {
  if (event.type !== EventAmended.type) return;
  const { position } = event.data as EventAmendedData;
  if (position <= before.position) throw new AmendedSince(position);
}

/** An array keeps the planner from reading the whole log to join it. */
const amendments = sendable<LogDatabase, object, { data: object }>(undefined, (log) =>
  log
    .selectFrom('event_log')
    .select('data')
    .where('position', '=', (eb) =>
      eb.fn('any', [eb.fn('array', [eb.selectFrom('event_backup').select('amended_at_position')])]),
    )
    .where('type', '=', EventAmended.type),
);

/** Between which events tasks differ from the recorded ones because of amendments. */
export async function readAmendedTasks(log: WriterConnection): Promise<PositionRange[]> {
  const { rows } = await log.send(amendments({}));
  return rows.flatMap(({ data }) => (data as EventAmendedData).tasksDiffer ?? []);
}
