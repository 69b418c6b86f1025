import type { EventType, LedgerEvent } from './event';
import type { RowNeeds, StateSession } from './state-session';
import type { TaskGateway } from './task-gateway';

/** What a materializer is given besides its event. Nothing here knows the time or the world. */
export interface MaterializationContext {
  readonly state: StateSession;
  readonly tasks: TaskGateway;
}

/**
 * The one function that turns one event type into application-state rows. Deterministic: the same
 * event on the same state gives the same rows, live, on catch-up and on every replay.
 */
export interface Materializer<Data extends object = object> {
  readonly event: EventType<Data>;
  /** Raised with every change of what it writes; a state built by another version is refused. */
  readonly version: number;
  /** Waits for nothing that it has named among its needs. */
  readonly apply: (
    event: LedgerEvent<Data>,
    context: MaterializationContext,
  ) => void | Promise<void>;
  /**
   * Names rows that it is going to read: they are in memory when it is applied. A replay loads
   * those of many events in one query a table; what is not named takes a query each.
   */
  readonly needs?: (event: LedgerEvent<Data>, needs: Pick<RowNeeds, 'row'>) => void;
}

export function defineMaterializer<Data extends object>(
  event: EventType<Data>,
  version: number,
  apply: Materializer<Data>['apply'],
  needs?: Materializer<Data>['needs'],
): Materializer {
  return { event, version, apply, needs } as unknown as Materializer;
}

/**
 * Looks at every event after its materializer, under the same rules: what follows from an event of
 * any type. Returns nothing where it has no need to wait: it runs for every event.
 */
export interface EventObserver {
  readonly name: string;
  /** Raised with every change of what it writes or asks for. */
  readonly version: number;
  readonly apply: (event: LedgerEvent, context: MaterializationContext) => void | Promise<void>;
}
