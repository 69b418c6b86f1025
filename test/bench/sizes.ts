/** How long and how much is measured. */
export interface Sizes {
  readonly engineMs: number;
  readonly httpSeconds: number;
  readonly pgbenchSeconds: number;
  readonly warmUpMs: number;
  /** Events in the log before the measurement "at a million" and before the replay. */
  readonly events: number;
  /** Events of every kind in the log while replay and verification are measured. */
  readonly provenEvents: number;
  /** Lengths of the stretches from the log's beginning that are rebuilt. */
  readonly rebuilds: readonly number[];
  /** Transactions in the books when they are read by date. */
  readonly dated: readonly number[];
  /** Files of WAL that the server has to recycle when the measuring begins. */
  readonly walFiles: number;
  /** Tasks that nobody does, recorded while they are handed over. */
  readonly tasks: number;
  /** Accounts in one accrual of interest. */
  readonly interestAccounts: number;
  /** Holds that expire together. */
  readonly expiringHolds: number;
  /** Scheduled transactions that are due together. */
  readonly dueSchedules: number;
  /** Lines of a file that is imported. */
  readonly importedLines: number;
  /** How often pgbench and the engine are measured in turn; the medians are reported. */
  readonly rounds: number;
}

export const FULL: Sizes = {
  engineMs: 10_000,
  httpSeconds: 10,
  pgbenchSeconds: 10,
  warmUpMs: 2_000,
  events: 1_000_000,
  tasks: 1_000_000,
  interestAccounts: 100_000,
  expiringHolds: 100_000,
  dueSchedules: 100_000,
  importedLines: 200_000,
  rebuilds: [10_000, 100_000, 1_000_000, 3_000_000],
  provenEvents: 1_000_000,
  dated: [100_000, 3_000_000],
  walFiles: 128,
  rounds: 3,
};

/** Under two minutes in all. */
export const QUICK: Sizes = {
  engineMs: 2_000,
  httpSeconds: 3,
  pgbenchSeconds: 3,
  warmUpMs: 500,
  events: 100_000,
  tasks: 50_000,
  interestAccounts: 5_000,
  expiringHolds: 5_000,
  dueSchedules: 5_000,
  importedLines: 20_000,
  rebuilds: [10_000, 60_000],
  provenEvents: 60_000,
  dated: [10_000, 50_000],
  walFiles: 32,
  rounds: 1,
};

export const ACCOUNTS = 1_000;
