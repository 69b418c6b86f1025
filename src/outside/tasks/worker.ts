import { setTimeout as delay } from 'node:timers/promises';
import type { TaskLimits } from './task-limits';
import { sqlstateOf } from '../../database/sqlstates';
import type { Creator } from '../../engine/define/creator';
import type { Ledger } from '../../engine/write/ledger';
import type { EngineLog } from '../../engine/write/ledger-parts';
import { isUnavailable } from '../../engine/write/failures';
import { LedgerUnavailable, Refusal } from '../../engine/define/refusal';
import type { Registry } from '../../engine/define/registry';
import {
  OtherSideAway,
  PermanentFailure,
  type TaskContext,
} from '../../engine/define/task-handler';
import { NOT_YET, type AttemptEnd, type Deliveries, type StartedTask } from './deliveries';
import type { HandledTask } from './handled-task';
import type { JobQueues } from './job-queues';
import { errorMessage, isError } from '../../database/errors';

/** Pause before the end of an attempt is tried to be recorded once more. */
const RECORD_PAUSE_MS = 1_000;
/** Where the other side is away, nobody asks it again sooner than after this many first pauses. */
const AWAY_PAUSES = 5;
/** When a task comes again that has to wait for an earlier one of its lane. */
const LANE_PAUSE_MS = 1_000;
/** The actor of commands that handlers submit. */
const ACTOR = 'task';

export interface WorkerParts {
  readonly deliveries: Pick<Deliveries, 'begin' | 'end'>;
  readonly queues: Pick<JobQueues, 'add' | 'work'>;
  readonly handlers: readonly HandledTask[];
  readonly registry: Pick<Registry, 'upcast'>;
  readonly ledger: Pick<Ledger, 'submit'>;
  readonly limits: TaskLimits;
  readonly log: EngineLog;
}

/** Does what the queue brings: once where it can be known, else again with the same id. */
export class TaskWorker {
  private isStopped = false;

  constructor(private readonly parts: WorkerParts) {}

  /** Begins to take jobs, of each name apart, so that no name holds up another. */
  start(): void {
    const { queues, handlers } = this.parts;
    for (const handler of handlers) {
      queues.work(handler.name, handler.concurrency, (taskId) => this.run(handler, taskId));
    }
  }

  /** To be called when the connections go: what was not recorded by then is done again. */
  stop(): void {
    this.isStopped = true;
  }

  /** @returns milliseconds after which the task comes again; undefined: it is over */
  private async run(handler: HandledTask, taskId: string): Promise<number | undefined> {
    const { deliveries, queues } = this.parts;
    const started = await deliveries.begin(taskId);
    if (!started) return undefined;
    if (started === NOT_YET) return LANE_PAUSE_MS;
    const end = await this.attempt(handler, started);
    // Crash window: what was done and is not recorded is done again, with the same id.
    const next = await this.record(started, end);
    if (next !== undefined) {
      await queues.add(handler.name, [{ taskId: next }]).catch((err: unknown) => {
        this.parts.log.warn({ err, taskId: next }, 'the next task of a lane waits for the sweep');
      });
    }
    return end.status === 'later' ? end.delayMs : undefined;
  }

  private async attempt(handler: HandledTask, started: StartedTask): Promise<AttemptEnd> {
    const deadline = new AbortController();
    const timer = setTimeout(
      () => deadline.abort(new Error(`No end within ${handler.deadlineMs} ms`)),
      handler.deadlineMs,
    );
    try {
      const context = this.contextOf(started, deadline.signal);
      const result = await Promise.race([
        handler.run(started.payload, context),
        rejectOnAbort(deadline.signal),
      ]);
      return { status: 'done', result: result ? JSON.stringify(result) : null };
    } catch (error) {
      return this.endOf(handler, started, deadline.signal.aborted ? deadline.signal.reason : error);
    } finally {
      clearTimeout(timer);
    }
  }

  private contextOf({ taskId, attempt, event }: StartedTask, signal: AbortSignal): TaskContext {
    const { ledger, registry } = this.parts;
    const upcast = registry.upcast(event);
    return {
      taskId,
      attempt,
      event: upcast,
      signal,
      submit: async <Input, Answer>(creator: Creator<Input, Answer>, input: Input) => {
        const outcome = await ledger.submit({
          creator,
          input,
          actor: ACTOR,
          idempotencyKey: taskId,
          correlationId: event.correlationId ?? undefined,
          causationId: event.eventId,
        });
        if (outcome.kind === 'refused') throw outcome.refusal;
        return outcome.answer;
      },
    };
  }

  private endOf(handler: HandledTask, started: StartedTask, failure: unknown): AttemptEnd {
    const error = errorMessage(failure);
    const { taskId, attempt } = started;
    const details = { taskId, task: handler.name, attempt, ...withoutMessage(failure) };
    const isOwnDatabaseAway = sqlstateOf(failure) !== undefined && isUnavailable(failure);
    if (failure instanceof LedgerUnavailable || isOwnDatabaseAway) {
      return { status: 'later', error, delayMs: jittered(RECORD_PAUSE_MS), counts: false };
    }
    if (failure instanceof OtherSideAway) {
      // All who wait come back over a time as long as they waited, and none of them before.
      const pauseMs = Math.max(failure.retryAfterMs, AWAY_PAUSES * this.parts.limits.backoffMs);
      const delayMs = Math.ceil(pauseMs * (1 + Math.random()));
      return { status: 'later', error, delayMs, counts: false };
    }
    // A refusal is remembered with the task's id: asking again would only repeat it.
    const isPermanent = failure instanceof PermanentFailure || failure instanceof Refusal;
    // Attempts that ended with their process are counted, but do not by themselves fail a task.
    if (isPermanent || attempt >= handler.maxAttempts) {
      this.parts.log.error(details, 'a task has failed');
      return { status: 'failed', error };
    }
    this.parts.log.warn(details, 'an attempt at a task failed');
    return { status: 'later', error, delayMs: this.backoffMs(attempt), counts: true };
  }

  /** Exponential, with a random half, so that what failed together does not come back together. */
  private backoffMs(attempt: number): number {
    const { backoffMs, maxBackoffMs } = this.parts.limits;
    return jittered(Math.min(maxBackoffMs, backoffMs * 2 ** (attempt - 1)));
  }

  /**
   * Tries until the service stops, once a second: what has happened and is not recorded would be
   * done again. The handler's concurrency bounds how many wait like this.
   */
  private async record(started: StartedTask, end: AttemptEnd): Promise<string | undefined> {
    for (;;) {
      try {
        return await this.parts.deliveries.end(started, end);
      } catch (err) {
        if (this.isStopped) throw err;
        const { taskId } = started;
        this.parts.log.warn({ err, taskId }, 'the end of a task could not be recorded yet');
        await delay(RECORD_PAUSE_MS);
      }
    }
  }
}

/** From half of a time to one and a half of it. */
function jittered(ms: number): number {
  return Math.ceil(ms * (0.5 + Math.random()));
}

/** For handlers that do not listen to their signal. */
function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/** For the log: an error's message may quote an address, which the record of the task may keep. */
function withoutMessage(failure: unknown): { error: string; frames?: string[] } {
  if (!isError(failure)) return { error: typeof failure };
  const frames = failure.stack?.split('\n').filter((line) => line.startsWith('    at '));
  return { error: failure.name, ...(frames && { frames }) };
}
