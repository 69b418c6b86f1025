import type { AdapterDto } from './health.dto';
/** How many tasks wait, are under way and have failed. */
export interface TaskNumbers {
  readonly queued: number;
  readonly running: number;
  readonly failed: number;
}

/** The last verification that came to a verdict. Numbers are null where it has no report. */
export interface LastVerification {
  readonly id: string;
  readonly status: 'passed' | 'failed';
  /** RFC 3339 UTC. */
  readonly finishedAt: string;
  readonly durationMs: number;
  readonly toPosition: number | null;
  readonly processed: number;
  readonly eventsPerSecond: number;
  readonly differingRows: number | null;
  readonly missingTasks: number | null;
  readonly extraTasks: number | null;
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
  adapters(): readonly AdapterDto[];
  /** null: there was none yet. */
  lastVerification(): Promise<LastVerification | null>;
}
