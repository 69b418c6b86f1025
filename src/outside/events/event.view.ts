import type { LedgerEvent } from '../../engine/define/event';

/** An event as the API and webhooks show it, without its tasks, whose status changes. */
export function eventView(event: LedgerEvent): LedgerEvent {
  return {
    position: event.position,
    eventId: event.eventId,
    type: event.type,
    version: event.version,
    data: event.data,
    occurredAt: event.occurredAt,
    recordedAt: event.recordedAt,
    actor: event.actor,
    commandId: event.commandId,
    correlationId: event.correlationId,
    causationId: event.causationId,
    hash: event.hash,
  };
}
