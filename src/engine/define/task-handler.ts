import type { Creator } from './creator';
import type { LedgerEvent } from './event';

/** What a handler is given besides the task's payload. */
export interface TaskContext {
  /** The same on every attempt: the outside world's idempotency key. */
  readonly taskId: string;
  /** 1 for the first one. */
  readonly attempt: number;
  /** The event that asked for the task, in the current version of its type. */
  readonly event: LedgerEvent;
  /** Aborted when the deadline has passed. */
  readonly signal: AbortSignal;
  /**
   * Submits a command with the task's id as its idempotency key, so that a second attempt gets the
   * first one's answer.
   * @throws Refusal, LedgerUnavailable
   */
  readonly submit: <Input, Answer>(
    creator: Creator<Input, Answer>,
    input: Input,
  ) => Promise<Answer>;
}

/** How the tasks of one name are done. */
export interface TaskHandlerOptions {
  /** Whether tasks of one subject are done one after the other, in the order of the log. */
  readonly isOrdered?: boolean;
  /**
   * Tasks of one subject that may be under way at the same time, so that one receiver that is slow
   * or away leaves room to all others; default: as many as there are.
   */
  readonly perSubject?: number;
  /** How long one attempt may take, in milliseconds; default 30 s. */
  readonly deadlineMs?: number;
  /** Attempts before the task has failed; default 12. */
  readonly maxAttempts?: number;
  /** Tasks that one process does at the same time; default 10. */
  readonly concurrency?: number;
}

/** Does the tasks of one name. */
export interface TaskHandler<Payload extends object = object> {
  readonly name: string;
  readonly options?: TaskHandlerOptions;
  /**
   * Does one task; may be run again with the same id after a crash.
   * @returns what is kept as the task's result: ids and digests, no personal data
   * @throws PermanentFailure where another attempt cannot help, OtherSideAway where none was made;
   *   anything else is tried again
   */
  run(payload: Payload, context: TaskContext): Promise<object | void>;
}

/** Another attempt cannot help: the task has failed. The message is shown to administrators. */
export class PermanentFailure extends Error {
  override readonly name = 'PermanentFailure';
}

/** The other side is known to be away, so that no attempt was made; the task comes again later. */
export class OtherSideAway extends Error {
  override readonly name = 'OtherSideAway';

  constructor(
    message: string,
    /** How long to wait before the next attempt, in milliseconds. */
    readonly retryAfterMs: number,
  ) {
    super(message);
  }
}
