import type { TaskContext, TaskHandler } from '../../engine/define/task-handler';

const DEFAULT_DEADLINE_MS = 30_000;
const DEFAULT_MAX_ATTEMPTS = 12;
const DEFAULT_CONCURRENCY = 10;

/** The tasks of one name, with their handler's bounds, each of which it need not name. */
export class HandledTask {
  constructor(private readonly handler: TaskHandler) {}

  get name(): string {
    return this.handler.name;
  }

  /** Lanes that the tasks of one subject go in, one after the other in each; null: in none. */
  get lanes(): number | null {
    const { isOrdered, perSubject } = this.handler.options ?? {};
    return isOrdered ? 1 : (perSubject ?? null);
  }

  /** Milliseconds. */
  get deadlineMs(): number {
    return this.handler.options?.deadlineMs ?? DEFAULT_DEADLINE_MS;
  }

  get maxAttempts(): number {
    return this.handler.options?.maxAttempts ?? DEFAULT_MAX_ATTEMPTS;
  }

  get concurrency(): number {
    return this.handler.options?.concurrency ?? DEFAULT_CONCURRENCY;
  }

  run(payload: object, context: TaskContext): Promise<object | void> {
    return this.handler.run(payload, context);
  }
}
