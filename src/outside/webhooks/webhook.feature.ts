import { defineFeature } from '../../engine/define/feature';
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

export const webhookFeature = defineFeature({
  name: 'webhooks',
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
  problems: {
    webhook_already_disabled: { status: 409, title: 'The subscription is disabled already' },
    webhook_already_active: { status: 409, title: 'The subscription is active already' },
    webhook_limit_reached: { status: 422, title: 'Too many webhook subscriptions are active' },
  },
  service: () => import('./webhook.service.js'),
});
