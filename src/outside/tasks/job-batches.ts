import { PostgresQueueBackend, type JobJson, type PostgresConnection } from 'bullmq';
import { setTimeout as delay } from 'node:timers/promises';
import { Batched } from './batched';
import { CLOCK_SLACK_MS } from './job-store';

/**
 * The version of BullMQ's schema that the statements below were written for. A spec compares it
 * with the one that is installed.
 */
export const KNOWN_SCHEMA_VERSION = 11;

/** Jobs that one statement takes or finishes. */
const BATCH_LIMIT = 200;

type Options = ConstructorParameters<typeof PostgresQueueBackend>[2];
type AddArgs = Parameters<PostgresQueueBackend['addJobs']>;
type FinishArgs = Parameters<PostgresQueueBackend['moveToCompleted']>;

/** A row of BullMQ's table, as pg reads it. */
interface JobRow {
  readonly id: string;
  readonly lock_token: string;
  readonly name: string;
  readonly data: object;
  readonly opts: JobJson['opts'];
  readonly attempts_made: number;
  readonly attempts_started: number;
  readonly stalled_count: number;
  readonly added_at_ms: string;
}

/**
 * BullMQ's backend, except for the three steps that every job takes. BullMQ takes and finishes
 * jobs one by one and writes four events a job, which cost PostgreSQL 300 µs a job and rises with
 * the dead rows in the index that each look goes through: 1,700 jobs/s on 2 cores. Here the jobs
 * that are asked for, or done, at the same time share a statement, and there are no events, since
 * nobody reads them: 40 µs. Retries, delays, locks and stalled jobs are BullMQ's.
 */
export class BatchingBackend extends PostgresQueueBackend {
  private readonly taking = new Batched((tokens: string[]) => this.take(tokens), BATCH_LIMIT);
  private readonly finishing = new Batched(
    (jobs: [string, string][]) => this.finish(jobs),
    BATCH_LIMIT,
  );
  private readonly lockMs: number;

  constructor(
    connection: PostgresConnection,
    name: string,
    options: Options,
    private readonly retryMs: number,
  ) {
    super(connection, name, options, false);
    this.lockMs = 'lockDuration' in options ? Number(options.lockDuration) : 0;
    connection.on('listenerinvalidated', this.relisten);
  }

  override waitUntilReady(): Promise<void> {
    return this.connection.waitUntilReady();
  }

  override close(): Promise<void> {
    this.connection.off('listenerinvalidated', this.relisten);
    return super.close();
  }

  /** Otherwise a worker would wait for an hour, and miss a job whose notification was lost. */
  override get maximumBlockTimeout(): number {
    return 10;
  }

  override waitForJob(...args: Parameters<PostgresQueueBackend['waitForJob']>) {
    return this.patiently(super.waitForJob(...args));
  }

  override async addJobs(entries: AddArgs[0]): Promise<string[]> {
    const ids = entries.map((e) => e.jobId);
    await this.ask(ADD, [
      this.queueName,
      ids,
      entries.map((e) => e.job.name),
      entries.map((e) => e.job.data),
      entries.map((e) => JSON.stringify(e.job.opts)),
      entries.map((e) => e.job.opts.delay ?? 0),
      entries.map((e) => e.job.opts.attempts ?? 1),
      entries.map((e) => e.job.timestamp),
    ]);
    return ids;
  }

  override async moveToActive(token: string, name?: string): Promise<unknown[]> {
    const row = await this.patiently(this.taking.do(token));
    if (row === 'look') return this.patiently(super.moveToActive(token, name));
    if (row === undefined) return [null, '', 0, 0];
    return [jobOf(row), row.id, 0, 0];
  }

  override async moveToCompleted(...args: FinishArgs) {
    const [job, , removeOnComplete, token, fetchNext] = args;
    if (removeOnComplete !== true) return super.moveToCompleted(...args);
    const finishedOn = Date.now();
    const isDone = await this.finishing.do([job.id ?? '', token]);
    if (!isDone) throw new Error(`The lock of job ${job.id} was lost before it was finished`);
    const result = fetchNext ? await this.moveToActive(token) : undefined;
    return { result, finishedOn };
  }

  /**
   * Every worker asks for this every few seconds: the time to compare with the present, too, what
   * was written by a clock that was wrong, or jobs would wait until that time has really come.
   */
  override async moveStalledJobsToWait(): Promise<string[]> {
    const values = [this.queueName, Date.now(), this.lockMs, CLOCK_SLACK_MS];
    await this.ask(SET_AGAIN, values);
    return super.moveStalledJobsToWait();
  }

