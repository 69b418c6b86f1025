import type { BackendFactory, IQueueBackend } from 'bullmq';

/** Where the jobs are, and how BullMQ gets there. */
export interface JobStore {
  readonly backend: 'postgres' | 'redis';
  /** Makes what BullMQ adds jobs with. */
  readonly producer: BackendFactory<IQueueBackend, object>;
  /** Makes what a worker of BullMQ takes jobs with. */
  readonly consumer: BackendFactory<IQueueBackend, object>;
  /** What BullMQ's constructors insist on. */
  readonly options: { readonly connection: object; readonly prefix?: string };
  /** One round trip; may take long. */
  ping(): Promise<void>;
  /** Ends all connections, without waiting for what is under way. */
  close(): Promise<void>;
}

/** How far a time in the queue may be ahead of what a process takes for the present. */
export const CLOCK_SLACK_MS = 1_000;

/** The times that matter to a store, in milliseconds. */
export interface JobStoreTimings {
  /** How long the server may take to answer. */
  readonly answerMs: number;
  /** How long a worker waits before it turns again to a server that failed. */
  readonly retryMs: number;
}
