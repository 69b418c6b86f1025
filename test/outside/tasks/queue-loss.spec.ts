import { RecordedLog } from '../../harness/ledger';
import { gate, waitFor } from '../../harness/waiting';
import { TaskProcess } from '../../../src/outside/tasks/task-process';
import type { TaskHandler, TaskHandlerOptions } from '../../../src/engine/define/task-handler';
import { greet, SendPing } from './ping-feature';
import { closePingTasks, handlerOf, PingTasks } from './ping-tasks';
import { BACKENDS, SOME_BACKENDS } from './queue-backends';

/** Counts how often each task was done. */
function counting(options: TaskHandlerOptions = {}, work?: () => Promise<void>) {
  const runs = new Map<string, number>();
  const handler = handlerOf('ping.greet', options, async (_, { taskId }) => {
    runs.set(taskId, (runs.get(taskId) ?? 0) + 1);
    await work?.();
  });
  return { handler, runs };
}

describe.each(SOME_BACKENDS)('tasks, with the queue on %s,', (_, startQueue) => {
  afterEach(closePingTasks);

  it('are each done once, by two processes at the same time', async () => {
    const { handler, runs } = counting();
    const first = await PingTasks.start(startQueue, { handlers: [handler] });
    const second = await first.another();
    await Promise.all([
      ...Array.from({ length: 5 }, () => first.send([greet('ann')], 30)),
      ...Array.from({ length: 5 }, () => second.send([greet('bob')], 30)),
    ]);
    const all = await first.untilAll('done');
    expect(all).toHaveLength(300);
    expect(runs.size).toBe(300);
    expect(new Set(runs.values())).toEqual(new Set([1]));
    expect(new Set(all.map((t) => t.attempts))).toEqual(new Set([1]));
    await waitFor('the jobs to go', async () => (await first.queue.countJobs()) === 0);
  });

  it('are done by the other process where one is closed in the middle', async () => {
    const { handler, runs } = counting({ concurrency: 3 }, () => new Promise(setImmediate));
    const first = await PingTasks.start(startQueue, { handlers: [handler] });
    const second = await first.another();
    await first.send([greet('ann')], 150);
    await waitFor('some to be done', () => runs.size > 10);
    await first.close();
    await second.send([greet('bob')], 50);
    expect(await second.untilAll('done')).toHaveLength(200);
    expect(new Set(runs.values())).toEqual(new Set([1]));
  });

  it('that were recorded while nobody handed them over are done after a start', async () => {
    const { handler, runs } = counting();
    const idle = { handlers: [handler], dispatches: false, works: false };
    const first = await PingTasks.start(startQueue, idle);
    await first.send([greet('ann')], 20);
    expect(await first.counts()).toEqual({ recorded: 20 });
    expect(await first.queue.countJobs()).toBe(0);
    await first.another({ dispatches: true, works: true });
    await first.untilAll('done');
    expect(runs.size).toBe(20);
  });

  it('fill the queue only up to the window, and wait in the log for a worker', async () => {
    const { handler, runs } = counting();
    const limits = { windowTasks: 5, pollMs: 10 };
    const idle = { handlers: [handler], limits, works: false };
    const first = await PingTasks.start(startQueue, idle);
    await first.send([greet('ann')], 50);
    await waitFor('the window to be full', async () => (await first.counts()).queued === 5);
    for (let i = 0; i < 10; i++) {
      await first.send([]);
      expect(await first.queue.countJobs()).toBeLessThanOrEqual(5);
      expect(await first.counts()).toEqual({ queued: 5, recorded: 45 });
    }
    await first.another({ dispatches: false, works: true });
    const open = async () => {
      const { queued = 0, running = 0, done = 0 } = await first.counts();
      expect(queued + running).toBeLessThanOrEqual(5);
      return done === 50;
    };
    await waitFor('all to be done', open);
    expect(runs.size).toBe(50);
  });

  it('are handed over again where somebody emptied the queue', async () => {
    const { handler, runs } = counting();
    const first = await PingTasks.start(startQueue, { handlers: [handler], works: false });
    await first.send([greet('ann')], 20);
    await waitFor('the jobs to come', async () => (await first.queue.countJobs()) === 20);
    expect(await first.queue.empty()).toBe(20);
    await waitFor('the jobs to come again', async () => (await first.queue.countJobs()) === 20);
    expect(await first.counts()).toEqual({ queued: 20 });
    const second = await first.another({ works: true });
    await second.untilAll('done');
    await second.queue.empty();
    await second.send([greet('bob')], 20);
    await second.untilAll('done');
    expect(runs.size).toBe(40);
  });

  it('are only late where the queue is away, and none is lost with it', async () => {
    const { handler, runs } = counting();
    const handlers = [handler];
    const first = await PingTasks.start(startQueue, { handlers, works: false });
    await first.send([greet('before')], 10);
    await waitFor('the jobs to come', async () => (await first.queue.countJobs()) === 10);
    const worker = await first.another({ works: true });
    await worker.untilAll('done');
    await first.queue.goAway();
    await expect(first.open.queues.check()).rejects.toThrow('The job queue cannot be reached');
    const startedMs = performance.now();
    for (let i = 0; i < 10; i++) await first.send([greet('meanwhile')]);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    expect(runs.size).toBe(10);
    await waitFor('the trouble to be logged', () =>
      first.log.lines.some((l) => l.message === 'tasks cannot be handed over now'),
    );
    await first.queue.comeBack();
    await first.untilAll('done');
    await waitFor('the queue to be well', () =>
      first.open.queues.check().then(
        () => true,
        () => false,
      ),
    );
    await first.send([greet('after')], 10);
    await first.untilAll('done');
    expect(runs.size).toBe(30);
  });

  it('that a killed process had begun are done by another one', async () => {
    const never = gate();
    let isHanging = true;
    const { handler, runs } = counting({ deadlineMs: 25_000 }, async () => {
      if (!isHanging) return;
      await never.opened;
      throw new Error('too late');
    });
    const options = { handlers: [handler], limits: { lockMs: 1_000 } };
    const first = await PingTasks.start(startQueue, options);
    await first.send([greet('ann')], 3);
    await waitFor('all to be begun', () => runs.size === 3);
    // What is left of a killed process: its jobs, locked until they are found to be stalled.
    await first.open.queues.close(0);
    isHanging = false;
    const second = await first.another();
    await second.untilAll('done');
    expect([...runs.values()]).toEqual([2, 2, 2]);
    // The first process was only stopped for long: what it says now must not undo anything.
    never.open();
    await waitFor('the late ends', () => first.log.lines.length >= 3);
    await second.send([greet('bob')]);
    const all = await second.untilAll('done');
    expect(all.map((t) => [t.status, t.attempts])).toEqual([
      ['done', 2],
      ['done', 2],
      ['done', 2],
      ['done', 1],
    ]);
  });

  it('under way are let end by closing, and those that hang do not keep it for ever', async () => {
    const never = gate();
    const goOn = gate();
    const { handler, runs } = counting({}, () => goOn.opened);
    const hanging = handlerOf('ping.shout', { deadlineMs: 600 }, () => never.opened);
    const first = await PingTasks.start(startQueue, { handlers: [handler, hanging] });
    await first.send([greet('ann'), { name: 'ping.shout', payload: {} }]);
    await waitFor('both to be begun', async () => (await first.counts()).running === 2);
    const closed = first.close();
    goOn.open();
    await closed;
    const [greeted, hung] = await first.all();
    expect(greeted).toMatchObject({ status: 'done', attempts: 1 });
    expect(hung).toMatchObject({ status: 'queued', last_error: 'No end within 600 ms' });
    expect(runs.size).toBe(1);
    never.open();
  });

  it('say nothing of what they are about, neither in the queue nor in the log', async () => {
    const secret = 'jane.doe@example.com';
    const handler = handlerOf(
      'ping.greet',
      { isOrdered: true, maxAttempts: 2 },
      (payload, { attempt }) => {
        const { what } = payload as { what: string };
        if (what === 'result') return Promise.resolve({ ok: true });
        if (what === 'poison') return Promise.resolve({ secret, big: 1n });
        throw new Error(`550 <${secret}> unknown, attempt ${attempt}`, { cause: { secret } });
      },
    );
    const limits = { backoffMs: 300, maxBackoffMs: 300 };
    const tasks = await PingTasks.start(startQueue, { handlers: [handler], limits });
    const task = (what: string) => ({
      name: 'ping.greet',
      payload: { what, to: secret },
      subject: `${what} ${secret}`,
    });
    await tasks.send([task('throw'), task('result'), task('poison')], 2);
    const dumps: string[] = [];
    await waitFor('the end of all', async () => {
      dumps.push(await tasks.queue.dump());
      const { done, failed } = await tasks.counts();
      return done === 2 && failed === 4;
    });
    // It was worth looking: the jobs were there, and some waited for another attempt.
    const ids = (await tasks.all()).map((t) => t.task_id);
    expect(ids.filter((id) => dumps.some((dump) => dump.includes(id))).length).toBeGreaterThan(2);
    for (const dump of dumps) expect(dump).not.toContain('jane');
    const lines = [...tasks.log.lines, ...tasks.ledger.log.lines];
    expect(lines.length).toBeGreaterThan(4);
    for (const { details, message } of lines) {
      const text = JSON.stringify({ details, message }, (_, v: unknown) =>
        v instanceof Error ? { name: v.name, message: v.message, stack: v.stack } : v,
      );
      expect(text).not.toContain('jane');
    }
    // Administrators see it, where they ask for the task.
    expect((await tasks.all())[0]!.last_error).toContain(secret);
  });
});

describe('a process', () => {
  afterEach(closePingTasks);

  it('does not start where a task has no handler, or a handler no task', async () => {
    const greeting = counting().handler;
    const [, startQueue] = BACKENDS[0];
    const tasks = await PingTasks.start(startQueue, { handlers: [greeting] });
    const shouting = handlerOf('ping.shout', {}, () => Promise.resolve());
    const other = new TaskProcess({
      urls: tasks.ledger.databases.urls,
      open: tasks.ledger.open,
      limits: { ...tasks.limits },
      timeouts: { lockTimeoutMs: 1_000, statementTimeoutMs: 1_000 },
      queue: {},
      handsOver: true,
      works: true,
      log: new RecordedLog(),
    });
    const start = (handlers: readonly TaskHandler[]) => () => other.start(handlers);
    expect(start([])).toThrow('ping.greet has no handler');
    expect(start([greeting, shouting])).toThrow('no feature declares the task ping.shout');
    expect(start([greeting, greeting])).toThrow('ping.greet has two handlers');
    await other.close();
    expect(await tasks.ledger.accept(SendPing, {})).toBeDefined();
  });
});
