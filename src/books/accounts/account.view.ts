import { formatAmount } from '../../money/amount';
import type { AccountOpenedData, AccountType } from './account.events';
import type { LedgerEvent } from '../../engine/define/event';
import type { AccountRow, ShownAccountRow } from './account.table';
import type { AccountDto } from './account.dto';

/** The side on which an account's balance grows. */
export function normalSide(type: AccountType): 'debit' | 'credit' {
  return type === 'asset' || type === 'expense' ? 'debit' : 'credit';
}

/** The balance in minor units, signed on the account's normal side. */
export function balanceOf(type: AccountType, debits: bigint, credits: bigint): bigint {
  return normalSide(type) === 'debit' ? debits - credits : credits - debits;
}

/** What an account has and what holds reserve of it; minor units. */
export type Totals = Pick<AccountRow, 'debits' | 'credits' | 'pending_debits' | 'pending_credits'>;

/** The least and the most that the balance can become by open holds, in minor units. */
export function reachOf(
  type: AccountType,
  { debits, credits, pending_debits, pending_credits }: Totals,
): { readonly available: bigint; readonly most: bigint } {
  const balance = balanceOf(type, debits, credits);
  const isDebit = normalSide(type) === 'debit';
  const [adds, takes] = isDebit
    ? [pending_debits, pending_credits]
    : [pending_credits, pending_debits];
  return { available: balance - takes, most: balance + adds };
}

export function accountView(row: ShownAccountRow): AccountDto {
  const money = (minor: bigint) => formatAmount(minor, row.digits);
  const { debits, credits } = row;
  return {
    id: row.account_id,
    clientId: row.client_id,
    name: row.name,
    type: row.type,
    normalSide: normalSide(row.type),
    currency: row.currency,
    group: row.account_group,
    status: row.closed_position === null ? 'open' : 'closed',
    balance: money(balanceOf(row.type, debits, credits)),
    debits: money(debits),
    credits: money(credits),
    pendingDebits: money(row.pending_debits),
    pendingCredits: money(row.pending_credits),
    available: money(reachOf(row.type, row).available),
    frozen: row.frozen,
    minBalance: row.min_balance === null ? null : money(row.min_balance),
    maxBalance: row.max_balance === null ? null : money(row.max_balance),
    version: row.version,
    metadata: row.metadata,
    createdAt: row.created_at,
    position: row.last_position,
  };
}

/** The account as the event that opened it leaves it. */
export function openedAccountView(event: LedgerEvent<AccountOpenedData>): AccountDto {
  const { data } = event;
  const zero = formatAmount(0n, data.digits);
  return {
    id: data.accountId,
    clientId: data.clientId,
    name: data.name,
    type: data.type,
    normalSide: normalSide(data.type),
    currency: data.currency,
    group: data.group,
    status: 'open',
    balance: zero,
    debits: zero,
    credits: zero,
    pendingDebits: zero,
    pendingCredits: zero,
    available: zero,
    frozen: null,
    minBalance: data.minBalance,
    maxBalance: data.maxBalance,
    version: 1,
    metadata: data.metadata,
    createdAt: event.recordedAt,
    position: event.position,
  };
}
