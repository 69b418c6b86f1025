import { randomUUID } from 'node:crypto';
import type { JobQueueTimings } from '../../../src/outside/tasks/job-queues';
import { openJobQueues, type JobQueues } from '../../../src/outside/tasks/job-queues';
import { RunPool } from '../../../src/proof/runs/run-pool';
import { insertScheduled } from '../../../src/proof/runs/run.queries';
import { query } from '../../harness/cluster';
import { cloneDatabases } from '../../harness/databases';
import { startTestService } from '../../harness/service';
import { waitFor } from '../../harness/waiting';
import { apisOf, withTimings, withWork } from '../../proof/runs/run-service';
import { PretendedWork } from '../../proof/runs/pretended-work';
import { SOME_BACKENDS, type StartQueue } from './queue-backends';
import { startWithTask, withEmail } from './task-service';

const NAME = 'letter.send';
const DAY_MS = 86_400_000;
const JUMPS: [string, number][] = [
  ['ahead', 400 * DAY_MS],
  ['behind', -400 * DAY_MS],
];
/** A worker looks again after ten seconds at the latest. */
const PATIENCE_MS = 30_000;

/** By how much the clock of the process is wrong. */
let wrongBy = 0;

beforeEach(() => {
  const { now } = Date;
  wrongBy = 0;
  jest.spyOn(Date, 'now').mockImplementation(() => now() + wrongBy);
});

afterEach(() => jest.restoreAllMocks());

describe.each(SOME_BACKENDS)('the clock of a process, with the queue on %s', (_, startQueue) => {
  it.each(JUMPS)(
    'is %s while a task is put off: it comes once the clock is right',
    async (_, by) => {
      const { open, queue } = await start(startQueue);
      const queues = open();
      let attempts = 0;
      queues.work(NAME, 1, () => Promise.resolve(++attempts === 1 ? 300 : undefined));
      wrongBy = by;
      const late = randomUUID();
      await queues.add(NAME, [{ taskId: randomUUID() }, { taskId: late, delayMs: 1_000 }]);
      await waitFor('the first attempt', () => attempts >= 1);
      await waitFor('it to be put off', async () => (await queue.dump()).includes('comes again'));
      wrongBy = 0;
      await waitFor('both to be done', async () => (await queue.countJobs()) === 0, PATIENCE_MS);
      expect(attempts).toBe(3);
    },
  );

  it.each(JUMPS)('is %s while a worker dies: its task goes to another one', async (_, by) => {
    const { open } = await start(startQueue);
    const lock = { lockMs: 1_000 };
    const dying = open(lock);
    let hasBegun = false;
    dying.work(NAME, 1, () => {
      hasBegun = true;
      return new Promise(() => undefined);
    });
    wrongBy = by;
    await dying.add(NAME, [{ taskId: randomUUID() }]);
    await waitFor('the task to begin', () => hasBegun);
    await dying.close(0);
    wrongBy = 0;
    let isDone = false;
    open(lock).work(NAME, 1, () => Promise.resolve(void (isDone = true)));
    await waitFor('the other worker', () => isDone, PATIENCE_MS);
  });

  it.each(JUMPS)('is %s for a while: schedules keep their times', async (_, by) => {
    const { open } = await start(startQueue);
    const ticks: number[] = [];
    const run = (at: Date) => Promise.resolve(void ticks.push(at.getTime()));
    open().schedule([{ name: 's', pattern: '* * * * * *', run }]);
    await waitFor('a tick', () => ticks.length > 0, PATIENCE_MS);
    wrongBy = by;
    const isWrong = (at: number) => Math.abs(at - Date.now()) < DAY_MS;
    await waitFor('a tick of the wrong time', () => ticks.some(isWrong), PATIENCE_MS);
    wrongBy = 0;
    const isRight = (at: number) => Math.abs(at - Date.now()) < PATIENCE_MS;
    ticks.length = 0;
    await waitFor('two of the right one', () => ticks.filter(isRight).length > 1, PATIENCE_MS);
  });

  it.each(JUMPS)('is %s while a mail fails: it and all behind it are sent', async (_, by) => {
    const { queue, databases } = await start(startQueue);
    let isFailing = true;
    const sent: string[] = [];
    const email = withEmail((_payload, { taskId }) => {
      if (isFailing) return Promise.reject(new Error('not now'));
      return Promise.resolve(void sent.push(taskId));
    });
    const { redisUrl } = queue.options;
    const env = { TASK_BACKOFF_MS: '200', ...(redisUrl && { REDIS_URL: redisUrl }) };
    const options = { databases, tasks: 'work', replace: [email], env } as const;
    const { company, read, becomes } = await startWithTask(options);
    for (let i = 0; i < 2; i++) await company.move();
    const { attempts } = await waitFor('an attempt', async () => {
      const task = await read();
      return task.attempts > 0 && task;
    });
    wrongBy = by;
    await waitFor(
      'an attempt at the wrong time',
      async () => (await read()).attempts > attempts,
      PATIENCE_MS,
    );
    wrongBy = 0;
    isFailing = false;
    await becomes('done');
    await waitFor('the others', () => sent.length === 3, PATIENCE_MS);
  });

  async function start(startBackend: StartQueue) {
    const databases = await cloneDatabases();
    const queue = await startBackend(databases.urls);
    databases.onEnd(() => queue.close());
    const open = (timings: Partial<JobQueueTimings> = {}): JobQueues => {
      const queues = openJobQueues({
        redisUrl: queue.options.redisUrl,
        timings: { ...queue.options.timings, ...timings },
        stateUrl: queue.stateUrl,
        onError: () => undefined,
      });
      databases.onEnd(() => queues.close(1_000));
      return queues;
    };
    return { open, queue, databases };
  }
});

