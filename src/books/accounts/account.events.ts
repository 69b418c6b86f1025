import { defineEvent } from '../../engine/define/event';
import type { ClientId, CurrencyCode, SignedAmount, Uuid } from '../../engine/define/event-fields';

export type AccountType = 'asset' | 'liability' | 'equity' | 'income' | 'expense';
export const ACCOUNT_TYPES = ['asset', 'liability', 'equity', 'income', 'expense'] as const;

/** Amounts are decimal strings with all of the currency's digits. */
export interface AccountOpenedData {
  accountId: Uuid;
  clientId: ClientId | null;
  name: string;
  type: AccountType;
  currency: CurrencyCode;
  minBalance: SignedAmount | null;
  maxBalance: SignedAmount | null;
  metadata: Record<string, string>;
}
export const AccountOpened = defineEvent<AccountOpenedData>('AccountOpened');

export interface AccountClosedData {
  accountId: Uuid;
}
export const AccountClosed = defineEvent<AccountClosedData>('AccountClosed');
