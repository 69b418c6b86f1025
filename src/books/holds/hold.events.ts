import { defineEvent } from '../../engine/define/event';
import type {
  Amount,
  ClientId,
  CurrencyCode,
  Instant,
  Uuid,
} from '../../engine/define/event-fields';
import type { LimitsUsed } from '../limits/limit.events';
import type { Direction } from '../transactions/transaction.events';

/** What is reserved on one side of an account. */
export interface HoldPosting {
  accountId: Uuid;
  /** Decimal string with all of the currency's digits. */
  amount: Amount;
  currency: CurrencyCode;
  direction: Direction;
}

/** What a hold does not have is absent. */
export interface HoldPlacedData {
  clientId?: ClientId;
  description: string;
  /** From then on it holds nothing, and can only expire. */
  expiresAt?: Instant;
  holdId: Uuid;
  /** What is used of the limits of its accounts after it, where they have some. */
  limits?: LimitsUsed[];
  metadata?: Record<string, string>;
  postings: HoldPosting[];
}
export const HoldPlaced = defineEvent<HoldPlacedData>('HoldPlaced');

/** Some of a hold, or the rest of it, is posted; the transaction follows. */
export interface HoldCapturedData {
  /** Whether the hold is captured now: nothing is left of it, or what is left is freed. */
  final: boolean;
  holdId: Uuid;
  /** What is posted of it. */
  postings: HoldPosting[];
  /** What is freed besides; empty unless final. */
  released: HoldPosting[];
  transactionId: Uuid;
}
export const HoldCaptured = defineEvent<HoldCapturedData>('HoldCaptured');

export interface HoldVoidedData {
  holdId: Uuid;
  /** What is freed: all that was left. */
  postings: HoldPosting[];
  reason?: string;
}
export const HoldVoided = defineEvent<HoldVoidedData>('HoldVoided');

/** It occurred when the hold's time was over, and is recorded when somebody looked. */
export interface HoldExpiredData {
  /** The instant that was decided when the hold was placed. */
  expiresAt: Instant;
  holdId: Uuid;
  /** What is freed: all that was left. */
  postings: HoldPosting[];
}
export const HoldExpired = defineEvent<HoldExpiredData>('HoldExpired');
