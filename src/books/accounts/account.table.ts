import { defineKeyedTable } from '../../engine/define/state-table';
import type { AccountType } from './account.events';

/** A row of `accounts`. Money in minor units. */
export interface StoredAccount {
  /** Position of the event that opened the account. */
  account_no: number;
  account_id: string;
  closed_position: number | null;
  created_at: string;
  type: AccountType;
  currency: string;
  min_balance: bigint | null;
  max_balance: bigint | null;
  client_id: string | null;
  name: string;
  metadata: Record<string, string>;
}

/** An account with what its last entry says of it. */
export interface AccountRow extends StoredAccount {
  /** Sum of all debits. */
  debits: bigint;
  /** Sum of all credits. */
  credits: bigint;
  /** 1 when opened, and one more with every posting and with the closing. */
  version: number;
  /** Position of the last event that changed the account. */
  last_position: number;
}

/** A row of `entries`: one posting of one transaction, with the account's totals after it. */
export interface EntryRow {
  account_no: number;
  position: number;
  account_version: number;
  /** The posting's place in its transaction, from 0. */
  ordinal: number;
  effective_date: string;
  direction: 'debit' | 'credit';
  amount: bigint;
  debits_after: bigint;
  credits_after: bigint;
}

const LAST_POSITION = Number.MAX_SAFE_INTEGER;

/**
 * The accounts as they were after the event at `position` (default: as they are), with totals from
 * their last entry until then. SQL for the state database; one look into the entries' index each.
 */
export function accountsAsOf(position: number = LAST_POSITION): string {
  const closed = `a.closed_position <= ${position}`;
  return `
    select a.account_no, a.account_id, a.created_at, a.type, a.currency, a.min_balance,
      a.max_balance, a.client_id, a.name, a.metadata,
      case when ${closed} then a.closed_position end as closed_position,
      coalesce(e.debits_after, 0) as debits, coalesce(e.credits_after, 0) as credits,
      coalesce(e.account_version, 1) + case when ${closed} then 1 else 0 end as version,
      coalesce(case when ${closed} then a.closed_position end, e.position, a.account_no)
        as last_position
    from accounts a
    left join lateral (
      select position, account_version, debits_after, credits_after from entries
      where account_no = a.account_no and position <= ${position}
      order by position desc, ordinal desc limit 1
    ) e on true
    where a.account_no <= ${position}`;
}

export const accounts = defineKeyedTable<AccountRow>({
  name: 'accounts',
  lastPosition: 'coalesce(closed_position, account_no)',
  key: 'account_id',
  unique: ['client_id'],
  mutable: ['closed_position'],
  source: accountsAsOf(),
  cacheRows: 50_000,
  // About 400 bytes each. Beyond that a rebuild looks totals up in the entries, by their index.
  rebuildRows: 150_000,
  columns: {
    account_no: 'bigint',
    account_id: 'uuid',
    closed_position: 'bigint',
    created_at: 'timestamptz',
    type: 'text',
    currency: 'text',
    min_balance: 'numeric',
    max_balance: 'numeric',
    client_id: 'text',
    name: 'text',
    metadata: 'jsonb',
  },
});
