import { formatAmount } from '../../money/amount';
import type { LimitDto } from './limit.dto';
import type { LimitRow } from './limit.table';

/** What a limit is for, as the key of its row of terms. */
export function targetOf({
  accountId,
  group,
}: {
  readonly accountId: string | null;
  readonly group: string | null;
}): string {
  return accountId ?? groupTarget(group!);
}

export function groupTarget(group: string): string {
  return `group:${group}`;
}

export function limitView(row: LimitRow): LimitDto {
  return {
    id: row.limit_id,
    clientId: row.client_id,
    accountId: row.account_id,
    group: row.account_group,
    direction: row.direction,
    currency: row.currency,
    amount: row.amount === null ? null : formatAmount(row.amount, row.digits),
    count: row.count,
    per: row.per,
    removedAt: row.removed_at,
    version: row.version,
    createdAt: row.created_at,
    position: row.last_position,
  };
}
