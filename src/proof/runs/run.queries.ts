import { sql, type Kysely, type Selectable, type Transaction } from 'kysely';
import { openPool, ROLES, type SessionTimeouts } from '../../database/connections';
import { systemClock } from '../../engine/define/ids';
import { readPage, type PageRows, beyond, type Order } from '../../engine/session/page-rows';
import type { LogDatabase } from '../../engine/write/event-log';
import type { RunDatabase, RunKind, RunRow, RunStatus, RunTrigger } from './run.table';

/** Requests, heartbeats and the looks for work of one process. */
const POOL_SIZE = 3;

export type Run = Selectable<RunRow>;

/** The time of the statement, not that of its transaction. */
export const NOW = sql<string>`clock_timestamp()`;

/** A wish for a run. */
export interface RunRequest {
  readonly kind: RunKind;
  readonly trigger: RunTrigger;
  readonly requestedBy: string;
  readonly toPosition?: number | undefined;
  readonly acceptReason?: string | undefined;
  readonly scheduledFor?: Date;
}

/** Connections to the log database under the role that may write runs and nothing else. */
export function openRunDatabase(
  logUrl: string,
  timeouts: SessionTimeouts,
  onError: (error: Error) => void,
): Kysely<RunDatabase> {
  return openPool<RunDatabase>(logUrl, ROLES.runRecorder, timeouts, POOL_SIZE, onError);
}

/** The log database with the table of the runs, under the same role. */
export function withRuns(log: Kysely<LogDatabase>): Kysely<RunDatabase> {
  return log.withTables<Pick<RunDatabase, 'runs'>>();
}

/**
 * Has what is decided by a look at all runs be decided one after the other, in all processes.
 * SQL as text: the builder has no word for locks.
 */
