import { sql, type Kysely } from 'kysely';
import { findReferenced, needReferenced, readReferenced } from '../../engine/define/reference';
import type { Found, RowNeeds, StateSession } from '../../engine/define/state-session';
import { webhookSubscriptions, type WebhookSubscriptionRow } from './webhook.table';

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
export function readSubscription(
  db: Kysely<unknown>,
  reference: string,
): Promise<WebhookSubscriptionRow | undefined> {
  return readReferenced(db, webhookSubscriptions, reference);
}

export interface SubscriptionFilter {
  readonly clientId?: string | undefined;
  readonly status?: 'active' | 'disabled' | undefined;
}

/** Subscriptions in the order in which they were made, after a subscription number. */
export async function listSubscriptions(
  db: Kysely<unknown>,
  { clientId, status }: SubscriptionFilter,
  after: number,
  limit: number,
): Promise<WebhookSubscriptionRow[]> {
  const conditions = [sql<boolean>`subscription_no > ${after}`];
  if (clientId !== undefined) conditions.push(sql`client_id = ${clientId}`);
  if (status !== undefined) conditions.push(sql`status = ${status}`);
  const { rows } = await sql<WebhookSubscriptionRow>`
    select * from webhook_subscriptions where ${sql.join(conditions, sql` and `)}
    order by subscription_no limit ${limit}`.execute(db);
  return rows;
}
