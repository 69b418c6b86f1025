import type { Kysely } from 'kysely';
import type { Head } from '../define/event';
import type { Clock } from '../define/ids';
import type { Registry } from '../define/registry';
import type { StateDatabase } from '../define/state-table';
import type { LogDatabase } from './event-log';
import type { BookDays } from '../../money/book-days';
import type { WritePath } from './write-path';

/** The named bounds of the write path. */
export interface EngineLimits {
  /** Commands that may wait in one process; one more is refused with `ledger_unavailable`. */
  readonly queueLimit: number;
  /** Commands that one locked transaction pair commits together. */
  readonly batchLimit: number;
  /**
   * Bytes of the requests that a batch's commands came in, and of the events and answers that they
   * become; what would come behind them is of the next one.
   */
  readonly batchBytesLimit: number;
  /**
   * Bytes of the events that one command may become, beyond which it is refused with
   * `payload_too_large`: some commands are short and make many.
   */
  readonly commandBytesLimit: number;
  /** How long a batch waits for the locks before its commands are refused. */
  readonly lockTimeoutMs: number;
  /** How long one statement of the write path may run. */
  readonly statementTimeoutMs: number;
  /** How long the answer of a command that has (perhaps) happened is held back for healing. */
  readonly recoveryTimeoutMs: number;
}

/** Where failures that no caller sees in full are logged. */
export interface EngineLog {
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** What a ledger is made of. */
export interface LedgerParts {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly days: BookDays;
  readonly limits: EngineLimits;
  readonly path: WritePath;
  readonly logReader: Kysely<LogDatabase>;
  readonly stateReader: Kysely<StateDatabase>;
  readonly log: EngineLog;
  /** Told after every commit, with the head of the log and whether tasks may have come with it. */
  readonly onCommitted?: (head: Head, hasTasks: boolean) => void;
}
