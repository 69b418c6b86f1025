import { LATEST_SCHEMA_VERSION } from 'bullmq';
import { randomUUID } from 'node:crypto';
import { KNOWN_SCHEMA_VERSION } from '../../../src/outside/tasks/job-batches';
import {
  openJobQueues,
  QueueAway,
  type JobQueues,
  type JobQueueTimings,
} from '../../../src/outside/tasks/job-queues';
import { cloneDatabases, type TestDatabases } from '../../harness/databases';
import { gate, waitFor } from '../../harness/waiting';
import { silentServer, startStuckWorker } from './queue-neighbours';
import { BACKENDS, type TestQueue } from './queue-backends';

const NAME = 'letter.send';
const CLOSE_MS = 300;
/**
 * Short, so that tests wait for what matters; but for the lock. What a busy machine keeps from
 * renewing it in time is done twice: see SHORT_LOCK.
 */
const TIMINGS: JobQueueTimings = {
  answerMs: 2_000,
  lockMs: 30_000,
  stalledCheckMs: 200,
  retryMs: 50,
  scheduleCheckMs: 1_000,
  scheduleRetryMs: 50,
  afterBugMs: 50,
};
/** For workers whose jobs are to be taken over. */
const SHORT_LOCK = { lockMs: 1_000 };
/** What a bounded time may be longer than promised, on a machine with other things to do. */
const TOLERANCE_MS = 2_000;

const newIds = (count: number) => Array.from({ length: count }, () => randomUUID() as string);
/** Whether it came to a good end. */
const works = (asked: Promise<unknown>) =>
  asked.then(
    () => true,
    () => false,
  );
const jobsOf = (ids: readonly string[]) => ids.map((taskId) => ({ taskId }));

