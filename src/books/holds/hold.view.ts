import type { LedgerEvent } from '../../engine/define/event';
import { withDigitsOf } from './hold.rules';
import type { HoldPlacedData } from './hold.events';
import type { HoldRow } from './hold.table';
import type { HoldDto } from './hold.dto';

export function holdView(row: HoldRow): HoldDto {
  return {
    id: row.hold_id,
    clientId: row.client_id,
    description: row.description,
    status: row.status,
    expiresAt: row.expires_at,
    metadata: row.metadata,
    postings: row.postings.map(({ accountId, direction, amount, captured, currency }) => {
      return { accountId, direction, amount, captured, currency };
    }),
    transactionIds: [...row.transaction_ids],
    version: row.version,
    createdAt: row.created_at,
    position: row.last_position,
  };
}

/** The hold as the event that placed it leaves it, without what the books know of its accounts. */
export function placedHold({ position, recordedAt, data }: LedgerEvent<HoldPlacedData>): HoldRow {
  return {
    hold_no: position,
    hold_id: data.holdId,
    created_at: recordedAt,
    client_id: data.clientId ?? null,
    description: data.description,
    expires_at: data.expiresAt ?? null,
    metadata: data.metadata ?? {},
    status: 'held',
    postings: data.postings.map((posting) => {
      return { ...posting, captured: withDigitsOf(posting.amount, 0n) };
    }),
    account_nos: [],
    transaction_ids: [],
    version: 1,
    last_position: position,
  };
}
