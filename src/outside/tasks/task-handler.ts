import type { Creator } from '../../engine/define/creator';
import type { LedgerEvent } from '../../engine/define/event';

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
  /** How long one attempt may take, in milliseconds; default {@link DEFAULT_DEADLINE_MS}. */
  readonly deadlineMs?: number;
  /** Attempts before the task has failed; default {@link DEFAULT_MAX_ATTEMPTS}. */
  readonly maxAttempts?: number;
  /** Tasks that one process does at the same time; default {@link DEFAULT_CONCURRENCY}. */
  readonly concurrency?: number;
}

/** Does the tasks of one name. */
export interface TaskHandler<Payload extends object = object> {
  readonly name: string;
  /** Lanes that the tasks of one subject go in, one after the other in each; null: in none. */
  readonly lanes: number | null;
  readonly deadlineMs: number;
  readonly maxAttempts: number;
  readonly concurrency: number;
  /**
   * Does one task; may be run again with the same id after a crash.
   * @returns what is kept as the task's result: ids and digests, no personal data
   * @throws PermanentFailure where another attempt cannot help, OtherSideAway where none was made;
   *   anything else is tried again
   */
  readonly run: (payload: Payload, context: TaskContext) => Promise<object | void>;
}

const DEFAULT_DEADLINE_MS = 30_000;
const DEFAULT_MAX_ATTEMPTS = 12;
const DEFAULT_CONCURRENCY = 10;

/** Declares how the tasks of a name are done. */
export function defineTaskHandler<Payload extends object>(
  name: string,
  options: TaskHandlerOptions,
  run: TaskHandler<Payload>['run'],
): TaskHandler {
  const handler: TaskHandler<Payload> = {
    name,
    lanes: options.isOrdered ? 1 : (options.perSubject ?? null),
    deadlineMs: options.deadlineMs ?? DEFAULT_DEADLINE_MS,
    maxAttempts: options.maxAttempts ?? DEFAULT_MAX_ATTEMPTS,
    concurrency: options.concurrency ?? DEFAULT_CONCURRENCY,
    run,
  };
  return handler as unknown as TaskHandler;
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
