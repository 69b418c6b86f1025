/** How many tasks wait, are under way and have failed. */
export interface TaskNumbers {
  readonly queued: number;
  readonly running: number;
  readonly failed: number;
}

/** How it stands with the way to a service outside. */
export interface AdapterState {
  readonly name: string;
  /** Whether calls are made, none is, or one to see whether the service is back. */
  readonly state: 'closed' | 'open' | 'half-open';
  /** Circuits that are not closed. */
  readonly open: number;
}

/** What the service does besides answering, as health and metrics see it. */
export interface Background {
  /** Where tasks are handed over. */
  readonly queue: {
    readonly backend: 'postgres' | 'redis';
    /** One round trip. @throws where the queue cannot be reached */
    check(): Promise<void>;
  };
  countTasks(): Promise<TaskNumbers>;
  adapters(): readonly AdapterState[];
}
