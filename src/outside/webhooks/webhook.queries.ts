import { beyond, type Order } from '../../engine/session/page-rows';
import type { Kysely } from 'kysely';
import { findReferenced, needReferenced, readReferenced } from '../../engine/define/reference';
import type { Found, RowNeeds, StateSession } from '../../engine/define/state-session';
import {
  webhookSubscriptions,
  type WebhookSubscriptionRow,
  type WebhookTables,
} from './webhook.table';

/** Names a subscription that a creator is going to read. */
export function needSubscription(needs: RowNeeds, reference: string): void {
  needReferenced(needs, webhookSubscriptions, reference);
}

/** The subscription that a reference names, in the session. */
export function findSubscription(
  state: StateSession,
  reference: string,
): Found<WebhookSubscriptionRow> {
  return findReferenced(state, webhookSubscriptions, reference);
}

/** The subscription that a reference names, in the database. */
export const readSubscription = readReferenced(webhookSubscriptions);

export interface SubscriptionFilter {
  readonly clientId?: string | undefined;
  readonly status?: 'active' | 'disabled' | undefined;
}

/** Subscriptions in the order in which they were made, after a subscription number. */
export async function listSubscriptions(
  db: Kysely<WebhookTables>,
  { clientId, status }: SubscriptionFilter,
  after: number,
  limit: number,
  order: Order = 'asc',
): Promise<WebhookSubscriptionRow[]> {
  let query = db
    .selectFrom('webhook_subscriptions')
    .selectAll()
    .where('subscription_no', beyond(order), after);
  if (clientId !== undefined) query = query.where('client_id', '=', clientId);
  if (status !== undefined) query = query.where('status', '=', status);
  return query.orderBy('subscription_no', order).limit(limit).execute();
}
