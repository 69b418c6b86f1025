import type { LedgerEvent } from '../../engine/define/event';
import type { WebhookSubscribedData } from './webhook.events';
import type { WebhookSubscriptionRow } from './webhook.table';

/** A subscription as the API answers it; never with its secret. */
export interface WebhookSubscriptionView {
  id: string;
  clientId: string | null;
  url: string;
  eventTypes: string[];
  status: 'active' | 'disabled';
  secretVersion: number;
  createdAt: string;
  position: number;
}

export function webhookSubscriptionView(row: WebhookSubscriptionRow): WebhookSubscriptionView {
  return {
    id: row.subscription_id,
    clientId: row.client_id,
    url: row.url,
    eventTypes: row.event_types,
    status: row.status,
    secretVersion: row.secret_version,
    createdAt: row.created_at,
    position: row.last_position,
  };
}

/** The subscription as the event that made it leaves it. */
export function subscribedView(event: LedgerEvent<WebhookSubscribedData>): WebhookSubscriptionView {
  const { data } = event;
  return {
    id: data.subscriptionId,
    clientId: data.clientId,
    url: data.url,
    eventTypes: data.eventTypes,
    status: 'active',
    secretVersion: 1,
    createdAt: event.recordedAt,
    position: event.position,
  };
}
