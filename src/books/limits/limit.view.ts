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

function groupTarget(group: string): string {
  return `group:${group}`;
}

/** The same of a group and of all that it is in, the outermost first. */
export function groupTargets(group: string): string[] {
  const parts = group.split(':');
  return parts.map((_, i) => groupTarget(parts.slice(0, i + 1).join(':')));
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
