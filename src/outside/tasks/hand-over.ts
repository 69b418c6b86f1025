import { sql, type Expression, type Kysely, type RawBuilder } from 'kysely';
import type { HandledTask } from './handled-task';
import { OPEN, type TaskDatabase } from './task-database';

/** Tasks that one statement hands over, or defers. */
export const PAGE_TASKS = 500;
/** Windows full of tasks of one name that are handed over where most wait in their lanes. */
const WAITING_WINDOWS = 100;

/** What of a handler matters to who hands its tasks over. */
export type Handled = Pick<HandledTask, 'name' | 'lanes' | 'deadlineMs'>;

/** The log database, and the present, in SQL. */
interface PresentLog {
  readonly db: Kysely<TaskDatabase>;
  readonly now: RawBuilder<string>;
}

/** What one statement did. */
interface Step {
  /** Tasks that it found. */
  readonly found: number;
  /** Those of them that take room in the queue now. */
  readonly queued: readonly string[];
}

/** What the tasks of a name allow now. */
interface Look {
  readonly name: string;
  /** How many more may be handed over. */
  readonly room: number;
  /** Whether any that was deferred is due. */
  readonly isAnyDue: boolean;
}

/**
 * How many more tasks of each name may be handed over, and whether any that was deferred is due,
 * in one query for all of them. The queue holds those that are first in their lane, or in none;
 * the others wait in the database and have more room of their own, so that one receiver that is
 * away does not hold up all others.
 */
export async function lookAt({ db, now }: PresentLog, windowTasks: number): Promise<Look[]> {
  const rows = await db
    .selectFrom('task_dispatch as n')
    .innerJoinLateral(
      (eb) =>
        eb
          .selectFrom('task_delivery')
          .select((count) => [
            count.fn.countAll<number>().as('open'),
            count(
              count.fn.countAll<number>().filterWhere('lane', 'is', null),
              '+',
              count.fn.count<number>('lane').distinct(),
            ).as('queued'),
          ])
          .whereRef('name', '=', 'n.name')
          .where('status', 'in', OPEN)
          .as('d'),
      (join) => join.onTrue(),
    )
    .select(['n.name', 'd.open', 'd.queued'])
    .select((eb) =>
      eb
        .exists(deferredOf(db, eb.ref('n.name')).where('d.not_before', '<=', now))
        .$castTo<boolean>()
        .as('isAnyDue'),
    )
    .execute();
  return rows.map(({ name, open, queued, isAnyDue }) => {
    const room = Math.min(windowTasks - queued, WAITING_WINDOWS * windowTasks - open);
    return { name, room, isAnyDue };
  });
}

/**
 * Records the next tasks of a name as handed over, or as deferred where their time has not come,
 * in one statement; the jobs are added after it. A crash in between leaves them to the sweep.
 * Positions become visible in order, because the log's lock is held until the commit, so that
 * nothing before the last one is ever missed. What is deferred takes none of the room, so that
 * those behind a million that are not due until next year are reached by whole pages.
 */
export async function handOver(
  on: PresentLog,
  { name, lanes }: Handled,
  limit: number,
): Promise<Step> {
  const rows = await pageOf(on, name, limit)
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
        .columns(['task_id', 'position', 'ordinal', 'name', 'lane', 'status', 'not_before'])
        .expression((eb) =>
          eb
            .selectFrom('page as t')
            .select(['t.task_id', 't.position', 't.ordinal', sql.val(name).as('name')])
            .select((eb) => {
              const isDeferred = eb.ref('t.isDeferred');
              const lane = laneOf(eb.ref('t.subject'), eb.ref('t.task_id'), lanes);
              const [deferred, queued] = [sql.lit('deferred'), sql.lit('queued')];
              return [
                eb.case().when(eb.not(isDeferred)).then(lane).end().as('lane'),
                eb.case().when(isDeferred).then(deferred).else(queued).end().as('status'),
                eb.case().when(isDeferred).then(eb.ref('t.not_before')).end().as('not_before'),
              ];
            }),
        ),
    )
    .selectFrom('page')
    .select(['task_id', 'isDeferred'])
    .orderBy('position')
    .orderBy('ordinal')
    .execute();
  const queued = rows.filter((row) => !row.isDeferred).map((row) => row.task_id);
  return { found: rows.length, queued };
}

