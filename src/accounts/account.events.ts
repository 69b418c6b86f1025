import { defineEvent } from '../engine/event';

export type AccountType = 'asset' | 'liability' | 'equity' | 'income' | 'expense';
export const ACCOUNT_TYPES = ['asset', 'liability', 'equity', 'income', 'expense'] as const;

/** Amounts are decimal strings with all of the currency's digits. */
export interface AccountOpenedData {
  accountId: string;
  clientId: string | null;
  name: string;
  type: AccountType;
  /** ISO 4217. */
  currency: string;
  minBalance: string | null;
  maxBalance: string | null;
  metadata: Record<string, string>;
}
export const AccountOpened = defineEvent<AccountOpenedData>('AccountOpened');

export interface AccountClosedData {
  accountId: string;
}
export const AccountClosed = defineEvent<AccountClosedData>('AccountClosed');
