/** What is done at certain times: cron patterns in UTC; undefined: it is off. */
export interface ScheduleConfig {
  readonly verify: string | undefined;
  readonly checkpoint: string | undefined;
}