/** What the next statement hands over or defers: up to so many that are to be handed over. */
function pageOf({ db, now }: PresentLog, name: string, limit: number) {
  return db
    .with('place', () => placeOf(db, name))
    .with('ahead', (cte) =>
      cte
        .selectFrom('place')
        .crossJoinLateral((eb) =>
          eb
            .selectFrom('task_log as n')
            .select(['n.task_id', 'n.position', 'n.ordinal', 'n.subject', 'n.not_before'])
            .select((eb) =>
              eb.fn.coalesce(eb('n.not_before', '>', now), eb.lit(false)).as('isDeferred'),
            )
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
            .limit(PAGE_TASKS)
            .as('t'),
        )
        .selectAll('t')
        .select((eb) =>
          eb.fn
            .countAll<number>()
            .filterWhere(eb.not('t.isDeferred'))
            .over((over) => over.orderBy('t.position').orderBy('t.ordinal'))
            .as('n'),
        ),
    )
    .with('page', (cte) => cte.selectFrom('ahead').selectAll().where('n', '<=', limit));
}

/**
 * Records deferred tasks that are due as handed over, the earliest instant first; as in
 * {@link handOver}, one process does it at a time; it looks once more at each, which the process
 * before may have released since this statement began. What was handed over once stays so,
 * wherever the clock is set. The lane is that of the handler of today.
 */
export async function release(
  { db, now }: PresentLog,
  { name, lanes }: Handled,
  limit: number,
): Promise<Step> {
  const rows = await db
    .with('place', () => placeOf(db, name))
    .with('due', (cte) =>
      cte
        .selectFrom('place')
        .crossJoinLateral(
          deferredOf(db, name)
            .select('d.task_id')
            .where('d.not_before', '<=', now)
            .orderBy('d.not_before')
            .orderBy('d.position')
            .orderBy('d.ordinal')
            .limit(limit)
            .as('d'),
        )
        .select('d.task_id'),
    )
    .with('released', (cte) =>
      cte
        .updateTable('task_delivery as d')
        .from(['place', 'due'])
        .innerJoin('task_log as t', 't.task_id', 'due.task_id')
        .set((eb) => ({
          status: 'queued',
          handed_over_at: sql<string>`clock_timestamp()`,
          lane: laneOf(eb.ref('t.subject'), eb.ref('t.task_id'), lanes),
          behind_position: eb.ref('place.position'),
          behind_ordinal: eb.ref('place.ordinal'),
        }))
        .whereRef('d.task_id', '=', 'due.task_id')
        .where('d.status', '=', 'deferred')
        .returning(['d.task_id', 'd.not_before', 'd.position', 'd.ordinal']),
    )
    .selectFrom('released')
    .select('task_id')
    .orderBy('not_before')
    .orderBy('position')
    .orderBy('ordinal')
    .execute();
  return { found: rows.length, queued: rows.map((row) => row.task_id) };
}

/** Up to where the tasks of a name were handed over; nobody, while another process does it. */
function placeOf(db: Kysely<TaskDatabase>, name: string) {
  return db
    .selectFrom('task_dispatch')
    .select(['position', 'ordinal'])
    .where('name', '=', name)
    .forUpdate()
    .skipLocked();
}

/** The tasks of a name that are deferred; by the index that holds nothing else. */
function deferredOf(db: Kysely<TaskDatabase>, name: string | Expression<string>) {
  return db
    .selectFrom('task_delivery as d')
    .where('d.name', '=', name)
    .where('d.status', '=', sql.lit('deferred'));
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
