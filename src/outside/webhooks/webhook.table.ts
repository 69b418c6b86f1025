import { column } from '../../database/column';
import { defineKeyedTable, type DatabaseOf, type RowOf } from '../../engine/define/state-table';

export const webhookSubscriptions = defineKeyedTable({
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
    /** Position of the event that subscribed. */
    subscription_no: column.bigint(),
    subscription_id: column.uuid(),
    created_at: column.timestamptz(),
    client_id: column.text().nullable(),
    url: column.text(),
    event_types: column.jsonb<string[]>(),
    status: column.text<'active' | 'disabled'>(),
    /** 1, and one more with every rotation. */
    secret_version: column.bigint(),
    /** null: the secret is derived from the id and the version. */
    sealed_secret: column.text().nullable(),
    /** The secret of the version before, in the same way; of no meaning before a rotation. */
    previous_sealed_secret: column.text().nullable(),
    /** When the last rotation was recorded. */
    rotated_at: column.timestamptz().nullable(),
    /** Position of the last event that changed the subscription. */
    last_position: column.bigint(),
  },
});

/** The route that lists every active subscription; no event type begins with a small letter. */
export const ALL_ACTIVE = 'active';

/**
 * The active subscriptions that want a type of event. Asked for every event. There are about as
 * many keys as event types, so that also those without a row are remembered: an event that nobody
 * wants is told from memory.
 */
export const webhookRoutes = defineKeyedTable({
  name: 'webhook_routes',
  lastPosition: 'last_position',
  key: 'event_type',
  unique: [],
  mutable: ['subscription_ids', 'last_position'],
  cacheRows: 10_000,
  keepsAbsent: true,
  removable: true,
  columns: {
    /** An event type, `*` for every type, or {@link ALL_ACTIVE}. */
    event_type: column.text(),
    /** In the order in which they became active. */
    subscription_ids: column.jsonb<string[]>(),
    /** Position of the last event that changed the route. */
    last_position: column.bigint(),
  },
});

export type WebhookSubscriptionRow = RowOf<typeof webhookSubscriptions>;
export type WebhookTables = DatabaseOf<typeof webhookSubscriptions | typeof webhookRoutes>;

declare module '../../engine/define/state-table' {
  interface StateDatabase extends WebhookTables {}
}
