import type { Kysely } from 'kysely';
import type { TaskLimits } from './task-limits';
import {
  openPool,
  ROLES,
  type DatabaseUrls,
  type SessionTimeouts,
} from '../../database/connections';
import type { EngineLog } from '../../engine/write/ledger-parts';
import type { OpenLedger } from '../../engine/open-ledger';
import { Deliveries } from './deliveries';
import { Dispatcher } from './dispatcher';
import { checkHandlers } from './handler-check';
import { openJobQueues, type JobQueueOptions, type JobQueues } from './job-queues';
import { TaskActions } from './task-actions';
import type { TaskDatabase } from './task-database';
import type { TaskHandler } from './task-handler';
import { TaskWorker } from './worker';

/** Connections for handing over, for recording, and for what administrators ask for. */
const POOL_SIZE = 4;
/** How long tasks under way may take to end once the service stops. */
const CLOSE_DEADLINE_MS = 20_000;
/** Errors of the queue's connections come many times a second; one in this time is logged. */
const ERROR_LOG_MS = 10_000;

export interface TaskOptions {
  readonly urls: DatabaseUrls;
  readonly open: Pick<OpenLedger, 'ledger' | 'registry' | 'onTasks'>;
  readonly handlers: readonly TaskHandler[];
  readonly limits: TaskLimits;
  readonly timeouts: SessionTimeouts;
  readonly queue: Omit<JobQueueOptions, 'stateUrl' | 'onError'>;
  /** Whether this process hands tasks over. */
  readonly dispatches: boolean;
  /** Whether it does them. */
  readonly works: boolean;
  readonly log: EngineLog;
}

/** The tasks' side of a running process, and what ends it. */
export interface OpenTasks {
  readonly db: Kysely<TaskDatabase>;
  readonly queues: JobQueues;
  readonly actions: TaskActions;
  /** Ends handing over, lets the tasks under way end, and closes the connections. */
  close(): Promise<void>;
}

/**
 * Begins to hand over tasks and, where this process works, to do them.
 * @throws TaskHandlersIncomplete
 */
export function openTasks(options: TaskOptions): OpenTasks {
  const { urls, open, handlers, limits, log } = options;
  const { ledger, registry } = open;
  checkHandlers(registry.taskNames, handlers);
  const onPoolError = (err: Error) => log.warn({ err }, 'an idle database connection broke');
  const db = openPool<TaskDatabase>(
    urls.log,
    ROLES.taskWorker,
    options.timeouts,
    POOL_SIZE,
    onPoolError,
  );
  const onError = logNowAndThen(log);
  const { lockMs } = limits;
  const timings = { lockMs, stalledCheckMs: Math.ceil(lockMs / 3), ...options.queue.timings };
  const queues = openJobQueues({ ...options.queue, timings, stateUrl: urls.state, onError });
  const dispatcher = new Dispatcher({ db, queues, handlers, limits, log });
  const deliveries = new Deliveries(db);
  const worker = new TaskWorker({ deliveries, queues, handlers, registry, ledger, limits, log });
  if (options.works) worker.start();
  if (options.dispatches) {
    dispatcher.start();
    open.onTasks(() => dispatcher.wake());
  }
  const close = async () => {
    await dispatcher.stop();
    await queues.close(CLOSE_DEADLINE_MS);
    worker.stop();
    await db.destroy();
  };
  return { db, queues, actions: new TaskActions(db, queues, log), close };
}

function logNowAndThen(log: EngineLog): (err: Error) => void {
  let next = 0;
  return (err) => {
    const now = performance.now();
    if (now < next) return;
    next = now + ERROR_LOG_MS;
    log.warn({ err }, 'the queue of the tasks is in trouble');
  };
}
