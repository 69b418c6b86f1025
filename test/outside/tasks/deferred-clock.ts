import { sql } from 'kysely';
import { ROLES } from '../../../src/database/connections';
import { query } from '../../harness/cluster';
import { cloneDatabases, type TestDatabases } from '../../harness/databases';
import { PING_TABLES } from './ping-feature';
import { PingTasks, type PingTasksOptions } from './ping-tasks';
import type { StartQueue } from './queue-backends';

/** The present of a dispatcher whose clock is set: that of the log's server, and a shift. */
const SHIFTED_NOW = sql<string>`now() + (select shift from test_clock)`;

/** A process that does what pings ask for, and whose dispatcher has a clock that can be set. */
export class SetClock {
  private constructor(
    readonly tasks: PingTasks,
    private readonly databases: TestDatabases,
  ) {}

  static async start(startQueue: StartQueue, options: PingTasksOptions): Promise<SetClock> {
    const databases = await cloneDatabases({ stateTables: PING_TABLES });
    return SetClock.on(databases, startQueue, options);
  }

  /** Begins on databases that have a log already. */
  static async on(
    databases: TestDatabases,
    startQueue: StartQueue,
    options: PingTasksOptions,
  ): Promise<SetClock> {
    const { log } = databases.urls;
    await query(log, `create table test_clock as select interval '0' as shift`);
    await query(log, `grant select on test_clock to ${ROLES.taskWorker}`);
    const queue = await startQueue(databases.urls);
    databases.onEnd(() => queue.close());
    const tasks = await PingTasks.on(databases, queue, { now: SHIFTED_NOW, ...options });
    return new SetClock(tasks, databases);
  }

  /** Sets it to so much after what it would be, or before that; PostgreSQL's words. */
  async set(shift: string): Promise<void> {
    await query(this.databases.urls.log, 'update test_clock set shift = $1', [shift]);
  }
}

/** An instant so much from now, as the ledger writes them. */
export function instantIn(ms: number): string {
  return new Date(Date.now() + ms).toISOString();
}
