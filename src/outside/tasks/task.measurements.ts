import { Inject, Injectable } from '@nestjs/common';
import type { Kysely } from 'kysely';
import type { Measurement, Sample } from '../../engine/define/measurement';
import type { LogDatabase } from '../../engine/write/event-log';
import { LOG_READER } from '../../http/service-tokens';
import { withTasks } from './task-database';
import { countTasks } from './task.queries';

const TASKS = 'truebook_tasks';
const STATUSES = ['queued', 'running', 'failed'] as const;

/** How many tasks wait, are under way, and have failed. */
@Injectable()
export class TaskMeasurement implements Measurement {
  readonly metrics = [
    {
      name: TASKS,
      help: 'Tasks that wait in the queue, are under way, or have failed',
      labels: ['status'],
    },
  ];

  constructor(@Inject(LOG_READER) private readonly log: Kysely<LogDatabase>) {}

  async read(): Promise<Sample[]> {
    const counts = await countTasks(withTasks(this.log));
    return STATUSES.map((status) => ({
      metric: TASKS,
      labels: { status },
      value: counts[status],
    }));
  }
}
