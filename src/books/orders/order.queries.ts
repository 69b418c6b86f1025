import { beyond, type Order } from '../../engine/session/page-rows';
import { sql, type Kysely } from 'kysely';
import { findReferenced, needReferenced, readReferenced } from '../../engine/define/reference';
import type { Found, RowNeeds, StateSession } from '../../engine/define/state-session';
import { orders, type OrderRow, type OrderStatus, type OrderTables } from './order.table';

/** Names an order that a creator is going to read. */
export function needOrder(needs: RowNeeds, reference: string): void {
  needReferenced(needs, orders, reference);
}

/** The order that a reference names, in the session. */
export function findOrder(state: StateSession, reference: string): Found<OrderRow> {
  return findReferenced(state, orders, reference);
}

/** The order that a reference names, in the database. */
export const readOrder = readReferenced(orders);

export interface OrderFilter {
  readonly companyId?: string | undefined;
  readonly status?: OrderStatus | undefined;
  readonly clientId?: string | undefined;
}

/** Orders in the order in which they were placed, after an order number. */
export async function listOrders(
  db: Kysely<OrderTables>,
  filter: OrderFilter,
  after: number,
  limit: number,
  order: Order = 'asc',
): Promise<OrderRow[]> {
  const { companyId, clientId, status } = filter;
  let query = db.selectFrom('orders').selectAll().where('order_no', beyond(order), after);
  if (companyId !== undefined) query = query.where('company_id', '=', companyId);
  if (clientId !== undefined) query = query.where('client_id', '=', clientId);
  // Written out and not a parameter, so that the index of the open orders serves.
  if (status !== undefined) query = query.where('status', '=', sql.lit(status));
  return query.orderBy('order_no', order).limit(limit).execute();
}
