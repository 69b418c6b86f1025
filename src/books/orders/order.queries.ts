import { sql, type Kysely } from 'kysely';
import { findReferenced, needReferenced, readReferenced } from '../../engine/define/reference';
import type { Found, RowNeeds, StateSession } from '../../engine/define/state-session';
import { orders, type OrderRow, type OrderStatus } from './order.table';

/** Names an order that a creator is going to read. */
export function needOrder(needs: RowNeeds, reference: string): void {
  needReferenced(needs, orders, reference);
}

/** The order that a reference names, in the session. */
export function findOrder(state: StateSession, reference: string): Found<OrderRow> {
  return findReferenced(state, orders, reference);
}

/** The order that a reference names, in the database. */
export function readOrder(db: Kysely<unknown>, reference: string): Promise<OrderRow | undefined> {
  return readReferenced(db, orders, reference);
}

export interface OrderFilter {
  readonly companyId?: string | undefined;
  readonly status?: OrderStatus | undefined;
  readonly clientId?: string | undefined;
}

/** Orders in the order in which they were placed, after an order number. */
export async function listOrders(
  db: Kysely<unknown>,
  filter: OrderFilter,
  after: number,
  limit: number,
): Promise<OrderRow[]> {
  const conditions = [sql<boolean>`order_no > ${after}`];
  if (filter.companyId !== undefined) conditions.push(sql`company_id = ${filter.companyId}`);
  if (filter.clientId !== undefined) conditions.push(sql`client_id = ${filter.clientId}`);
  // Written out and not a parameter, so that the index of the open orders serves.
  if (filter.status !== undefined) conditions.push(sql`status = ${sql.lit(filter.status)}`);
  const { rows } = await sql<OrderRow>`
    select * from orders where ${sql.join(conditions, sql` and `)}
    order by order_no limit ${limit}`.execute(db);
  return rows;
}
