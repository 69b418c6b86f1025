import { sql, type Expression, type Kysely, type RawBuilder } from 'kysely';
import { anyOf } from '../../database/arrays';
import type { TaskLimits } from './task-limits';
import type { EngineLog } from '../../engine/write/ledger-parts';
import { isFirstOfLane } from './deliveries';
import { handOver, lookAt, PAGE_TASKS, release, type Handled } from './hand-over';
import type { JobQueues } from './job-queues';
import { OPEN, type TaskDatabase } from './task-database';

/** How long the other side may be taken to be away before it is asked again. */
const LONGEST_AWAY_MS = 600_000;
/** How far the times of two statements of one server may differ. */
const CLOCK_SLACK_MS = 1_000;

/**
 * A time in the past, or as far ahead as it may be; null for any other, which the server's clock
 * has set while it was ahead: it means nothing.
 */
function past(time: Expression<string | null>, aheadMs: number): RawBuilder<string | null> {
  const latest = sql`clock_timestamp() + ${aheadMs + CLOCK_SLACK_MS} * interval '1 millisecond'`;
  return sql`case when ${time} <= ${latest} then ${time} end`;
}

export interface DispatcherParts {
  readonly db: Kysely<TaskDatabase>;
  readonly queues: Pick<JobQueues, 'add'>;
  readonly handlers: readonly Handled[];
  readonly limits: TaskLimits;
  readonly log: EngineLog;
  /** The present, in SQL; default: by the clock of the log's server, which all processes share. */
  readonly now?: RawBuilder<string> | undefined;
}

/**
 * Hands tasks from the log over to the queue, name by name, oldest first. How far it came is a row
 * in the log database, which also lets one process do it at a time. What the queue holds is
 * bounded: the rest waits in the log. A task whose time has not come is passed over: it is written
 * down as deferred, out of the others' way, and handed over when it is due, the earliest instant
 * first. The sweep hands over again what a crash, or a queue that lost its jobs, left: a job that
 * is still there is not added twice.
 */
export class Dispatcher {
  private isStopping = false;
  private wakeUp: () => void = () => undefined;
  private isAwake = true;
  private loop: Promise<void> | undefined;
  private nextSweepMs = 0;
  private isFailing = false;
  /** Whose turn it is to take room first: those that were deferred and are due, or new ones. */
  private isTurnOfDue = true;
  private readonly now: RawBuilder<string>;

  constructor(private readonly parts: DispatcherParts) {
    // Constant within a statement, so that it can be looked for by index.
    this.now = parts.now ?? sql<string>`now()`;
  }

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
    const { db, limits, handlers } = this.parts;
    const on = { db, now: this.now };
    let more = false;
    this.isTurnOfDue = !this.isTurnOfDue;
    const looks = new Map((await lookAt(on, limits.windowTasks)).map((look) => [look.name, look]));
    for (const handler of handlers) {
      const look = looks.get(handler.name)!;
      let { room } = look;
      for (const step of this.stepsFor(look.isAnyDue)) {
        if (room <= 0) break;
        const { found, queued } = await step(on, handler, Math.min(PAGE_TASKS, room));
        await this.addJobs(handler, queued);
        room -= queued.length;
        if (found === PAGE_TASKS) more = true;
      }
    }
    return more;
  }

  /** In turn, so that of what is due and what is new neither keeps the other out of the window. */
  private stepsFor(isAnyDue: boolean): readonly (typeof handOver)[] {
    if (!isAnyDue) return [handOver];
    return this.isTurnOfDue ? [release, handOver] : [handOver, release];
  }

  private async addJobs({ name, lanes }: Handled, ids: readonly string[]): Promise<void> {
    const ready = lanes === null ? ids : await this.firstOfLanes(ids);
    if (ready.length === 0) return;
    const jobs = ready.map((taskId) => ({ taskId }));
    await this.parts.queues.add(name, jobs);
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

  /** No attempt is put off for longer than this. */
  private get longestPauseMs(): number {
    return 2 * Math.max(this.parts.limits.maxBackoffMs, LONGEST_AWAY_MS);
  }

  /** What runs is left alone until its deadline, however short the grace. */
  private async untouchedSince({ name, deadlineMs }: Handled, before: string): Promise<string[]> {
    const rows = await this.parts.db
      .selectFrom('task_delivery as d')
      .select('d.task_id')
      .where('d.name', '=', name)
      .where('d.status', 'in', OPEN)
      .where((eb) => {
        const lastTouched = eb.fn<string>('greatest', [
          past(eb.ref('d.handed_over_at'), 0),
          past(eb.ref('d.started_at'), 0),
          past(eb.ref('d.next_attempt_at'), this.longestPauseMs),
          sql.lit('-infinity'),
        ]);
        const deadline = sql<string>`now() - ${deadlineMs} * interval '1 millisecond'`;
        const startedAt = past(eb.ref('d.started_at'), 0);
        return eb.and([
          eb(lastTouched, '<=', before),
          eb.or([
            eb('d.status', '=', 'queued'),
            eb(startedAt, '<', deadline),
            eb(startedAt, 'is', null),
          ]),
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
