import type { Kysely } from 'kysely';
import type { Clock } from '../define/ids';
import { PassingRefusal } from '../define/refusal';
import type { Registry } from '../define/registry';
import type { BookTime } from '../define/state-session';
import type { BookDays } from '../../money/book-days';
import type { LogDatabase } from './event-log';

/** What an execution needs of the process. */
export interface ExecutionScope {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly days: BookDays;
  /** For looking up idempotency keys and the events of repeated commands. */
  readonly log: Kysely<LogDatabase>;
  /** Bytes of the events that one command may become; default: no bound. */
  readonly commandBytesLimit?: number;
}

/** Not remembered: elsewhere, or later, there may be room. */
export class CommandTooLarge extends PassingRefusal {}

/** @throws CommandTooLarge `payload_too_large` */
export function refuseLarge(bytes: number, { commandBytesLimit: most }: ExecutionScope): void {
  if (most === undefined || bytes <= most) return;
  const detail = `The command would make more than ${most} bytes of events: divide it`;
  throw new CommandTooLarge('payload_too_large', detail);
}

/** A time in the books of a process. */
export class TimeInBooks implements BookTime {
  constructor(
    readonly now: string,
    private readonly days: BookDays,
  ) {}

  get today(): string {
    return this.dayOf(this.now);
  }

  dayOf(instant: string): string {
    return this.days.of(instant);
  }

  startOf(day: string): string {
    return this.days.startOf(day);
  }
}
