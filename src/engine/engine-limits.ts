/** The named bounds of the write path. */
export interface EngineLimits {
  /** Commands that may wait in one process; one more is refused with `ledger_unavailable`. */
  readonly queueLimit: number;
  /** Commands that one locked transaction pair commits together. */
  readonly batchLimit: number;
  /** How long a batch waits for the locks before its commands are refused. */
  readonly lockTimeoutMs: number;
  /** How long one statement of the write path may run. */
  readonly statementTimeoutMs: number;
  /** How long the answer of a command that has (perhaps) happened is held back for healing. */
  readonly recoveryTimeoutMs: number;
}
