import { sql, type Kysely } from 'kysely';
import { referenceOf } from '../engine/reference';
import type { Found } from '../engine/session-table';
import type { RowNeeds, StateSession } from '../engine/state-session';
import { webhookSubscriptions, type WebhookSubscriptionRow } from './webhook.table';

/** Names a subscription that a creator is going to read. */
export function needSubscription(needs: RowNeeds, reference: string): void {
  const found = referenceOf(reference, 'subscription_id');
  if (found) needs.row(webhookSubscriptions, found.column, found.value);
}

/** The subscription that a reference names, in the session. */
export function findSubscription(
  state: StateSession,
  reference: string,
): Found<WebhookSubscriptionRow> {
  const found = referenceOf(reference, 'subscription_id');
  if (!found) return undefined;
  const table = state.table(webhookSubscriptions);
  return found.column === 'subscription_id'
    ? table.get(found.value)
    : table.find(found.column, found.value);
}

/** The subscription that a reference names, in the database. */
export async function readSubscription(
  db: Kysely<unknown>,
  reference: string,
): Promise<WebhookSubscriptionRow | undefined> {
  const found = referenceOf(reference, 'subscription_id');
  if (!found) return undefined;
  const { rows } = await sql<WebhookSubscriptionRow>`
    select * from webhook_subscriptions
    where ${sql.ref(found.column)} = ${found.value}`.execute(db);
  return rows[0];
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
