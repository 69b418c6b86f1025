import { Inject, Injectable } from '@nestjs/common';
import type { Kysely } from 'kysely';
import type { LogDatabase } from '../../engine/write/event-log';
import { LOG_READER } from '../../http/service-tokens';
import { withTasks, type TaskDatabase } from '../tasks/task-database';
import { statusOf, type TaskPlace } from '../tasks/task.queries';
import { DELIVERY_TASK } from './webhook.observer';
import type { WebhookDeliveryDto } from './webhook.dto';
import type { TaskDto } from '../tasks/task.dto';

/** Reads the deliveries of subscriptions, which are tasks whose subject is the subscription. */
@Injectable()
export class WebhookDeliveries {
  private readonly db: Kysely<TaskDatabase>;

  constructor(@Inject(LOG_READER) log: Kysely<LogDatabase>) {
    this.db = withTasks(log);
  }

  /** The deliveries of a subscription before a place in the log, the newest first. */
  list(
    subscriptionId: string,
    before: TaskPlace,
    limit: number,
  ): Promise<(WebhookDeliveryDto & TaskPlace)[]> {
    return this.ofSubscription(subscriptionId)
      .where((eb) =>
        eb(
          eb.refTuple('t.position', 't.ordinal'),
          '<',
          // A cursor may hold a larger number than an ordinal can be.
          eb.tuple(before.position, eb.cast<number>(eb.val(before.ordinal), 'bigint')),
        ),
      )
      .orderBy('t.position', 'desc')
      .orderBy('t.ordinal', 'desc')
      .limit(limit)
      .execute();
  }

  /** The delivery with an id; undefined where the subscription has none such. */
  async find(subscriptionId: string, taskId: string): Promise<WebhookDeliveryDto | undefined> {
    const found = await this.ofSubscription(subscriptionId)
      .where('t.task_id', '=', taskId)
      .executeTakeFirst();
    return found && deliveryView(found);
  }

  private ofSubscription(subscriptionId: string) {
    return this.db
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
