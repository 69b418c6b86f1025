/** The named bounds of handing over and doing tasks. Times are milliseconds. */
export interface TaskLimits {
  /**
   * Tasks of one name that each process may have in the queue; what is more stays in the log until
   * there is room.
   */
  readonly windowTasks: number;
  /** Pause before the log is looked at where no commit of this process said that there is more. */
  readonly pollMs: number;
  /** Pause between two searches for tasks that were handed over and came to nothing. */
  readonly sweepMs: number;
  /** A task that was handed over and not touched for so long is handed over again. */
  readonly graceMs: number;
  /** Pause after the first failed attempt; doubled with every further one. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** How long the queue leaves a task to a process that was killed. */
  readonly lockMs: number;
}