  /** A job for each of the first tokens, and who finds nothing first is to look for the rest. */
  private async take(tokens: string[]): Promise<(JobRow | 'look' | undefined)[]> {
    const values = [this.queueName, tokens, Date.now(), this.lockMs];
    const rows = (await this.ask(TAKE, values)) as JobRow[];
    const byToken = new Map(rows.map((row) => [row.lock_token, row]));
    const looker = tokens.find((token) => !byToken.has(token));
    return tokens.map((token) => byToken.get(token) ?? (token === looker ? 'look' : undefined));
  }

  private async finish(jobs: [string, string][]): Promise<boolean[]> {
    const values = [this.queueName, jobs.map(([id]) => id), jobs.map(([, token]) => token)];
    const rows = (await this.ask(FINISH, values)) as { id: string }[];
    const done = new Set(rows.map((row) => row.id));
    return jobs.map(([id]) => done.has(id));
  }

  private async ask(text: string, values: readonly unknown[]): Promise<object[]> {
    await this.connection.waitUntilReady();
    const { rows } = await this.connection.pool.query<object>(text, values);
    return rows;
  }

  /** BullMQ turns to a server that fails again at once, and would keep a core busy with it. */
  private async patiently<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (error) {
      await delay(this.retryMs);
      throw error;
    }
  }

  /**
   * The connection that listened has broken: ends the wait for its notifications, so that the
   * worker listens again on the next one.
   */
  private readonly relisten = () => {
    void this.disconnectBlocking().then(() => this.reconnectBlocking());
  };
}

function jobOf(row: JobRow): JobJson {
  return {
    id: row.id,
    name: row.name,
    data: JSON.stringify(row.data),
    opts: row.opts,
    progress: 0,
    attemptsMade: row.attempts_made,
    attemptsStarted: row.attempts_started,
    timestamp: Number(row.added_at_ms),
    processedOn: Date.now(),
    failedReason: '',
    returnvalue: 'null',
    stalledCounter: row.stalled_count,
  };
}

/** SQL as text: it is about BullMQ's own tables. */
const ADD = `
  with added as (
    insert into job (queue, id, seq, name, state, data, opts, delay_ms, max_attempts,
                     added_at_ms, process_at_ms)
    select $1, id, nextval('job_seq'), name,
           case when delay > 0 then 'delayed' else 'waiting' end::job_state,
           data, opts, delay, attempts, at, case when delay > 0 then at + delay end
    from unnest($2::text[], $3::text[], $4::jsonb[], $5::jsonb[], $6::bigint[], $7::int[],
                $8::bigint[]) with ordinality as e(id, name, data, opts, delay, attempts, at, n)
    order by n
    on conflict (queue, id) do nothing
    returning 1)
  select pg_notify('bullmq_jobs', $1) where exists (select from added)`;

/**
 * Delayed jobs that are due go first; they have waited longer.
 * SQL as text: it is about BullMQ's own tables.
 */
const TAKE = `
  with due as (
    select id from job
    where queue = $1 and state = 'delayed' and process_at_ms <= $3::bigint
    order by process_at_ms limit cardinality($2::text[]) for update skip locked),
  ready as (
    select id from job where queue = $1 and state = 'waiting'
    order by priority, seq limit cardinality($2::text[]) for update skip locked),
  taken as (
    select id, row_number() over () as n
    from (select id from due union all select id from ready) as candidates)
  update job
  set state = 'active', lock_token = t.token, locked_until_ms = $3::bigint + $4::bigint,
      processed_at_ms = $3::bigint, delay_ms = 0, attempts_started = attempts_started + 1
  from taken join unnest($2::text[]) with ordinality as t(token, n) using (n)
  where job.queue = $1 and job.id = taken.id
  returning job.id, lock_token, name, data, opts, attempts_made, attempts_started, stalled_count,
            added_at_ms`;

/**
 * A delay, a lock and a check may end no later than if they began now. What "now" is takes the
 * server a moment to hear, in which another delay may begin: so a bit later is no fault. A lock may
 * be of a process that keeps them for longer, and is left for ten minutes more.
 * SQL as text: it is about BullMQ's own tables.
 */
const SET_AGAIN = `
  with delayed as (
    update job set process_at_ms = $2::bigint + delay_ms
    where queue = $1 and state = 'delayed'
      and process_at_ms > $2::bigint + delay_ms + $4::bigint),
  locked as (
    update job set locked_until_ms = $2::bigint + $3::bigint
    where queue = $1 and state = 'active' and locked_until_ms > $2::bigint + $3::bigint + 600000)
  update meta set value = $2::text
  where queue = $1 and field = 'stalled-check' and value::bigint > $2::bigint`;

/** SQL as text: it is about BullMQ's own tables. */
const FINISH = `
  delete from job using unnest($2::text[], $3::text[]) as f(id, token)
  where job.queue = $1 and job.id = f.id and lock_token = f.token and state = 'active'
  returning job.id`;
