import { defineEvent } from '../../engine/define/event';
import type { ClientId, Uuid } from '../../engine/define/event-fields';

/** Stands for every event type in a subscription. */
export const EVERY_TYPE = '*';

/** Secrets are sealed; null: the secret is derived from the subscription's id and the version. */
export interface WebhookSubscribedData {
  subscriptionId: Uuid;
  clientId: ClientId | null;
  url: string;
  eventTypes: string[];
  sealedSecret: string | null;
}
export const WebhookSubscribed = defineEvent<WebhookSubscribedData>('WebhookSubscribed');

export interface WebhookSecretRotatedData {
  subscriptionId: Uuid;
  /**
   * @asType integer
   * @minimum 1
   */
  secretVersion: number;
  sealedSecret: string | null;
}
export const WebhookSecretRotated = defineEvent<WebhookSecretRotatedData>('WebhookSecretRotated');

export interface WebhookDisabledData {
  subscriptionId: Uuid;
}
export const WebhookDisabled = defineEvent<WebhookDisabledData>('WebhookDisabled');

export interface WebhookEnabledData {
  subscriptionId: Uuid;
}
export const WebhookEnabled = defineEvent<WebhookEnabledData>('WebhookEnabled');

/**
 * Events about subscriptions are nobody's to receive, not even of those who want every type: they
 * carry the addresses and the sealed secrets of other receivers.
 */
export const UNDELIVERED_TYPES: ReadonlySet<string> = new Set(
  [WebhookSubscribed, WebhookSecretRotated, WebhookDisabled, WebhookEnabled].map((e) => e.type),
);