describe("the clock of the log's server was ahead", () => {
  it.each([
    ["status = 'queued', handed_over_at"],
    ["status = 'queued', handed_over_at = '-infinity', next_attempt_at"],
    ["status = 'running', handed_over_at = '-infinity', started_at"],
  ])('when it wrote %s: a task that the queue has lost is handed over', async (column) => {
    const { service, taskId } = await startWithTask({ tasks: 'dispatch' });
    const jobs = () => query(service.databases.superUrls.state, 'select id from bullmq.job');
    await waitFor('the job', async () => (await jobs()).length === 1);
    const { log, state } = service.databases.superUrls;
    await query(log, `update task_delivery set ${column} = now() + '400 days' where task_id = $1`, [
      taskId,
    ]);
    await query(state, 'delete from bullmq.job');
    await waitFor('the job to be back', async () => (await jobs()).length === 1);
  });

  it('when a run began whose process is dead: it ends, and the next one is done', async () => {
    const waiting = await startTestService();
    const { databases } = waiting;
    const { verifications } = apisOf(waiting);
    const { body: dead } = await verifications.request();
    await query(
      databases.superUrls.log,
      `update runs set status = 'running', heartbeat_at = now() + '400 days'`,
    );
    const { body: next } = await verifications.request();
    const work = new PretendedWork();
    await startTestService({ databases, runs: true, replace: [withWork(work), withTimings()] });
    await verifications.becomes(dead.id, 'aborted');
    const run = await waitFor('the next one to begin', () => work.runs[0]);
    run.end();
    await verifications.becomes(next.id, 'passed');
  });

  it('is what says whether the time of a verification has come', async () => {
    const service = await startTestService();
    const { db } = service.get(RunPool);
    const in1Day = new Date(Date.now() + DAY_MS);
    expect(await insertScheduled(db, in1Day)).toBeUndefined();
    const run = await insertScheduled(db, new Date());
    expect(run).toMatchObject({ status: 'queued', trigger: 'schedule' });
  });
});
