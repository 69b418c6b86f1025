import type { Kysely } from 'kysely';
import { readPage, type PageRows, beyond, type Order } from '../../engine/session/page-rows';
import type { LogDatabase } from '../../engine/write/event-log';
import { withTasks } from '../tasks/task-database';
import { statusOf, type TaskPlace } from '../tasks/task.queries';
import { DELIVERY_TASK } from './webhook.observer';
import type { WebhookDeliveryDto } from './webhook.dto';
import type { TaskDto } from '../tasks/task.dto';

/** The deliveries of a subscription behind a place in the log. */
export function listDeliveries(
  log: Kysely<LogDatabase>,
  subscriptionId: string,
  place: TaskPlace,
  limit: number,
  order: Order,
): Promise<PageRows<WebhookDeliveryDto & TaskPlace>> {
  const found = deliveriesOf(log, subscriptionId)
    .where((eb) =>
      eb(
        eb.refTuple('t.position', 't.ordinal'),
        beyond(order),
        // A cursor may hold a larger number than an ordinal can be.
        eb.tuple(place.position, eb.cast<number>(eb.val(place.ordinal), 'bigint')),
      ),
    )
    .orderBy('t.position', order)
    .orderBy('t.ordinal', order)
    .limit(limit + 1);
  const shape = { by: ['position', 'ordinal'], order, large: ['lastError', 'result'] } as const;
  return readPage(log, found, shape, limit);
}

/** The delivery with an id; undefined where the subscription has none such. */
export async function findDelivery(
  log: Kysely<LogDatabase>,
  subscriptionId: string,
  taskId: string,
): Promise<WebhookDeliveryDto | undefined> {
  const found = await deliveriesOf(log, subscriptionId)
    .where('t.task_id', '=', taskId)
    .executeTakeFirst();
  return found && deliveryView(found);
}

/** Deliveries are tasks whose subject is the subscription. */
function deliveriesOf(log: Kysely<LogDatabase>, subscriptionId: string) {
  return withTasks(log)
    .selectFrom('task_log as t')
    .innerJoin('event_log as e', 'e.position', 't.position')
    .leftJoin('task_delivery as d', 'd.task_id', 't.task_id')
    .select(['t.task_id as taskId', 't.position', 't.ordinal', 'e.type as eventType'])
    .select((eb) => [
      statusOf(eb.ref('d.status')).as('status'),
      eb.fn.coalesce('d.attempts', eb.val(0)).as('attempts'),
    ])
    .select(['d.last_error as lastError', 'd.result', 'd.done_at as doneAt'])
    .where('t.name', '=', DELIVERY_TASK)
    .where('t.subject', '=', subscriptionId);
}

/** A delivery as the API answers it. */
export function deliveryView({
  ordinal: _ordinal,
  ...view
}: WebhookDeliveryDto & TaskPlace): WebhookDeliveryDto {
  return view;
}

/** A delivery that was handed over again. */
export function redeliveredView(task: TaskDto, eventType: string): WebhookDeliveryDto {
  const { taskId, position, status, attempts, lastError, result, doneAt } = task;
  return { taskId, position, eventType, status, attempts, lastError, result, doneAt };
}
