import type { BreakerStatus } from './breaker';
import type { Mailer } from './mailer';
import type { ObjectStore } from './object-store';
import type { SecretSeal } from './secret-seal';
import type { WebhookSender } from './webhook-sender';

/** The ways from the program to the outside world; task handlers are given what they need. */
export interface Adapters {
  readonly mailer: Mailer;
  readonly objects: ObjectStore;
  readonly webhooks: WebhookSender;
  readonly seal: SecretSeal;
  /** Which of the other sides are away, for health and metrics; names no addresses. */
  status(): BreakerStatus[];
  close(): Promise<void>;
}
