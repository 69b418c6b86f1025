/** The named bounds of the stream of events. Times are milliseconds. */
export interface EventLimits {
  /** Listeners of one process at once; one more is refused with `ledger_unavailable`. */
  readonly listeners: number;
  /** How often every listener gets a comment, so that both sides see that the other is there. */
  readonly heartbeatMs: number;
  /** Pause before the state is looked at where no commit of this process said that it went on. */
  readonly pollMs: number;
}
