import type { LedgerEvent } from '../../engine/define/event';
import type { EventObserver, MaterializationContext } from '../../engine/define/materializer';
import type { RowOf } from '../../engine/define/state-table';
import type { TaskGateway } from '../../engine/define/task-gateway';
import { EVERY_TYPE, UNDELIVERED_TYPES } from './webhook.events';
import { webhookRoutes } from './webhook.table';

/** The task that brings one event to one subscription; see webhook.tasks.ts. */
export const DELIVERY_TASK = 'webhook.deliver';

/** What a delivery needs to know besides the event that asked for it. */
export interface DeliveryPayload {
  readonly subscriptionId: string;
}

/**
 * Asks for one delivery per event and active subscription that wants it. Runs for every event, so
 * that where nobody wants it, it looks two keys up in memory and is done.
 */
export const webhookObserver: EventObserver = {
  name: 'webhooks',
  version: 1,
  apply: (event, context) => {
    const routes = context.state.table(webhookRoutes);
    const ofType = routes.get(event.type);
    const ofEvery = routes.get(EVERY_TYPE);
    if (ofType === undefined && ofEvery === undefined) return;
    return askOnceLoaded(event, context, ofType, ofEvery);
  },
};

type Route = RowOf<typeof webhookRoutes> | undefined;

function askOnceLoaded(
  event: LedgerEvent,
  { tasks }: MaterializationContext,
  ofType: Route | Promise<Route>,
  ofEvery: Route | Promise<Route>,
): void | Promise<void> {
  if (!(ofType instanceof Promise) && !(ofEvery instanceof Promise)) {
    return askFor(event, tasks, [ofType, ofEvery]);
  }
  return Promise.all([ofType, ofEvery]).then((routes) => askFor(event, tasks, routes));
}

function askFor({ type }: LedgerEvent, tasks: TaskGateway, routes: readonly Route[]): void {
  if (UNDELIVERED_TYPES.has(type)) return;
  for (const route of routes) {
    for (const subscriptionId of route?.subscription_ids ?? []) {
      const payload: DeliveryPayload = { subscriptionId };
      tasks.enqueue(DELIVERY_TASK, payload, { subject: subscriptionId });
    }
  }
}