describe.each(BACKENDS)('Job queues on %s', (_name, startQueue) => {
  let databases: TestDatabases;
  let server: TestQueue;
  let queues: JobQueues;
  let opened: JobQueues[];
  let errors: Error[];

  // One pair for all tests: connections that one of them leaves are found at the end.
  beforeAll(async () => {
    databases = await cloneDatabases({ lifetime: 'file' });
  });

  beforeEach(async () => {
    errors = [];
    opened = [];
    server = await startQueue(databases.urls);
    await server.empty();
    queues = open();
  });

  afterEach(async () => {
    await Promise.all(opened.map((each) => each.close(CLOSE_MS)));
    await server.close();
  });

  function open(timings: Partial<JobQueueTimings> = {}): JobQueues {
    const { redisUrl } = server.options;
    const made = openJobQueues({
      stateUrl: server.stateUrl,
      redisUrl,
      onError: (error) => errors.push(error),
      timings: { ...TIMINGS, ...timings },
    });
    opened.push(made);
    return made;
  }

  /** Works on a name at once. @returns the ids that came, in order */
  function collect(from = queues, name = NAME, concurrency = 5): string[] {
    const came: string[] = [];
    from.work(name, concurrency, (id) => {
      came.push(id);
      return Promise.resolve(undefined);
    });
    return came;
  }

  const toCome = (came: readonly string[], count: number) =>
    waitFor(`${count} jobs to come, not ${came.length}`, () => came.length >= count);

  const toBeEmpty = () =>
    waitFor('the queue to be empty', async () => (await server.countJobs()) === 0);

  it('brings every task once, in the order in which they were added', async () => {
    const ids = newIds(1_200);
    await queues.add(NAME, jobsOf(ids));
    const came = collect(queues, NAME, 1);
    await toCome(came, ids.length);
    await toBeEmpty();
    expect(came).toEqual(ids);
    expect(errors).toEqual([]);
  });

  it('leaves a task alone that it knows', async () => {
    const [first, second] = newIds(2) as [string, string];
    await queues.add(NAME, jobsOf([first, first]));
    await queues.add(NAME, jobsOf([first, second]));
    expect(await server.countJobs()).toBe(2);
    const came = collect();
    await toCome(came, 2);
    await toBeEmpty();
    expect(came.sort()).toEqual([first, second].sort());
  });

  it('takes a task again that it has brought', async () => {
    const ids = newIds(1);
    const came = collect();
    await queues.add(NAME, jobsOf(ids));
    await toCome(came, 1);
    await toBeEmpty();
    await queues.add(NAME, jobsOf(ids));
    await toCome(came, 2);
  });

  it('holds a task back for its delay', async () => {
    const [late, soon] = newIds(2) as [string, string];
    const came = collect();
    const begin = performance.now();
    await queues.add(NAME, [{ taskId: late, delayMs: 700 }, { taskId: soon }]);
    await toCome(came, 1);
    expect(came).toEqual([soon]);
    await toCome(came, 2);
    expect(performance.now() - begin).toBeGreaterThanOrEqual(690);
  });

  it('brings a task again after as long as the worker said', async () => {
    const times: number[] = [];
    queues.work(NAME, 5, () => {
      times.push(performance.now());
      return Promise.resolve([300, 0, undefined][times.length - 1]);
    });
    await queues.add(NAME, jobsOf(newIds(1)));
    await waitFor('three attempts', () => times.length === 3);
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(290);
    await toBeEmpty();
    expect(times).toHaveLength(3);
  });

  it('brings a task again whose worker threw, and keeps nothing of the error', async () => {
    let attempts = 0;
    queues.work(NAME, 5, () => {
      attempts++;
      if (attempts === 1) throw new Error('jane@example.org');
      return Promise.resolve(60_000);
    });
    await queues.add(NAME, jobsOf(newIds(1)));
    await waitFor('a second attempt', () => attempts === 2);
    expect(errors.map((e) => (e.cause as Error).message)).toEqual(['jane@example.org']);
    const dump = await waitFor('the job to be put back', async () => {
      const text = await server.dump();
      return text.includes('comes again') ? text : undefined;
    });
    expect(dump).not.toContain('jane');
    expect(dump).not.toContain('.ts:');
  });

  it('keeps the id of a task and nothing else of it', async () => {
    const [id] = newIds(1) as [string];
    await queues.add(NAME, [{ taskId: id, delayMs: 60_000 }]);
    const dump = await server.dump();
    expect(dump).toContain(id);
    expect(dump).toMatch(/"data":"\{\}"|,task,delayed,\{\},/);
  });

  it('does as many tasks of a name at a time as it was told', async () => {
    const { opened: released, open: release } = gate();
    let running = 0;
    let most = 0;
    let done = 0;
    queues.work(NAME, 3, async () => {
      most = Math.max(most, ++running);
      await released;
      running--;
      done++;
      return undefined;
    });
    await queues.add(NAME, jobsOf(newIds(12)));
    await waitFor('three jobs at a time', () => running === 3);
    release();
    await waitFor('all jobs', () => done === 12);
    expect(most).toBe(3);
  });

  it('lets no name hold up another', async () => {
    const { opened: released, open: release } = gate();
    let stuck = 0;
    queues.work('poison', 2, async () => {
      stuck++;
      await released;
      return undefined;
    });
    await queues.add('poison', jobsOf(newIds(50)));
    await waitFor('poison to fill its places', () => stuck === 2);
    const came = collect();
    await queues.add(NAME, jobsOf(newIds(50)));
    await toCome(came, 50);
    expect(stuck).toBe(2);
    release();
  });

  it('shares the tasks of a name between processes', async () => {
    const others = [open(), open()];
    const ids = newIds(600);
    const all = [queues, ...others].map((q) => collect(q, NAME, 20));
    await queues.add(NAME, jobsOf(ids));
    await waitFor('all jobs', () => all.flat().length >= ids.length);
    await toBeEmpty();
    expect(all.flat().sort()).toEqual([...ids].sort());
  });

  it('leaves a task with a worker that is slow', async () => {
    const { opened: released, open: release } = gate();
    let attempts = 0;
    for (const each of [open(SHORT_LOCK), open(SHORT_LOCK)]) {
      each.work(NAME, 1, async () => {
        attempts++;
        await released;
        return undefined;
      });
    }
    await queues.add(NAME, jobsOf(newIds(1)));
    await waitFor('the job to begin', () => attempts === 1);
    const until = performance.now() + 2 * SHORT_LOCK.lockMs + 3 * TIMINGS.stalledCheckMs;
    await waitFor('its lock to be renewed', () => performance.now() > until);
    release();
    await toBeEmpty();
    expect(attempts).toBe(1);
  });

  it('leaves a task to the worker that has it now', async () => {
    const gates = [gate(), gate()] as const;
    let began = 0;
    const run = async () => {
      await gates[began++]!.opened;
      return undefined;
    };
    const jobs = jobsOf(newIds(1));
    queues.work(NAME, 1, run);
    await queues.add(NAME, jobs);
    await waitFor('the first worker to begin', () => began === 1);
    await server.empty();
    open().work(NAME, 1, run);
    await queues.add(NAME, jobs);
    await waitFor('the second worker to begin', () => began === 2);
    gates[0].open();
    await waitFor('the first one to be told', () => errors.length > 0);
    expect(await server.countJobs()).toBe(1);
    gates[1].open();
    await toBeEmpty();
  });

  it('brings the task of a killed process to another', async () => {
    const [id] = newIds(1) as [string];
    await queues.add(NAME, jobsOf([id]));
    const worker = await startStuckWorker(NAME, {
      stateUrl: server.stateUrl,
      redisUrl: server.options.redisUrl,
      timings: { ...TIMINGS, ...SHORT_LOCK },
    });
    await waitFor('the worker to take it', () => worker.output().includes(id));
    const came = collect();
    await worker.kill();
    await toCome(came, 1);
    expect(came).toEqual([id]);
    await toBeEmpty();
  });

  it('does not wait for a task that does not end', async () => {
    const [id] = newIds(1) as [string];
    let hasBegun = false;
    const stuck = open(SHORT_LOCK);
    stuck.work(NAME, 1, () => {
      hasBegun = true;
      return new Promise(() => undefined);
    });
    await queues.add(NAME, jobsOf([id]));
    await waitFor('the job to begin', () => hasBegun);
    const begin = performance.now();
    await stuck.close(CLOSE_MS);
    expect(performance.now() - begin).toBeLessThan(CLOSE_MS + TOLERANCE_MS);
    await expect(stuck.add(NAME, jobsOf([id]))).rejects.toThrow(QueueAway);
    const came = collect(open());
    await toCome(came, 1);
  });

  it('lets a task end that is under way, and takes no other', async () => {
    const { opened: released, open: release } = gate();
    const began: string[] = [];
    const ended: string[] = [];
    queues.work(NAME, 1, async (id) => {
      began.push(id);
      await released;
      ended.push(id);
      return undefined;
    });
    await queues.add(NAME, jobsOf(newIds(3)));
    await waitFor('the first job to begin', () => began.length === 1);
    const closed = queues.close(20_000);
    release();
    await closed;
    expect(ended).toEqual(began);
    expect(await server.countJobs()).toBe(2);
  });

  it('says in time that its server is away, and goes on when it is back', async () => {
    const came = collect();
    const [before, during, after] = newIds(3) as [string, string, string];
    await queues.add(NAME, jobsOf([before]));
    await toCome(came, 1);
    await open().check();
    await server.goAway();
    for (const ask of [() => queues.check(), () => queues.add(NAME, jobsOf([during]))]) {
      const begin = performance.now();
      await expect(ask()).rejects.toThrow(QueueAway);
      expect(performance.now() - begin).toBeLessThan(TIMINGS.answerMs + TOLERANCE_MS);
    }
    await server.comeBack();
    await waitFor('the queue to answer', () => works(queues.check()));
    await queues.add(NAME, jobsOf([during, after]));
    await waitFor('the worker to go on', () => came.includes(during) && came.includes(after));
    await toBeEmpty();
  });

  it('comes to a task again whose end it could not write down', async () => {
    const { opened: released, open: release } = gate();
    let attempts = 0;
    open(SHORT_LOCK).work(NAME, 1, async () => {
      attempts++;
      await released;
      return undefined;
    });
    const jobs = jobsOf(newIds(1));
    await queues.add(NAME, jobs);
    await waitFor('the job to begin', () => attempts === 1);
    await server.goAway();
    release();
    await waitFor('the loss to be noticed', () => errors.length > 0);
    await server.comeBack();
    // Redis has forgotten it, and the sweep hands it over again.
    await waitFor('it to be handed over', () => works(queues.add(NAME, jobs)));
    await waitFor('a second attempt', () => attempts > 1);
    await toBeEmpty();
  });

  it('may be opened before its server is there', async () => {
    await server.goAway();
    const early = open();
    const came = collect(early);
    const ids = newIds(1);
    await expect(early.add(NAME, jobsOf(ids))).rejects.toThrow(QueueAway);
    await server.comeBack();
    await waitFor('the job to be added', () => works(early.add(NAME, jobsOf(ids))));
    await toCome(came, 1);
  });

  it('waits for no server that does not answer', async () => {
    const silent = await silentServer();
    const waiting = openJobQueues({
      stateUrl: `postgresql://owner@127.0.0.1:${silent.port}/state`,
      ...(server.options.redisUrl && { redisUrl: `redis://127.0.0.1:${silent.port}` }),
      onError: () => undefined,
      timings: { ...TIMINGS, answerMs: 300 },
    });
    waiting.work(NAME, 1, () => Promise.resolve(undefined));
    for (const ask of [
      () => waiting.check(),
      () => waiting.add(NAME, jobsOf(newIds(1))),
      () => waiting.close(300),
    ]) {
      const begin = performance.now();
      await ask().catch((error: unknown) => expect(error).toBeInstanceOf(QueueAway));
      expect(performance.now() - begin).toBeLessThan(300 + 2 * TOLERANCE_MS);
    }
    await silent.close();
  });
});

it('knows the tables of BullMQ that its own statements are about', () => {
  // Look at the statements of src/outside/tasks/job-batches.ts again before you change the number.
  expect(KNOWN_SCHEMA_VERSION).toBe(LATEST_SCHEMA_VERSION);
});
