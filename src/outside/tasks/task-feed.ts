import type { Kysely } from 'kysely';
import type { TaskDatabase } from './task-database';
import {
  listTasks,
  readTask,
  type TaskFilter,
  type TaskPlace,
  type TaskRead,
} from './task.queries';

/** Reads what became of tasks. */
export class TaskFeed {
  constructor(private readonly db: Kysely<TaskDatabase>) {}

  /** Tasks after a place, in the order of the log. */
  list(filter: TaskFilter, after: TaskPlace, limit: number): Promise<TaskRead[]> {
    return listTasks(this.db, filter, after, limit);
  }

  find(taskId: string): Promise<TaskRead | undefined> {
    return readTask(this.db, taskId);
  }
}
