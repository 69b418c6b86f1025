import type { RawBuilder } from 'kysely';
import { query } from '../../harness/cluster';
import { cloneDatabases } from '../../harness/databases';
import { RecordedLog, startTestLedger, TEST_LIMITS, type TestLedger } from '../../harness/ledger';
import { waitFor } from '../../harness/waiting';
import type { TaskLimits } from '../../../src/outside/tasks/task-limits';
import { TaskProcess } from '../../../src/outside/tasks/task-process';
import type { TaskHandler, TaskHandlerOptions } from '../../../src/engine/define/task-handler';
import type { TaskStatus } from '../../../src/outside/tasks/task-database';
import { pingFeatures, PING_TABLES, SendPing, type AskedTask } from './ping-feature';
import type { StartQueue, TestQueue } from './queue-backends';

const LIMITS: TaskLimits = {
  windowTasks: 1_000,
  pollMs: 30,
  sweepMs: 60,
  graceMs: 300,
  backoffMs: 10,
  maxBackoffMs: 40,
  lockMs: 30_000,
};

export interface PingTasksOptions {
  readonly handlers: readonly TaskHandler[];
  readonly limits?: Partial<TaskLimits>;
  readonly dispatches?: boolean;
  readonly works?: boolean;
  /** By which time tasks are due. */
  readonly now?: RawBuilder<string>;
}

/** A task as the log database has it. */
export interface TaskState {
  readonly task_id: string;
  readonly position: number;
  readonly ordinal: number;
  readonly name: string;
  readonly subject: string | null;
  /** As readers see it: `recorded` until it is handed over. */
  readonly status: TaskStatus;
  readonly is_deferred: boolean;
  readonly attempts: number;
  readonly last_error: string | null;
  /** Milliseconds until the next attempt, at the server's clock. */
  readonly next_in_ms: number | null;
  readonly is_done_at_set: boolean;
  readonly result: unknown;
}

/** How the tasks of a name are done; `Payload` is what a spec knows of theirs. */
export function handlerOf<Payload extends object>(
  name: string,
  options: TaskHandlerOptions,
  run: TaskHandler<Payload>['run'],
): TaskHandler {
  const handler: TaskHandler<Payload> = { name, options, run };
  return handler;
}

const opened: PingTasks[] = [];

/**
 * Closes what a test opened. To be called after each test, in the `describe` of the test: hooks at
 * the top, which kill Redis and close the ledgers, run later.
 */
export async function closePingTasks(): Promise<void> {
  for (const tasks of opened.splice(0).reverse()) await tasks.close();
}

/** A ledger that takes pings and a process that does what they ask for. */
export class PingTasks {
  readonly log = new RecordedLog();

  private constructor(
    readonly ledger: TestLedger,
    readonly queue: TestQueue,
    private readonly options: PingTasksOptions,
    readonly open: TaskProcess,
    log: RecordedLog,
  ) {
    this.log = log;
  }

  /** Begins, on databases and with a queue of its own. */
  static async start(startQueue: StartQueue, options: PingTasksOptions): Promise<PingTasks> {
    const databases = await cloneDatabases({ stateTables: PING_TABLES });
    const queue = await startQueue(databases.urls);
    databases.onEnd(() => queue.close());
    return PingTasks.on(databases, queue, options);
  }

  /** Begins on databases that have a log already. */
  static async on(
    databases: TestLedger['databases'],
    queue: TestQueue,
    options: PingTasksOptions,
  ): Promise<PingTasks> {
    const features = pingFeatures(options.handlers.map((h) => h.name));
    const ledger = await startTestLedger({ databases, features });
    const log = new RecordedLog();
    const limits = { ...LIMITS, ...options.limits };
    const { lockMs } = limits;
    const open = new TaskProcess({
      urls: { log: databases.urls.log, state: queue.stateUrl },
      open: ledger.open,
      limits,
      timeouts: TEST_LIMITS,
      queue: { ...queue.options, timings: { ...queue.options.timings, lockMs } },
      handsOver: options.dispatches ?? true,
      works: options.works ?? true,
      ...(options.now && { now: options.now }),
      log,
    });
    open.start(options.handlers);
    const tasks = new PingTasks(ledger, queue, options, open, log);
    opened.push(tasks);
    return tasks;
  }

  /** Another process on the same databases and with the same queue. */
  another(options: Partial<PingTasksOptions> = {}): Promise<PingTasks> {
    return PingTasks.on(this.ledger.databases, this.queue, { ...this.options, ...options });
  }

  get limits(): TaskLimits {
    return { ...LIMITS, ...this.options.limits };
  }

  private closed: Promise<void> | undefined;

  close(): Promise<void> {
    this.closed ??= this.open.close();
    return this.closed;
  }

  /** Sends one ping, `count` times, that asks for some tasks. */
  async send(tasks: readonly AskedTask[], count = 1): Promise<string[]> {
    return (await this.ledger.accept(SendPing, { tasks, count })).eventIds;
  }

  /** All tasks in the order of the log. */
  all(): Promise<TaskState[]> {
    return query<TaskState>(
      this.ledger.databases.urls.log,
      `select t.task_id, t.position, t.ordinal, t.name, t.subject,
         coalesce(nullif(d.status, 'deferred'), 'recorded') as status,
         d.status is not distinct from 'deferred' as is_deferred,
         coalesce(d.attempts, 0) as attempts,
         d.last_error, d.result, d.done_at is not null as is_done_at_set,
         (extract(epoch from d.next_attempt_at - now()) * 1000)::float8 as next_in_ms
       from task_log t left join task_delivery d using (task_id) order by 2, 3`,
    );
  }

  /** How many tasks have each status. */
  async counts(): Promise<Partial<Record<TaskStatus, number>>> {
    const counts: Partial<Record<TaskStatus, number>> = {};
    for (const { status } of await this.all()) counts[status] = (counts[status] ?? 0) + 1;
    return counts;
  }

  /** Waits until every task has one of these statuses. */
  async untilAll(...statuses: TaskStatus[]): Promise<TaskState[]> {
    return waitFor(`every task to be ${statuses.join(' or ')}`, async () => {
      const all = await this.all();
      return all.every((task) => statuses.includes(task.status)) && all;
    }).catch(async (cause: unknown) => {
      const left = JSON.stringify([await this.counts(), (await this.all()).slice(0, 5)]);
      throw new Error(`Not all are ${statuses.join(' or ')}: ${left}`, { cause });
    });
  }
}
