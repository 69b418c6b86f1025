import { sql, type Kysely } from 'kysely';
import type { TaskLimits } from './task-limits';
import type { EngineLog } from '../../engine/write/ledger-parts';
import { isFirstOfLane } from './deliveries';
import type { JobQueues } from './job-queues';
import type { TaskDatabase } from './task-database';
import type { TaskHandler } from './task-handler';

/** Tasks that one statement hands over. */
const PAGE_TASKS = 500;
/** Windows full of tasks of one name that are handed over where most wait in their lanes. */
const WAITING_WINDOWS = 100;

export interface DispatcherParts {
  readonly db: Kysely<TaskDatabase>;
  readonly queues: Pick<JobQueues, 'add'>;
  readonly handlers: readonly Pick<TaskHandler, 'name' | 'lanes' | 'deadlineMs'>[];
  readonly limits: TaskLimits;
  readonly log: EngineLog;
}

/**
 * Hands tasks from the log over to the queue, name by name, oldest first. How far it came is a row
 * in the log database, which also lets one process do it at a time. What the queue holds is
 * bounded: the rest waits in the log. The sweep hands over again what a crash, or a queue that
 * lost its jobs, left: a job that is still there is not added twice.
 */
export class Dispatcher {
  private isStopping = false;
  private wakeUp: () => void = () => undefined;
  private isAwake = true;
  private loop: Promise<void> | undefined;
  private nextSweepMs = 0;
  private isFailing = false;

  constructor(private readonly parts: DispatcherParts) {}

  /** Sweeps what an earlier process left, and begins to hand over. */
  start(): void {
    this.loop = this.run();
  }

  /** Says that tasks were recorded. */
  wake(): void {
    this.isAwake = true;
    this.wakeUp();
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    this.wakeUp();
    await this.loop;
  }

  private async run(): Promise<void> {
    // What is open when a process starts, or after the queue was away, may have no job: no grace.
    let graceMs = 0;
    while (!this.isStopping) {
      this.isAwake = false;
      try {
        await this.register();
        if (performance.now() >= this.nextSweepMs) {
          await this.sweep(graceMs);
          graceMs = this.parts.limits.graceMs;
          this.nextSweepMs = performance.now() + this.parts.limits.sweepMs;
        }
        const more = await this.handOverAll();
        this.isFailing = false;
        if (more) continue;
      } catch (err) {
        // Tasks wait in the log until the queue, or the database, is back.
        if (!this.isFailing) this.parts.log.warn({ err }, 'tasks cannot be handed over now');
        this.isFailing = true;
        this.nextSweepMs = 0;
        graceMs = 0;
      }
      await this.rest();
    }
  }

  /** Waits for a commit with tasks, or for the time of the next look. */
  private async rest(): Promise<void> {
    if (this.isStopping || (this.isAwake && !this.isFailing)) return;
    await new Promise<void>((done) => {
      const timer = setTimeout(done, this.parts.limits.pollMs);
      this.wakeUp = () => {
        if (this.isFailing && !this.isStopping) return;
        clearTimeout(timer);
        done();
      };
    });
  }

  private isRegistered = false;

  /** Every name has a row that says how far it was handed over. */
  private async register(): Promise<void> {
    if (this.isRegistered) return;
    const names = this.parts.handlers.map((h) => h.name);
    await sql`
      insert into task_dispatch (name, position, ordinal)
      select name, 0, 0 from unnest(${names}::text[]) as n(name)
      on conflict do nothing`.execute(this.parts.db);
    this.isRegistered = true;
  }

  /** One page of each name. @returns whether any had a full one */
  private async handOverAll(): Promise<boolean> {
    let more = false;
    for (const handler of this.parts.handlers) {
      const limit = Math.min(PAGE_TASKS, await this.roomFor(handler.name));
      if (limit <= 0) continue;
      const taken = await this.handOver(handler, limit);
      if (taken === PAGE_TASKS) more = true;
    }
    return more;
  }

  /**
   * How many more tasks of a name may be handed over. The queue holds those that are first in their
   * lane, or in none; the others wait in the database and have more room of their own, so that one
   * receiver that is away does not hold up all others.
   */
  private async roomFor(name: string): Promise<number> {
    const { windowTasks } = this.parts.limits;
    const { rows } = await sql<{ open: number; queued: number }>`
      select count(*) as open,
        count(*) filter (where lane is null) + count(distinct lane) as queued
      from task_delivery
      where name = ${name} and status in ('queued', 'running')`.execute(this.parts.db);
    const { open, queued } = rows[0]!;
    return Math.min(windowTasks - queued, WAITING_WINDOWS * windowTasks - open);
  }

