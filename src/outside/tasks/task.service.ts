import type { FeatureService } from '../../engine/define/feature';
import type { OpenLedger } from '../../engine/open-ledger';
import type { EngineLimits, EngineLog } from '../../engine/write/ledger-parts';
import { Duties } from '../../http/duties';
import { QueueHealth } from '../../http/health-parts';
import { CONFIG, OPEN_LEDGER, SERVICE_LOG } from '../../http/service-tokens';
import { JobQueues } from './job-queues';
import { TaskActions } from './task-actions';
import { TaskLifecycle } from './task-lifecycle';
import type { TaskLimits } from './task-limits';
import { TaskProcess } from './task-process';
import { TaskController } from './task.controller';
import { TaskMeasurement } from './task.measurements';

/** What the tasks read of the configuration. */
interface TaskConfig {
  readonly tasks: TaskLimits;
  readonly engine: EngineLimits;
  readonly redisUrl: string | undefined;
  readonly redisPrefix: string;
}

function processOf(open: OpenLedger, config: TaskConfig, duties: Duties, log: EngineLog) {
  const { redisUrl, redisPrefix } = config;
  return new TaskProcess({
    urls: open.urls,
    open,
    limits: config.tasks,
    timeouts: config.engine,
    queue: { redisUrl, redisPrefix },
    handsOver: duties.handsOver,
    works: duties.works,
    log,
  });
}

const inject = [TaskProcess];

export const service: FeatureService = {
  controllers: [TaskController],
  providers: [
    {
      provide: TaskProcess,
      useFactory: processOf,
      inject: [OPEN_LEDGER, CONFIG, Duties, SERVICE_LOG],
    },
    { provide: JobQueues, useFactory: (tasks: TaskProcess) => tasks.queues, inject },
    { provide: QueueHealth, useExisting: JobQueues },
    TaskActions,
    TaskLifecycle,
  ],
  exports: [TaskActions, QueueHealth],
  measurements: [TaskMeasurement],
};
