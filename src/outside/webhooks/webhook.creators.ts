import { defineCreator, type CreatorContext } from '../../engine/define/creator';
import type { LedgerEvent } from '../../engine/define/event';
import { loadedReferenced } from '../../engine/define/reference';
import { Refusal } from '../../engine/define/refusal';
import type { LoadedRows, RowNeeds, StateSession } from '../../engine/define/state-session';
import {
  WebhookDisabled,
  WebhookEnabled,
  WebhookSecretRotated,
  WebhookSubscribed,
  type WebhookSubscribedData,
} from './webhook.events';
import { findSubscription, needSubscription } from './webhook.queries';
import {
  ALL_ACTIVE,
  webhookRoutes,
  webhookSubscriptions,
  type WebhookSubscriptionRow,
} from './webhook.table';
import { subscribedView, webhookSubscriptionView } from './webhook.view';
import type { WebhookSubscriptionDto } from './webhook.dto';

/** Active subscriptions at the same time: bounds what an event costs that everybody wants. */
export const MAX_ACTIVE_SUBSCRIPTIONS = 100;

export interface SubscribeWebhookInput {
  clientId?: string | undefined;
  url: string;
  /** Event types without repetition, or `*` alone. */
  eventTypes: string[];
  /** Sealed, so that the input can be remembered; without it the secret is derived. */
  sealedSecret?: string | undefined;
}

/** Makes a subscription. Refuses `client_id_taken`, `webhook_limit_reached`. */
export const SubscribeWebhook = defineCreator<SubscribeWebhookInput, WebhookSubscriptionDto>({
  name: 'SubscribeWebhook',
  needs: ({ clientId, eventTypes }, needs) => {
    if (clientId !== undefined) needs.row(webhookSubscriptions, 'client_id', clientId);
    needRoutes(needs, eventTypes);
  },
  run: async (context, { clientId = null, url, eventTypes, sealedSecret = null }) => {
    const table = context.state.table(webhookSubscriptions);
    if (clientId !== null && (await table.find('client_id', clientId))) {
      throw new Refusal('client_id_taken', `A subscription with the clientId "${clientId}" exists`);
    }
    await checkLimit(context.state);
    const subscriptionId = context.newId();
    const data = { subscriptionId, clientId, url, eventTypes, sealedSecret };
    await context.append(WebhookSubscribed, data);
  },
  answer: ([event]) => subscribedView(event as LedgerEvent<WebhookSubscribedData>),
});

/** `subscriptionId`: an id or `client:<clientId>`. */
export interface SubscriptionInput {
  subscriptionId: string;
}

export interface RotateWebhookSecretInput extends SubscriptionInput {
  /** As for {@link SubscribeWebhookInput}. */
  sealedSecret?: string | undefined;
}

/**
 * Puts a new secret in the place of a subscription's, active or not; the old one signs too for a
 * while. Refuses `not_found`.
 */
export const RotateWebhookSecret = defineCreator<RotateWebhookSecretInput, WebhookSubscriptionDto>({
  name: 'RotateWebhookSecret',
  needs: ({ subscriptionId }, needs) => needSubscription(needs, subscriptionId),
  run: async (context, { subscriptionId: reference, sealedSecret = null }) => {
    const { subscription_id: subscriptionId, secret_version } = await find(context, reference);
    const secretVersion = secret_version + 1;
    await context.append(WebhookSecretRotated, { subscriptionId, secretVersion, sealedSecret });
    return webhookSubscriptionView(await find(context, subscriptionId));
  },
});

/**
 * Ends the deliveries of a subscription, also of what was asked for before. Refuses `not_found`,
 * `webhook_already_disabled`.
 */
export const DisableWebhook = defineCreator<SubscriptionInput, WebhookSubscriptionDto>({
  name: 'DisableWebhook',
  needs: ({ subscriptionId }, needs) => needSubscription(needs, subscriptionId),
  needsThen: needRoutesOf,
  run: async (context, input) => {
    const { subscription_id: subscriptionId, status } = await find(context, input.subscriptionId);
    if (status === 'disabled') {
      throw new Refusal('webhook_already_disabled', `Subscription ${subscriptionId} is disabled`);
    }
    await context.append(WebhookDisabled, { subscriptionId });
    return webhookSubscriptionView(await find(context, subscriptionId));
  },
});

/**
 * Has events delivered to a disabled subscription again, from the next one on. Refuses
 * `not_found`, `webhook_already_active`, `webhook_limit_reached`.
 */
export const EnableWebhook = defineCreator<SubscriptionInput, WebhookSubscriptionDto>({
  name: 'EnableWebhook',
  needs: ({ subscriptionId }, needs) => {
    needSubscription(needs, subscriptionId);
    needRoutes(needs, []);
  },
  needsThen: needRoutesOf,
  run: async (context, input) => {
    const { subscription_id: subscriptionId, status } = await find(context, input.subscriptionId);
    if (status === 'active') {
      throw new Refusal('webhook_already_active', `Subscription ${subscriptionId} is active`);
    }
    await checkLimit(context.state);
    await context.append(WebhookEnabled, { subscriptionId });
    return webhookSubscriptionView(await find(context, subscriptionId));
  },
});

/** @throws Refusal `not_found` */
async function find(context: CreatorContext, reference: string): Promise<WebhookSubscriptionRow> {
  const subscription = await findSubscription(context.state, reference);
  if (subscription) return subscription;
  throw new Refusal('not_found', `There is no webhook subscription ${reference}`);
}

function needRoutesOf(
  { subscriptionId }: SubscriptionInput,
  loaded: LoadedRows,
  needs: Pick<RowNeeds, 'row'>,
): void {
  const subscription = loadedReferenced(loaded, webhookSubscriptions, subscriptionId);
  if (subscription) needRoutes(needs, subscription.event_types);
}

function needRoutes(needs: Pick<RowNeeds, 'row'>, eventTypes: readonly string[]): void {
  for (const type of [...eventTypes, ALL_ACTIVE]) needs.row(webhookRoutes, 'event_type', type);
}

/** @throws Refusal `webhook_limit_reached` */
async function checkLimit(state: StateSession): Promise<void> {
  const active = await state.table(webhookRoutes).get(ALL_ACTIVE);
  if ((active?.subscription_ids.length ?? 0) < MAX_ACTIVE_SUBSCRIPTIONS) return;
  const detail = `${MAX_ACTIVE_SUBSCRIPTIONS} webhook subscriptions are active, as many as may be`;
  throw new Refusal('webhook_limit_reached', detail);
}