  /**
   * Records the next tasks of a name as handed over, in one statement, and then adds their jobs.
   * A crash in between leaves them to the sweep. Positions become visible in order, because the
   * log's lock is held until the commit, so that nothing before the last one is ever missed. The
   * absolute value is taken last: the lowest integer has none, and its task would stop all others.
   */
  private async handOver(
    { name, lanes }: Pick<TaskHandler, 'name' | 'lanes' | 'deadlineMs'>,
    limit: number,
  ): Promise<number> {
    const { db, queues } = this.parts;
    const { rows } = await sql<{ task_id: string }>`
      with place as (
        select position, ordinal from task_dispatch where name = ${name} for update skip locked
      ), page as (
        select t.task_id, t.position, t.ordinal, t.subject from place, lateral (
          select * from task_log
          where name = ${name} and (position, ordinal) > (place.position, place.ordinal)
          order by position, ordinal limit ${limit}
        ) t
      ), moved as (
        update task_dispatch d set position = l.position, ordinal = l.ordinal
        from (select position, ordinal from page order by position desc, ordinal desc limit 1) l
        where d.name = ${name}
      ), handed_over as (
        insert into task_delivery (task_id, position, ordinal, name, lane, status)
        select task_id, position, ordinal, ${name},
          case ${lanes}::int
            when 1 then subject
            else subject || ' ' || abs(hashtext(task_id::text) % ${lanes}::int)
          end, 'queued'
        from page
      )
      select task_id from page order by position, ordinal`.execute(db);
    const ids = rows.map((row) => row.task_id);
    const ready = lanes === null ? ids : await this.firstOfLanes(ids);
    if (ready.length > 0)
      await queues.add(
        name,
        ready.map((taskId) => ({ taskId })),
      );
    return ids.length;
  }

  /** Those of the tasks that need not wait for another one of their subject. */
  private async firstOfLanes(ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    const { rows } = await sql<{ task_id: string }>`
      select task_id from task_delivery d
      where task_id = any(${ids}::uuid[]) and ${isFirstOfLane}
      order by position, ordinal`.execute(this.parts.db);
    return rows.map((row) => row.task_id);
  }

  /** Hands over again, oldest first, what nobody has touched for a while. */
  private async sweep(graceMs: number): Promise<void> {
    const { db, queues, handlers } = this.parts;
    const { rows } = await sql<{ before: string }>`
      select clock_timestamp() - ${graceMs} * interval '1 millisecond' as before`.execute(db);
    const { before } = rows[0]!;
    for (const handler of handlers) {
      for (let swept = PAGE_TASKS; swept === PAGE_TASKS && !this.isStopping;) {
        const ids = await this.untouchedSince(handler, before);
        swept = ids.length;
        if (swept === 0) continue;
        // Only what the queue has taken counts as touched.
        await queues.add(
          handler.name,
          ids.map((taskId) => ({ taskId })),
        );
        await this.touch(ids);
      }
    }
  }

  /** Rows that a worker is writing are touched by that. */
  private async touch(ids: readonly string[]): Promise<void> {
    await sql`
      update task_delivery set handed_over_at = clock_timestamp()
      where task_id in (
        select task_id from task_delivery where task_id = any(${ids}::uuid[])
        for update skip locked
      )`.execute(this.parts.db);
  }

  /** What runs is left alone until its deadline, however short the grace. */
  private async untouchedSince(
    { name, deadlineMs }: Pick<TaskHandler, 'name' | 'deadlineMs'>,
    before: string,
  ): Promise<string[]> {
    const { rows } = await sql<{ task_id: string }>`
      select task_id from task_delivery d
      where name = ${name} and status in ('queued', 'running')
        and greatest(handed_over_at, started_at, next_attempt_at) <= ${before}::timestamptz
        and (status = 'queued' or started_at < now() - ${deadlineMs} * interval '1 millisecond')
        and ${isFirstOfLane}
      order by position, ordinal limit ${PAGE_TASKS}`.execute(this.parts.db);
    return rows.map((row) => row.task_id);
  }
}
