import type { Kysely, RawBuilder } from 'kysely';
import type { TaskLimits } from './task-limits';
import {
  openPool,
  ROLES,
  type DatabaseUrls,
  type SessionTimeouts,
} from '../../database/connections';
import type { TaskHandler } from '../../engine/define/task-handler';
import type { EngineLog } from '../../engine/write/ledger-parts';
import type { OpenLedger } from '../../engine/open-ledger';
import { Deliveries } from './deliveries';
import { Dispatcher } from './dispatcher';
import { HandledTask } from './handled-task';
import { checkHandlers } from './handler-check';
import { openJobQueues, type JobQueueOptions, type JobQueues } from './job-queues';
import type { TaskDatabase } from './task-database';
import { TaskWorker } from './worker';

/** Connections for handing over, for recording, and for what administrators ask for. */
const POOL_SIZE = 4;
/** How long tasks under way may take to end once the service stops. */
const CLOSE_DEADLINE_MS = 20_000;
/** Errors of the queue's connections come many times a second; one in this time is logged. */
const ERROR_LOG_MS = 10_000;

export interface TaskOptions {
  readonly urls: DatabaseUrls;
  readonly open: Pick<OpenLedger, 'ledger' | 'registry' | 'onCommitted'>;
  readonly limits: TaskLimits;
  readonly timeouts: SessionTimeouts;
  readonly queue: Omit<JobQueueOptions, 'stateUrl' | 'onError'>;
  /** Whether this process hands tasks over. */
  readonly handsOver: boolean;
  /** Whether it does them. */
  readonly works: boolean;
  readonly log: EngineLog;
  /** By which time tasks are due, see {@link Dispatcher}; specs set it forward and back. */
  readonly now?: RawBuilder<string>;
}

/** The tasks' side of a process: its connections at once, its work from `start` to `close`. */
export class TaskProcess {
  readonly db: Kysely<TaskDatabase>;
  readonly queues: JobQueues;
  private dispatcher: Dispatcher | undefined;
  private worker: TaskWorker | undefined;

  constructor(private readonly options: TaskOptions) {
    const { urls, timeouts, limits, queue, log } = options;
    const onPoolError = (err: Error) => log.warn({ err }, 'an idle database connection broke');
    this.db = openPool(urls.log, ROLES.taskWorker, timeouts, POOL_SIZE, onPoolError);
    const { lockMs } = limits;
    const timings = { lockMs, stalledCheckMs: Math.ceil(lockMs / 3), ...queue.timings };
    const onError = logNowAndThen(log);
    this.queues = openJobQueues({ ...queue, timings, stateUrl: urls.state, onError });
  }

  /**
   * Begins to hand over tasks and, where this process works, to do them.
   * @throws TaskHandlersIncomplete
   */
  start(handlers: readonly TaskHandler[]): void {
    const { db, queues } = this;
    const { open, limits, log, now } = this.options;
    checkHandlers(open.registry.taskNames, handlers);
    const handled = handlers.map((handler) => new HandledTask(handler));
    if (this.options.works) {
      const deliveries = new Deliveries(db);
      const { ledger, registry } = open;
      const parts = { deliveries, queues, registry, ledger, limits, log };
      const worker = new TaskWorker({ ...parts, handlers: handled });
      worker.start();
      this.worker = worker;
    }
    if (this.options.handsOver) {
      const dispatcher = new Dispatcher({ db, queues, handlers: handled, limits, log, now });
      dispatcher.start();
      open.onCommitted((hasTasks) => {
        if (hasTasks) dispatcher.wake();
      });
      this.dispatcher = dispatcher;
    }
  }

  /** Ends handing over, lets the tasks under way end, and closes the connections. */
  async close(): Promise<void> {
    await this.dispatcher?.stop();
    await this.queues.close(CLOSE_DEADLINE_MS);
    this.worker?.stop();
    await this.db.destroy();
  }
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
