import type { LedgerEvent } from '../../engine/define/event';
import type { WebhookSubscribedData } from './webhook.events';
import type { WebhookSubscriptionRow } from './webhook.table';
import type { WebhookSubscriptionDto } from './webhook.dto';

export function webhookSubscriptionView(row: WebhookSubscriptionRow): WebhookSubscriptionDto {
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
export function subscribedView(event: LedgerEvent<WebhookSubscribedData>): WebhookSubscriptionDto {
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
