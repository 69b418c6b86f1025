import {
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { Duties } from '../../http/duties';
import { FeatureParts } from '../../http/feature-parts';
import { TaskProcess } from './task-process';

/** Has the tasks of all features done, and their schedules kept, while the service runs. */
@Injectable()
export class TaskLifecycle implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly tasks: TaskProcess,
    private readonly parts: FeatureParts,
    private readonly duties: Duties,
  ) {}

  /** @throws TaskHandlersIncomplete */
  onApplicationBootstrap(): void {
    this.tasks.start(this.parts.taskHandlers());
    const schedules = this.parts.schedules();
    if (this.duties.works && schedules.length > 0) this.tasks.queues.schedule(schedules);
  }

  onApplicationShutdown(): Promise<void> {
    return this.tasks.close();
  }
}
