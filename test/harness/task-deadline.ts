import { taskHandlers } from '../../src/features';

/** What a machine with other things to do needs at most for an attempt that nothing holds up. */
const AMPLE_MS = 15_000;

/**
 * The program's handlers with a deadline that a test shortens where it has to wait for it: an
 * attempt that is cut short by chance is made again, and what it did is done twice.
 */
export class TaskDeadline {
  ms = AMPLE_MS;

  readonly handlers: typeof taskHandlers = (...parts) => {
    const current = () => this.ms;
    return taskHandlers(...parts).map((handler) => ({
      ...handler,
      get deadlineMs() {
        return current();
      },
    }));
  };

  /** To be called before each test. */
  reset(): void {
    this.ms = AMPLE_MS;
  }
}
