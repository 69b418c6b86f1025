import { sql, type Kysely } from 'kysely';
import { given, rowsOf } from '../../database/arrays';
import { readPage, type PageRows, type Order } from '../../engine/session/page-rows';
import type { TaskDatabase, TaskStatus } from './task-database';
import {
  isBehind,
  readTasks,
  type TaskFilter,
  type TaskPlace,
  type TaskRead,
} from './task.queries';

type NameAndSubject = Omit<TaskFilter, 'status'>;

const LISTED = {
  by: ['position', 'ordinal'],
  large: ['payload', 'lastError', 'result'],
} as const;

/**
 * Tasks in the order of the log, or against it, behind a place: so many, or fewer of large ones.
 * Those that are recorded go forwards alone.
 */
export function listTasks(
  db: Kysely<TaskDatabase>,
  { status, ...of }: TaskFilter,
  after: TaskPlace,
  limit: number,
  order: Order = 'asc',
): Promise<PageRows<TaskRead>> {
  if (status === 'recorded') return listRecorded(db, of, after, limit);
  // What is under way or has failed is found by indexes that hold nothing else, wherever it is.
  const by = isRare(status) ? 'd' : 't';
  const found = readTasks(db, of)
    .where((eb) => isBehind(eb, by, after, order))
    .$if(status !== undefined, (all) => all.where('d.status', '=', status!))
    .orderBy(`${by}.position`, order)
    .orderBy(`${by}.ordinal`, order)
    .limit(limit + 1);
  return readPage(db, found, { ...LISTED, order }, limit);
}

/** Whether a status is one of those that few of all tasks have. */
function isRare(status: TaskStatus | undefined): boolean {
  return status === 'queued' || status === 'running' || status === 'failed';
}

/**
 * Tasks that nobody has been handed, in the order of the log: they are behind the place up to which
 * those of their name were handed over, or of no such name, or their time has not come. Each of
 * these is read by an index from where it begins, because they are few beside all that is done.
 */
async function listRecorded(
  db: Kysely<TaskDatabase>,
  of: NameAndSubject,
  after: TaskPlace,
  limit: number,
): Promise<PageRows<TaskRead>> {
  const ahead = await listAhead(db, of, after, limit);
  // After the others: what is deferred meanwhile is found at least once.
  const found = readTasks(db, of)
    .where('d.status', '=', sql.lit('deferred'))
    .where((eb) => isBehind(eb, 'd', after))
    .orderBy('d.position')
    .orderBy('d.ordinal')
    .limit(limit + 1);
  const deferred = await readPage(db, found, LISTED, limit);
  const pages = [ahead, deferred];
  const tasks = new Map(pages.flatMap(({ rows }) => rows.map((task) => [task.taskId, task])));
  const sorted = [...tasks.values()].sort(inOrder);
  // Behind the end of one of the pages not all are known.
  const ends = pages.flatMap(({ rows, hasMore }) => (hasMore ? rows.slice(-1) : []));
  const known = sorted.filter((task) => ends.every((end) => inOrder(task, end) <= 0));
  const rows = known.slice(0, limit);
  return { rows, hasMore: ends.length > 0 || known.length > limit };
}

/** Tasks to which the dispatcher has not come: of each name, behind where it is. */
async function listAhead(
  db: Kysely<TaskDatabase>,
  of: NameAndSubject,
  after: TaskPlace,
  limit: number,
): Promise<PageRows<TaskRead>> {
  const { subject } = of;
  const begins = await placesToBegin(db, of.name, after);
  const begin = {
    name: given(
      'text',
      begins.map(({ name }) => name),
    ),
    position: given(
      'bigint',
      begins.map(({ position }) => position),
    ),
    ordinal: given(
      'bigint',
      begins.map(({ ordinal }) => ordinal),
    ),
  };
  const next = db
    .selectFrom(rowsOf('b', begin))
    .innerJoinLateral(
      (eb) =>
        eb
          .selectFrom('task_log as l')
          .select('l.task_id')
          .whereRef('l.name', '=', 'b.name')
          .$if(subject !== undefined, (ofAll) => ofAll.where('l.subject', '=', subject!))
          .where((one) =>
            one(
              one.refTuple('l.position', 'l.ordinal'),
              '>',
              one.refTuple('b.position', 'b.ordinal'),
            ),
          )
          .orderBy('l.position')
          .orderBy('l.ordinal')
          .limit(limit + 1)
          .as('n'),
      (join) => join.onTrue(),
    )
    .select('n.task_id');
  const found = readTasks(db, of)
    .where('t.task_id', 'in', next)
    .where('d.task_id', 'is', null)
    .orderBy('t.position')
    .orderBy('t.ordinal')
    .limit(limit + 1);
  return readPage(db, found, LISTED, limit);
}

interface NamedPlace extends TaskPlace {
  readonly name: string;
}

/** For each name, where the dispatcher is or the place after which is asked: the later one. */
async function placesToBegin(
  db: Kysely<TaskDatabase>,
  name: string | undefined,
  after: TaskPlace,
): Promise<NamedPlace[]> {
  const dispatched = await db
    .selectFrom('task_dispatch')
    .select(['name', 'position', 'ordinal'])
    .execute();
  const places = new Map(dispatched.map((place) => [place.name, place]));
  const names = name === undefined ? await namesOfTasks(db) : [name];
  return names.map((one) => {
    const place = places.get(one) ?? after;
    return { ...(inOrder(place, after) > 0 ? place : after), name: one };
  });
}

/** Every name that a task ever had: one step in an index for each, and not one for each task. */
async function namesOfTasks(db: Kysely<TaskDatabase>): Promise<string[]> {
  const rows = await db
    .withRecursive('names(name)', (cte) =>
      cte
        .selectFrom('task_log')
        .select((eb) => eb.fn.min<string | null>('name').as('name'))
        .unionAll(
          cte
            .selectFrom('names')
            .select((eb) =>
              eb
                .selectFrom('task_log as l')
                .whereRef('l.name', '>', 'names.name')
                .select((next) => next.fn.min<string | null>('l.name').as('name'))
                .as('name'),
            )
            .where('names.name', 'is not', null),
        ),
    )
    .selectFrom('names')
    .select('names.name')
    .execute();
  return rows.flatMap(({ name }) => name ?? []);
}

function inOrder(a: TaskPlace, b: TaskPlace): number {
  return a.position - b.position || a.ordinal - b.ordinal;
}
