import type { Feature } from '../../engine/define/registry';
import {
  DisableWebhook,
  EnableWebhook,
  RotateWebhookSecret,
  SubscribeWebhook,
} from './webhook.creators';
import {
  materializeWebhookDisabled,
  materializeWebhookEnabled,
  materializeWebhookSecretRotated,
  materializeWebhookSubscribed,
} from './webhook.materializers';
import { DELIVERY_TASK, webhookObserver } from './webhook.observer';
import { webhookRoutes, webhookSubscriptions } from './webhook.table';

export const webhookFeature: Feature = {
  tables: [webhookSubscriptions, webhookRoutes],
  materializers: [
    materializeWebhookSubscribed,
    materializeWebhookSecretRotated,
    materializeWebhookDisabled,
    materializeWebhookEnabled,
  ],
  creators: [SubscribeWebhook, RotateWebhookSecret, DisableWebhook, EnableWebhook],
  observers: [webhookObserver],
  tasks: [DELIVERY_TASK],
};
