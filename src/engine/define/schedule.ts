/** What is done at certain times, by one process of all that have the schedule. */
export interface Schedule {
  /** Stable: it is stored. */
  readonly name: string;
  /** A cron pattern of five or six fields (seconds first), in UTC; undefined: never. */
  readonly pattern: string | undefined;
  /**
   * Runs at least once for each time, perhaps late and perhaps twice.
   * @param at the time that it is for
   */
  run(at: Date): Promise<void>;
}
