import { sql, type Kysely } from 'kysely';
import type { TaskDatabase, TaskStatus } from '../tasks/task-database';
import type { TaskPlace, TaskView } from '../tasks/task.queries';
import { DELIVERY_TASK } from './webhook.observer';

/** What became of the delivery of one event to one subscription. */
export interface WebhookDeliveryView {
  /** The `webhook-id` of every attempt. */
  taskId: string;
  /** Position of the event. */
  position: number;
  eventType: string;
  status: TaskStatus;
  attempts: number;
  lastError: string | null;
  /** `{status}` that the receiver answered with, or `{skipped}` with the reason. */
  result: object | null;
  doneAt: string | null;
}

/** Reads the deliveries of subscriptions, which are tasks whose subject is the subscription. */
export class WebhookDeliveries {
  constructor(private readonly db: Kysely<TaskDatabase>) {}

  /** The deliveries of a subscription before a place in the log, the newest first. */
  list(
    subscriptionId: string,
    before: TaskPlace,
    limit: number,
  ): Promise<(WebhookDeliveryView & TaskPlace)[]> {
    return this.select(sql`
      where t.name = ${DELIVERY_TASK} and t.subject = ${subscriptionId}
        and (t.position, t.ordinal) < (${before.position}, ${before.ordinal}::bigint)
      order by t.position desc, t.ordinal desc limit ${limit}`);
  }

  /** The delivery with an id; undefined where the subscription has none such. */
  async find(subscriptionId: string, taskId: string): Promise<WebhookDeliveryView | undefined> {
    const [found] = await this.select(sql`
      where t.task_id = ${taskId}::uuid and t.name = ${DELIVERY_TASK}
        and t.subject = ${subscriptionId}`);
    return found && deliveryView(found);
  }

  private async select(conditions: ReturnType<typeof sql>) {
    const { rows } = await sql<WebhookDeliveryView & TaskPlace>`
      select t.task_id as "taskId", t.position, t.ordinal, e.type as "eventType",
        coalesce(d.status, 'recorded') as status, coalesce(d.attempts, 0) as attempts,
        d.last_error as "lastError", d.result, d.done_at as "doneAt"
      from task_log t
      join event_log e on e.position = t.position
      left join task_delivery d on d.task_id = t.task_id
      ${conditions}`.execute(this.db);
    return rows;
  }
}

/** A delivery as the API answers it. */
export function deliveryView({
  ordinal: _ordinal,
  ...view
}: WebhookDeliveryView & TaskPlace): WebhookDeliveryView {
  return view;
}

/** A delivery that was handed over again. */
export function redeliveredView(task: TaskView, eventType: string): WebhookDeliveryView {
  const { taskId, position, status, attempts, lastError, result, doneAt } = task;
  return { taskId, position, eventType, status, attempts, lastError, result, doneAt };
}
