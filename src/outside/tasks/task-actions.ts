import { Inject, Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { runAdminCommand, type AdminCommand } from '../../engine/write/admin-command';
import type { Outcome } from '../../engine/define/creator';
import type { EngineLog } from '../../engine/write/ledger-parts';
import { Refusal } from '../../engine/define/refusal';
import { SERVICE_LOG } from '../../http/service-tokens';
import { JobQueues } from './job-queues';
import type { DeliveryStatus, TaskDatabase } from './task-database';
import type { TaskDto } from './task.dto';
import { TaskProcess } from './task-process';
import { readTask, taskView } from './task.queries';

/** Who asks, as every POST of the API says it. */
export type ActionRequest = Pick<AdminCommand, 'actor' | 'idempotencyKey' | 'dryRun'>;

/** What administrators may do with tasks. Remembered and repeated like every command. */
@Injectable()
export class TaskActions {
  constructor(
    private readonly tasks: TaskProcess,
    private readonly queues: JobQueues,
    @Inject(SERVICE_LOG) private readonly log: EngineLog,
  ) {}

  /**
   * Hands a task that has failed over again, with all its attempts.
   * Refuses `not_found`, `task_not_failed`.
   */
  retry(request: ActionRequest, taskId: string, position: number): Promise<Outcome<TaskDto>> {
    return this.handOverAgain('RetryTask', request, taskId, position, ['failed']);
  }

  /**
   * Hands a task that is done or has failed over again, under the same id.
   * Refuses `not_found`, `task_under_way`.
   */
  redeliver(request: ActionRequest, taskId: string, position: number): Promise<Outcome<TaskDto>> {
    return this.handOverAgain('RedeliverTask', request, taskId, position, ['done', 'failed']);
  }

  private async handOverAgain(
    name: string,
    request: ActionRequest,
    taskId: string,
    position: number,
    from: readonly DeliveryStatus[],
  ): Promise<Outcome<TaskDto>> {
    const command = { ...request, name, input: { taskId } };
    const outcome = await runAdminCommand(this.tasks.db, command, position, (db) =>
      resetTask(db, taskId, from),
    );
    if (outcome.kind === 'accepted' && !outcome.isHit && !request.dryRun) {
      // Not waited for: a queue that is away delays the task, and nobody who asks for it.
      void this.queues.add(outcome.answer.name, [{ taskId }]).catch((err: unknown) => {
        this.log.warn({ err, taskId }, 'a task waits for the sweep');
      });
    }
    return outcome;
  }
}

/**
 * Makes a task queued as if it had been so for ever: where the queue has not dropped its last job
 * yet, the new one is ignored, and the next sweep adds it.
 */
async function resetTask(
  db: Transaction<TaskDatabase>,
  taskId: string,
  from: readonly DeliveryStatus[],
): Promise<TaskDto> {
  const { numUpdatedRows } = await db
    .updateTable('task_delivery')
    .set({
      status: 'queued',
      attempts: 0,
      done_at: null,
      result: null,
      next_attempt_at: null,
      started_at: null,
      handed_over_at: '-infinity',
    })
    .where('task_id', '=', taskId)
    .where('status', 'in', from)
    .executeTakeFirstOrThrow();
  const task = await readTask(db, taskId);
  if (!task) throw new Refusal('not_found', `There is no task ${taskId}`);
  if (numUpdatedRows === 0n) {
    const detail = `Task ${taskId} is ${task.status}`;
    if (from.includes('done')) throw new Refusal('task_under_way', detail);
    throw new Refusal('task_not_failed', detail);
  }
  return taskView(task);
}