export async function lockRuns(db: Transaction<RunDatabase>): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('truebook runs'))`.execute(db);
}

export async function insertRun(
  db: Kysely<RunDatabase>,
  request: RunRequest,
  status: 'queued' | 'running',
): Promise<Run> {
  return db
    .insertInto('runs')
    .values({
      run_id: systemClock.newId(),
      kind: request.kind,
      status,
      trigger: request.trigger,
      requested_by: request.requestedBy,
      scheduled_for: request.scheduledFor?.toISOString() ?? null,
      to_position: request.toPosition ?? null,
      accept_reason: request.acceptReason ?? null,
      ...(status === 'running' && { started_at: NOW, heartbeat_at: NOW }),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Statuses of a run that has not ended. */
export const OPEN_RUN = ['queued', 'running'] as const;

/** The oldest run of a kind that has one of some statuses. */
export function findRun(
  db: Kysely<RunDatabase>,
  kind: RunKind,
  statuses: readonly RunStatus[],
): Promise<Pick<Run, 'run_id'> | undefined> {
  return db
    .selectFrom('runs')
    .select('run_id')
    .where('kind', '=', kind)
    .where('status', 'in', statuses)
    .orderBy('run_no')
    .limit(1)
    .executeTakeFirst();
}

/** Runs of a kind behind a `run_no`, which the page before ended with. */
export function listRuns(
  db: Kysely<RunDatabase>,
  kind: RunKind,
  filter: { readonly status?: RunStatus | undefined; readonly place: number },
  limit: number,
  order: Order,
): Promise<PageRows<Run>> {
  let query = db.selectFrom('runs').selectAll().where('kind', '=', kind);
  if (filter.status !== undefined) query = query.where('status', '=', filter.status);
  const found = query.where('run_no', beyond(order), filter.place).orderBy('run_no', order);
  const shape = { by: ['run_no'], order, large: ['report', 'ran_on', 'answer'] } as const;
  return readPage(db, found.limit(limit + 1), shape, limit);
}

export function readRun(
  db: Kysely<RunDatabase>,
  kind: RunKind,
  id: string,
): Promise<Run | undefined> {
  return db
    .selectFrom('runs')
    .selectAll()
    .where('run_id', '=', id)
    .where('kind', '=', kind)
    .executeTakeFirst();
}

/** The last verification that came to a verdict. */
export function readLastVerdict(db: Kysely<RunDatabase>): Promise<Run | undefined> {
  return db
    .selectFrom('runs')
    .selectAll()
    .where('kind', '=', 'verification')
    .where('status', 'in', ['passed', 'failed'])
    .orderBy('finished_at', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/**
 * Makes the oldest queued run a running one, unless one is running anywhere.
 * @returns it, or undefined where there is nothing to do now
 */
export function claimRun(db: Kysely<RunDatabase>): Promise<Run | undefined> {
  return db.transaction().execute(async (transaction) => {
    await lockRuns(transaction);
    return transaction
      .updateTable('runs')
      .set({ status: 'running', started_at: NOW, heartbeat_at: NOW })
      .where('run_id', '=', (eb) =>
        eb
          .selectFrom('runs')
          .select('run_id')
          .where('status', '=', 'queued')
          .orderBy('run_no')
          .limit(1)
          .forUpdate()
          .skipLocked(),
      )
      .where((eb) => eb.not(eb.exists(eb.selectFrom('runs').where('status', '=', 'running'))))
      .returningAll()
      .executeTakeFirst();
  });
}

/** How far the clocks of a process and of the log's server may differ. */
const AHEAD = sql`interval '1 minute'`;

export const ABORTED_BY_ADMINISTRATOR = 'An administrator aborted it';

/**
 * Ends the runs whose process has not been heard of for so long, and those that were aborted when
 * they were about to be queued again.
 * @returns the ids of those whose process has ended
 */
export async function endDeadRuns(db: Kysely<RunDatabase>, deadMs: number): Promise<string[]> {
  // Where the server's clock was ahead, nobody who died then would be found dead before that time.
  await db
    .updateTable('runs')
    .set({ heartbeat_at: NOW })
    .where('status', '=', 'running')
    .where('heartbeat_at', '>', sql<string>`${NOW} + ${AHEAD}`)
    .execute();
  const deadline = sql<string>`${NOW} - ${deadMs} * interval '1 millisecond'`;
  const rows = await db
    .updateTable('runs')
    .set((eb) => ({
      status: 'aborted',
      finished_at: NOW,
      heartbeat_at: null,
      error: eb
        .case('status')
        .when('running')
        .then('Its process ended')
        .else(ABORTED_BY_ADMINISTRATOR)
        .end(),
    }))
    .where((eb) =>
      eb.or([
        eb.and([eb('status', '=', 'running'), eb('heartbeat_at', '<', deadline)]),
        eb.and([eb('status', '=', 'queued'), eb('abort_requested', '=', true)]),
      ]),
    )
    .returning(['run_id', 'error'])
    .execute();
  return rows.filter((row) => row.error !== ABORTED_BY_ADMINISTRATOR).map((row) => row.run_id);
}

/**
 * Asks for a verification at a time of the schedule, unless one is queued or running or that time
 * had its verification already.
 */
export function insertScheduled(db: Kysely<RunDatabase>, at: Date): Promise<Run | undefined> {
  return db.transaction().execute(async (transaction) => {
    await lockRuns(transaction);
    if (await findRun(transaction, 'verification', OPEN_RUN)) return undefined;
    // A process whose clock is ahead asks for what is only to be done tomorrow.
    const { isEarly } = await transaction
      .selectNoFrom(sql<boolean>`${at.toISOString()} > ${NOW} + ${AHEAD}`.as('isEarly'))
      .executeTakeFirstOrThrow();
    if (isEarly) return undefined;
    const made = await transaction
      .selectFrom('runs')
      .select('run_no')
      .where('kind', '=', 'verification')
      .where('scheduled_for', '=', at.toISOString())
      .executeTakeFirst();
    if (made) return undefined;
    const request = { kind: 'verification', trigger: 'schedule', requestedBy: 'schedule' } as const;
    return insertRun(transaction, { ...request, scheduledFor: at }, 'queued');
  });
}
