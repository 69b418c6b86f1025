import type { Kysely } from 'kysely';
import type { Clock } from '../define/ids';
import type { Registry } from '../define/registry';
import type { BookDays } from '../../money/book-days';
import type { LogDatabase } from './event-log';

/** What an execution needs of the process. */
export interface ExecutionScope {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly days: BookDays;
  /** For looking up idempotency keys and the events of repeated commands. */
  readonly log: Kysely<LogDatabase>;
}
