import type { EventType, LedgerEvent } from './event';
import type { StateSession } from './state-session';

/** What a materializer is given besides its event. Nothing here knows the time or the world. */
export interface MaterializationContext {
  readonly state: StateSession;
}

/**
 * The one function that turns one event type into application-state rows. Deterministic: the same
 * event on the same state gives the same rows, live, on catch-up and on every replay.
 */
export interface Materializer<Data extends object = object> {
  readonly event: EventType<Data>;
  /** Raised with every change of what it writes; a state built by another version is refused. */
  readonly version: number;
  readonly apply: (event: LedgerEvent<Data>, context: MaterializationContext) => Promise<void>;
}

export function defineMaterializer<Data extends object>(
  event: EventType<Data>,
  version: number,
  apply: Materializer<Data>['apply'],
): Materializer {
  return { event, version, apply } as unknown as Materializer;
}
