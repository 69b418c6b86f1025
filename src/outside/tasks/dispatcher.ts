import { sql, type Expression, type Kysely, type RawBuilder } from 'kysely';
import { anyOf } from '../../database/arrays';
import type { TaskLimits } from './task-limits';
import type { EngineLog } from '../../engine/write/ledger-parts';
import { isFirstOfLane } from './deliveries';
import type { HandledTask } from './handled-task';
import type { JobQueues } from './job-queues';
import { OPEN, type TaskDatabase } from './task-database';

/** Tasks that one statement hands over. */
const PAGE_TASKS = 500;
/** Windows full of tasks of one name that are handed over where most wait in their lanes. */
const WAITING_WINDOWS = 100;

export interface DispatcherParts {
  readonly db: Kysely<TaskDatabase>;
  readonly queues: Pick<JobQueues, 'add'>;
  readonly handlers: readonly Pick<HandledTask, 'name' | 'lanes' | 'deadlineMs'>[];
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
    const rows = this.parts.handlers.map(({ name }) => ({ name, position: 0, ordinal: 0 }));
    if (rows.length > 0) {
      await this.parts.db
        .insertInto('task_dispatch')
        .values(rows)
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    }
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
    const { open, queued } = await this.parts.db
      .selectFrom('task_delivery')
      .select((eb) => [
        eb.fn.countAll<number>().as('open'),
        eb(
          eb.fn.countAll<number>().filterWhere('lane', 'is', null),
          '+',
          eb.fn.count<number>('lane').distinct(),
        ).as('queued'),
      ])
      .where('name', '=', name)
      .where('status', 'in', OPEN)
      .executeTakeFirstOrThrow();
    return Math.min(windowTasks - queued, WAITING_WINDOWS * windowTasks - open);
  }

  /**
   * Records the next tasks of a name as handed over, in one statement, and then adds their jobs.
   * A crash in between leaves them to the sweep. Positions become visible in order, because the
   * log's lock is held until the commit, so that nothing before the last one is ever missed.
   */
  private async handOver(
    { name, lanes }: Pick<HandledTask, 'name' | 'lanes' | 'deadlineMs'>,
    limit: number,
  ): Promise<number> {
    const { db, queues } = this.parts;
    const ids = await takeNext(db, name, lanes, limit);
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
    const rows = await this.parts.db
      .selectFrom('task_delivery as d')
      .select('d.task_id')
      .where('d.task_id', '=', anyOf('uuid', ids))
      .where(isFirstOfLane)
      .orderBy('d.position')
      .orderBy('d.ordinal')
      .execute();
    return rows.map((row) => row.task_id);
  }

  /** Hands over again, oldest first, what nobody has touched for a while. */
  private async sweep(graceMs: number): Promise<void> {
    const { db, queues, handlers } = this.parts;
    const { before } = await db
      .selectNoFrom(
        sql<string>`clock_timestamp() - ${graceMs} * interval '1 millisecond'`.as('before'),
      )
      .executeTakeFirstOrThrow();
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
    await this.parts.db
      .updateTable('task_delivery')
      .set({ handed_over_at: sql<string>`clock_timestamp()` })
      .where('task_id', 'in', (eb) =>
        eb
          .selectFrom('task_delivery')
          .select('task_id')
          .where('task_id', '=', anyOf('uuid', ids))
          .forUpdate()
          .skipLocked(),
      )
      .execute();
  }

  /** What runs is left alone until its deadline, however short the grace. */
  private async untouchedSince(
    { name, deadlineMs }: Pick<HandledTask, 'name' | 'deadlineMs'>,
    before: string,
  ): Promise<string[]> {
    const rows = await this.parts.db
      .selectFrom('task_delivery as d')
      .select('d.task_id')
      .where('d.name', '=', name)
      .where('d.status', 'in', OPEN)
      .where((eb) => {
        const touches = ['d.handed_over_at', 'd.started_at', 'd.next_attempt_at'] as const;
        const lastTouched = eb.fn<string>('greatest', touches);
        const deadline = sql<string>`now() - ${deadlineMs} * interval '1 millisecond'`;
        return eb.and([
          eb(lastTouched, '<=', before),
          eb.or([eb('d.status', '=', 'queued'), eb('d.started_at', '<', deadline)]),
        ]);
      })
      .where(isFirstOfLane)
      .orderBy('d.position')
      .orderBy('d.ordinal')
      .limit(PAGE_TASKS)
      .execute();
    return rows.map((row) => row.task_id);
  }
}

/** Records the next tasks of a name as handed over. @returns their ids, in order */
async function takeNext(
  db: Kysely<TaskDatabase>,
  name: string,
  lanes: number | null,
  limit: number,
): Promise<string[]> {
  const place = db
    .selectFrom('task_dispatch')
    .select(['position', 'ordinal'])
    .where('name', '=', name)
    .forUpdate()
    .skipLocked();
  const rows = await db
    .with('place', () => place)
    .with('page', (cte) =>
      cte
        .selectFrom('place')
        .crossJoinLateral((eb) =>
          eb
            .selectFrom('task_log as n')
            .select(['n.task_id', 'n.position', 'n.ordinal', 'n.subject'])
            .where('n.name', '=', name)
            .where((eb) =>
              eb(
                eb.refTuple('n.position', 'n.ordinal'),
                '>',
                eb.refTuple('place.position', 'place.ordinal'),
              ),
            )
            .orderBy('n.position')
            .orderBy('n.ordinal')
            .limit(limit)
            .as('t'),
        )
        .select((eb) => laneOf(eb.ref('t.subject'), eb.ref('t.task_id'), lanes).as('lane'))
        .select(['t.task_id', 't.position', 't.ordinal']),
    )
    .with('moved', (cte) =>
      cte
        .updateTable('task_dispatch as d')
        .from((eb) =>
          eb
            .selectFrom('page')
            .select(['position', 'ordinal'])
            .orderBy('position', 'desc')
            .orderBy('ordinal', 'desc')
            .limit(1)
            .as('l'),
        )
        .set((eb) => ({ position: eb.ref('l.position'), ordinal: eb.ref('l.ordinal') }))
        .where('d.name', '=', name),
    )
    .with('handed_over', (cte) =>
      cte
        .insertInto('task_delivery')
        .columns(['task_id', 'position', 'ordinal', 'name', 'lane', 'status'])
        .expression((eb) =>
          eb
            .selectFrom('page')
            .select(['task_id', 'position', 'ordinal'])
            .select([sql.val(name).as('name'), 'lane', sql.lit('queued').as('status')]),
        ),
    )
    .selectFrom('page')
    .select('task_id')
    .orderBy('position')
    .orderBy('ordinal')
    .execute();
  return rows.map((row) => row.task_id);
}

/**
 * The lane of a task: its subject or, where a subject has several, its subject and one of their
 * numbers. The absolute value is taken last: the lowest integer has none, and its task would stop
 * all others.
 */
function laneOf(
  subject: Expression<string | null>,
  taskId: Expression<string>,
  lanes: number | null,
): RawBuilder<string | null> {
  if (lanes === 1) return sql`${subject}`;
  return sql`${subject} || ' ' || abs(hashtext(${taskId}::text) % ${lanes}::int)`;
}
