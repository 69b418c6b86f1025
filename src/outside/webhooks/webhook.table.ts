import { defineKeyedTable } from '../../engine/define/state-table';

/** A row of `webhook_subscriptions`. */
export interface WebhookSubscriptionRow {
  /** Position of the event that subscribed. */
  subscription_no: number;
  subscription_id: string;
  created_at: string;
  client_id: string | null;
  url: string;
  event_types: string[];
  status: 'active' | 'disabled';
  /** 1, and one more with every rotation. */
  secret_version: number;
  /** null: the secret is derived from the id and the version. */
  sealed_secret: string | null;
  /** The secret of the version before, in the same way; of no meaning before a rotation. */
  previous_sealed_secret: string | null;
  /** When the last rotation was recorded. */
  rotated_at: string | null;
  /** Position of the last event that changed the subscription. */
  last_position: number;
}

export const webhookSubscriptions = defineKeyedTable<WebhookSubscriptionRow>({
  name: 'webhook_subscriptions',
  lastPosition: 'last_position',
  key: 'subscription_id',
  unique: ['client_id'],
  mutable: [
    'status',
    'secret_version',
    'sealed_secret',
    'previous_sealed_secret',
    'rotated_at',
    'last_position',
  ],
  cacheRows: 1_000,
  columns: {
    subscription_no: 'bigint',
    subscription_id: 'uuid',
    created_at: 'timestamptz',
    client_id: 'text',
    url: 'text',
    event_types: 'jsonb',
    status: 'text',
    secret_version: 'bigint',
    sealed_secret: 'text',
    previous_sealed_secret: 'text',
    rotated_at: 'timestamptz',
    last_position: 'bigint',
  },
});

/** A row of `webhook_routes`: the active subscriptions that want a type of event. */
export interface WebhookRouteRow {
  /** An event type, `*` for every type, or {@link ALL_ACTIVE}. */
  event_type: string;
  /** In the order in which they became active. */
  subscription_ids: string[];
  /** Position of the last event that changed the route. */
  last_position: number;
}

/** The route that lists every active subscription; no event type begins with a small letter. */
export const ALL_ACTIVE = 'active';

/**
 * Asked for every event. There are about as many keys as event types, so that also those without
 * a row are remembered: an event that nobody wants is told from memory.
 */
export const webhookRoutes = defineKeyedTable<WebhookRouteRow>({
  name: 'webhook_routes',
  lastPosition: 'last_position',
  key: 'event_type',
  unique: [],
  mutable: ['subscription_ids', 'last_position'],
  cacheRows: 10_000,
  keepsAbsent: true,
  removable: true,
  columns: { event_type: 'text', subscription_ids: 'jsonb', last_position: 'bigint' },
});
