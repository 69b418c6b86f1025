import { beyond, type Order } from '../../engine/session/page-rows';
import type { Kysely } from 'kysely';
import { findReferenced, needReferenced, readReferenced } from '../../engine/define/reference';
import type { Found, RowNeeds, StateSession } from '../../engine/define/state-session';
import { velocityLimits, type LimitRow, type LimitTables } from './limit.table';

/** Names a limit that a creator is going to read. */
export function needLimit(needs: RowNeeds, reference: string): void {
  needReferenced(needs, velocityLimits, reference);
}

/** The limit that a reference names, in the session. */
export function findLimit(state: StateSession, reference: string): Found<LimitRow> {
  return findReferenced(state, velocityLimits, reference);
}

/** The limit that a reference names, in the database. */
export const readLimit = readReferenced(velocityLimits);

export interface LimitFilter {
  readonly accountId?: string | undefined;
  readonly group?: string | undefined;
  readonly clientId?: string | undefined;
}

/** Limits in the order in which they were made, after a limit's number; removed ones too. */
export function listLimits(
  db: Kysely<LimitTables>,
  { accountId, group, clientId }: LimitFilter,
  after: number,
  limit: number,
  order: Order = 'asc',
): Promise<LimitRow[]> {
  let query = db.selectFrom('velocity_limits').selectAll().where('limit_no', beyond(order), after);
  if (accountId !== undefined) query = query.where('account_id', '=', accountId);
  if (group !== undefined) query = query.where('account_group', '=', group);
  if (clientId !== undefined) query = query.where('client_id', '=', clientId);
  return query.orderBy('limit_no', order).limit(limit).execute();
}
