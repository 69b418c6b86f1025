import { defineEvent } from '../../engine/define/event';
import type {
  Amount,
  CalendarDate,
  ClientId,
  CurrencyCode,
  Instant,
  Uuid,
} from '../../engine/define/event-fields';
import type { Direction } from '../transactions/transaction.events';

export const REPEATS = ['daily', 'weekly', 'monthly', 'yearly'] as const;
export type Repeat = (typeof REPEATS)[number];

/** A day, and the instant in which it begins in the book's time zone. */
export interface DueDay {
  on: CalendarDate;
  dueAt: Instant;
}

export interface ScheduledPosting {
  accountId: Uuid;
  /** Decimal string with all of the currency's digits. */
  amount: Amount;
  currency: CurrencyCode;
  direction: Direction;
}

/** What it does not have is absent. */
export interface TransactionScheduledData {
  scheduleId: Uuid;
  clientId?: ClientId;
  description: string;
  metadata?: Record<string, string>;
  postings: ScheduledPosting[];
  /** The first day. */
  first: DueDay;
  repeat?: Repeat;
  /** The last day that it may be posted on. */
  until?: CalendarDate;
}
export const TransactionScheduled = defineEvent<TransactionScheduledData>('TransactionScheduled');

/** It was posted for a day; the transaction is the event before. */
export interface ScheduledTransactionPostedData {
  scheduleId: Uuid;
  on: CalendarDate;
  transactionId: Uuid;
  /** When it is due again; absent where it is not. */
  next?: DueDay;
}
export const ScheduledTransactionPosted = defineEvent<ScheduledTransactionPostedData>(
  'ScheduledTransactionPosted',
);

/** It was refused for a day, which is not tried again. */
export interface ScheduledTransactionRefusedData {
  scheduleId: Uuid;
  on: CalendarDate;
  /** The code of the refusal, and what it says. */
  code: string;
  detail: string;
  /** When it is due again; absent where it is not. */
  next?: DueDay;
}
export const ScheduledTransactionRefused = defineEvent<ScheduledTransactionRefusedData>(
  'ScheduledTransactionRefused',
);

export interface ScheduledTransactionCancelledData {
  scheduleId: Uuid;
}
export const ScheduledTransactionCancelled = defineEvent<ScheduledTransactionCancelledData>(
  'ScheduledTransactionCancelled',
);
