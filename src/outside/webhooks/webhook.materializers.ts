import assert from 'node:assert';
import { defineMaterializer } from '../../engine/define/materializer';
import type { StateSession } from '../../engine/define/state-session';
import {
  WebhookDisabled,
  WebhookEnabled,
  WebhookSecretRotated,
  WebhookSubscribed,
} from './webhook.events';
import {
  ALL_ACTIVE,
  webhookRoutes,
  webhookSubscriptions,
  type WebhookSubscriptionRow,
} from './webhook.table';

type Routed = Pick<WebhookSubscriptionRow, 'subscription_id' | 'event_types'>;

async function route(state: StateSession, subscription: Routed, position: number): Promise<void> {
  const routes = state.table(webhookRoutes);
  const { subscription_id, event_types } = subscription;
  for (const event_type of [...event_types, ALL_ACTIVE]) {
    const found = await routes.get(event_type);
    const subscription_ids = [...(found?.subscription_ids ?? []), subscription_id];
    const row = { event_type, subscription_ids, last_position: position };
    if (found) routes.update(row);
    else routes.insert(row);
  }
}

async function unroute(state: StateSession, subscription: Routed, position: number): Promise<void> {
  const routes = state.table(webhookRoutes);
  for (const event_type of [...subscription.event_types, ALL_ACTIVE]) {
    const found = await routes.get(event_type);
    assert(found, `No route for ${event_type}`);
    const left = found.subscription_ids.filter((id) => id !== subscription.subscription_id);
    if (left.length === 0) routes.remove(event_type);
    else routes.update({ event_type, subscription_ids: left, last_position: position });
  }
}

/** The subscription that an event is about. */
async function subscriptionOf(state: StateSession, id: string): Promise<WebhookSubscriptionRow> {
  const subscription = await state.table(webhookSubscriptions).get(id);
  assert(subscription, `No webhook subscription ${id}`);
  return subscription;
}

export const materializeWebhookSubscribed = defineMaterializer(
  WebhookSubscribed,
  2,
  async ({ position, recordedAt, data }, { state }) => {
    const subscription: WebhookSubscriptionRow = {
      subscription_no: position,
      subscription_id: data.subscriptionId,
      created_at: recordedAt,
      client_id: data.clientId,
      url: data.url,
      event_types: data.eventTypes,
      status: 'active',
      secret_version: 1,
      sealed_secret: data.sealedSecret,
      previous_sealed_secret: null,
      rotated_at: null,
      last_position: position,
    };
    state.table(webhookSubscriptions).insert(subscription);
    await route(state, subscription, position);
  },
);

export const materializeWebhookSecretRotated = defineMaterializer(
  WebhookSecretRotated,
  1,
  async ({ position, recordedAt, data }, { state }) => {
    const subscription = await subscriptionOf(state, data.subscriptionId);
    state.table(webhookSubscriptions).update({
      ...subscription,
      secret_version: data.secretVersion,
      sealed_secret: data.sealedSecret,
      previous_sealed_secret: subscription.sealed_secret,
      rotated_at: recordedAt,
      last_position: position,
    });
  },
);

export const materializeWebhookDisabled = defineMaterializer(
  WebhookDisabled,
  2,
  async ({ position, data }, { state }) => {
    const subscription = await subscriptionOf(state, data.subscriptionId);
    state
      .table(webhookSubscriptions)
      .update({ ...subscription, status: 'disabled', last_position: position });
    await unroute(state, subscription, position);
  },
);

export const materializeWebhookEnabled = defineMaterializer(
  WebhookEnabled,
  2,
  async ({ position, data }, { state }) => {
    const subscription = await subscriptionOf(state, data.subscriptionId);
    state
      .table(webhookSubscriptions)
      .update({ ...subscription, status: 'active', last_position: position });
    await route(state, subscription, position);
  },
);
