import { defineEvent } from '../../engine/define/event';
import type {
  AccountGroup,
  Amount,
  ClientId,
  Count,
  CurrencyCode,
  CurrencyDigits,
  Instant,
  Uuid,
} from '../../engine/define/event-fields';

export const LIMIT_WINDOWS = ['day', 'week', 'month', 'rolling-24h'] as const;
export type LimitWindow = (typeof LIMIT_WINDOWS)[number];

/** What may go through an account, or each of a group, in one direction and window. */
export interface LimitCreatedData {
  limitId: Uuid;
  clientId: ClientId | null;
  /** Of account and group one is null. */
  accountId: Uuid | null;
  group: AccountGroup | null;
  direction: 'debit' | 'credit';
  currency: CurrencyCode;
  digits: CurrencyDigits;
  /** Gross; null: any amount. */
  amount: Amount | null;
  /** Transactions; null: any number. */
  count: Count | null;
  per: LimitWindow;
}
export const LimitCreated = defineEvent<LimitCreatedData>('LimitCreated');

/** What is absent stays as it is. */
export interface LimitChangedData {
  limitId: Uuid;
  /** What it is for, as when it was made. */
  accountId: Uuid | null;
  group: AccountGroup | null;
  amount?: Amount | null;
  count?: Count | null;
}
export const LimitChanged = defineEvent<LimitChangedData>('LimitChanged');

export interface LimitRemovedData {
  limitId: Uuid;
  /** What it was for. */
  accountId: Uuid | null;
  group: AccountGroup | null;
}
export const LimitRemoved = defineEvent<LimitRemovedData>('LimitRemoved');

/** What is used of one limit after a posting, on that posting's event. */
export interface LimitUse {
  limitId: Uuid;
  /** Of the window, this posting included. */
  amount: Amount;
  count: Count;
  /** From then on less is used: all of it, or what leaves a rolling window first. */
  resetsAt: Instant;
  /** Of a rolling window: all up to this position has left it. */
  leftThrough?: Count;
  /** And so many behind that, of those that count. Absent: none. */
  left?: Count;
}

/** What is used, after a posting, of all limits of an account in a direction. */
export interface LimitsUsed {
  accountId: Uuid;
  direction: 'debit' | 'credit';
  uses: LimitUse[];
}
