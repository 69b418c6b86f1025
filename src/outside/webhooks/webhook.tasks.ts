import { Inject, Injectable } from '@nestjs/common';
import type { LedgerEvent } from '../../engine/define/event';
import { LedgerUnavailable } from '../../engine/define/refusal';
import {
  OtherSideAway,
  PermanentFailure,
  type TaskContext,
  type TaskHandler,
  type TaskHandlerOptions,
} from '../../engine/define/task-handler';
import type { StateReader } from '../../engine/session/state-reader';
import { STATE_READER } from '../../http/service-tokens';
import { SecretSeal } from '../adapters/secret-seal';
import { WebhookSender } from '../adapters/webhook-sender';
import { eventView } from '../events/event.view';
import { DELIVERY_TASK, type DeliveryPayload } from './webhook.observer';
import { readSubscription } from './webhook.queries';
import { signingSecrets } from './webhook.secrets';
import type { WebhookSubscriptionRow } from './webhook.table';

/** How long a receiver may take to answer. */
const DEADLINE_MS = 15_000;
/** Deliveries that wait for a slow receiver must leave room for the others'. */
const CONCURRENCY = 40;
const PER_SUBSCRIPTION = 8;

/**
 * While a receiver is known to be away its deliveries wait without an end. For events that are
 * older than this they do not: strangers go away for good, and what waits for them takes the place
 * of what others wait for.
 */
export const PATIENCE_MS = 3 * 24 * 60 * 60 * 1000;

/** What became of a delivery that was not failed: the receiver's answer, or why it was not sent. */
export type DeliveryResult =
  { readonly status: number } | { readonly skipped: 'subscription_disabled' };

/**
 * Delivers events to their subscribers. Address, status and secret of the subscription are those
 * of the moment of the delivery: what waits for a subscription that was disabled in the meantime
 * is not sent, and counts as done.
 */
@Injectable()
export class EventDeliveries implements TaskHandler<DeliveryPayload> {
  readonly name = DELIVERY_TASK;
  readonly options: TaskHandlerOptions = {
    deadlineMs: DEADLINE_MS,
    concurrency: CONCURRENCY,
    perSubject: PER_SUBSCRIPTION,
  };

  constructor(
    private readonly webhooks: WebhookSender,
    private readonly seal: SecretSeal,
    @Inject(STATE_READER) private readonly state: StateReader,
  ) {}

  async run(
    { subscriptionId }: DeliveryPayload,
    { taskId, event, signal }: TaskContext,
  ): Promise<DeliveryResult> {
    const subscription = await subscriptionSince(this.state, subscriptionId, event.position);
    if (subscription.status === 'disabled') return { skipped: 'subscription_disabled' };
    const nowMs = Date.now();
    const secrets = signingSecrets(this.seal, subscription, nowMs);
    const body = deliveryBody(event);
    const timestamp = new Date(nowMs);
    const { url } = subscription;
    const delivery = { url, secrets, id: taskId, timestamp, body };
    const isOld = nowMs >= Date.parse(event.recordedAt) + PATIENCE_MS;
    return this.webhooks.send(delivery, { signal }).catch((error: unknown) => {
      // To be turned away without an attempt is one now, so that the task comes to its end.
      throw isOld && error instanceof OtherSideAway ? new Error(error.message) : error;
    });
  }
}

/**
 * The subscription in a state that has the event, and so the subscription too.
 * @throws LedgerUnavailable where the state has not come that far, since another process may still
 *   be writing it, PermanentFailure where the books know no such subscription
 */
async function subscriptionSince(
  reader: Pick<StateReader, 'read'>,
  id: string,
  eventPosition: number,
): Promise<WebhookSubscriptionRow> {
  const { position, value } = await reader.read((db) => readSubscription(db, id));
  if (position < eventPosition) {
    throw new LedgerUnavailable('The state has not come to the event yet');
  }
  if (!value) throw new PermanentFailure(`There is no webhook subscription ${id}`);
  return value;
}

/**
 * The body of a delivery, the same bytes on every attempt: the event as `GET /v1/events` has it,
 * without its tasks, whose status changes.
 */
export function deliveryBody(event: LedgerEvent): string {
  return JSON.stringify({
    type: event.type,
    timestamp: event.recordedAt,
    data: eventView(event),
  });
}
