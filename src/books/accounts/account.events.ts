import { defineEvent } from '../../engine/define/event';
import type {
  AccountGroup,
  ClientId,
  CurrencyCode,
  CurrencyDigits,
  SignedAmount,
  Uuid,
} from '../../engine/define/event-fields';
import { formerDigits } from './former-digits';

export type AccountType = 'asset' | 'liability' | 'equity' | 'income' | 'expense';
export const ACCOUNT_TYPES = ['asset', 'liability', 'equity', 'income', 'expense'] as const;

/** Amounts are decimal strings with all of the currency's digits. */
export interface AccountOpenedData {
  accountId: Uuid;
  clientId: ClientId | null;
  name: string;
  type: AccountType;
  currency: CurrencyCode;
  /** Decimal digits of all its amounts; the first account of a currency decides for all others. */
  digits: CurrencyDigits;
  group: AccountGroup | null;
  minBalance: SignedAmount | null;
  maxBalance: SignedAmount | null;
  metadata: Record<string, string>;
}
export const AccountOpened = defineEvent<AccountOpenedData>('AccountOpened', 3, {
  1: (data) => ({ ...data, digits: formerDigits((data as AccountOpenedData).currency) }),
  2: (data) => ({ ...data, group: null }),
});

export interface AccountClosedData {
  accountId: Uuid;
}
export const AccountClosed = defineEvent<AccountClosedData>('AccountClosed');

/** What an account is to be from now on; what is absent stays as it was. */
export interface AccountChangedData {
  accountId: Uuid;
  group?: AccountGroup | null;
  maxBalance?: SignedAmount | null;
  metadata?: Record<string, string>;
  minBalance?: SignedAmount | null;
  name?: string;
}
export const AccountChanged = defineEvent<AccountChangedData>('AccountChanged');

export type FrozenSide = 'debits' | 'credits' | 'all';
export const FROZEN_SIDES = ['debits', 'credits', 'all'] as const;

/** Nothing is posted to that side any more; a side that was frozen before is replaced. */
export interface AccountFrozenData {
  accountId: Uuid;
  reason: string;
  side: FrozenSide;
}
export const AccountFrozen = defineEvent<AccountFrozenData>('AccountFrozen');

export interface AccountUnfrozenData {
  accountId: Uuid;
  reason: string;
}
export const AccountUnfrozen = defineEvent<AccountUnfrozenData>('AccountUnfrozen');

export interface AccountReopenedData {
  accountId: Uuid;
  reason: string;
}
export const AccountReopened = defineEvent<AccountReopenedData>('AccountReopened');
