/** How it stands with the way to a service outside. */
export interface AdapterState {
  readonly name: string;
  /** Whether calls are made, none is, or one to see whether the service is back. */
  readonly state: 'closed' | 'open' | 'half-open';
  /** Circuits that are not closed. */
  readonly open: number;
}

/** A verification that came to a verdict. Numbers are null where it has no report. */
export interface LastVerification {
  readonly id: string;
  readonly status: 'passed' | 'failed';
  /** RFC 3339 UTC. */
  readonly finishedAt: string;
  readonly toPosition: number | null;
}

/** Where tasks are handed over; whoever does that provides it. */
export abstract class QueueHealth {
  abstract readonly backend: 'postgres' | 'redis';
  /** One round trip. @throws where the queue cannot be reached */
  abstract check(): Promise<void>;
}

/** The ways to services outside; whoever opens them provides it. */
export abstract class AdapterHealth {
  abstract status(): readonly AdapterState[];
}

/** What was last found out about the books; whoever verifies them provides it. */
export abstract class VerificationHealth {
  /** null: there was none yet. */
  abstract lastVerification(): Promise<LastVerification | null>;
}
