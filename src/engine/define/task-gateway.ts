import type { LedgerEvent } from './event';

/** What a task may say of itself besides its payload. */
export interface TaskOptions {
  /**
   * What the task is about, a recipient or a subscription: the tasks of a subject can be listed,
   * and are done in the order of the log where their handler says so.
   */
  readonly subject?: string;
  /**
   * When the task may be done at the earliest, as the ledger writes instants: RFC 3339, UTC, with
   * milliseconds (`2026-01-31T10:00:00.000Z`). A fact from the event. Default: at once.
   */
  readonly notBefore?: string;
}

/** The only way for a materializer to ask for a side effect. */
export interface TaskGateway {
  /**
   * Asks for a task. Live, it is recorded with the event; on catch-up, replay and verification
   * nothing is recorded, and what is asked for is compared with what was.
   * @throws AssertionError for a name that no feature declares, and for a `notBefore` that is no
   *   instant, or is written in another way than the ledger's
   */
  enqueue(name: string, payload: object, options?: TaskOptions): void;
}

/** A gateway as the engine drives it. */
export interface EventTaskGateway extends TaskGateway {
  /** To be called before an event is materialized: the tasks that are asked for next are its. */
  begin(event: LedgerEvent): void;
}
