import { setTimeout as delay } from 'node:timers/promises';
import {
  OtherSideAway,
  PermanentFailure,
  type TaskContext,
  type TaskHandlerOptions,
} from '../../../src/engine/define/task-handler';
import { query } from '../../harness/cluster';
import { gate, waitFor } from '../../harness/waiting';
import { greet, ReceivePong, type AskedTask } from './ping-feature';
import { closePingTasks, handlerOf, PingTasks } from './ping-tasks';
import { BACKENDS } from './queue-backends';

type Run = (payload: { who: string }, context: TaskContext) => Promise<object | void>;

/** Greets, and remembers every attempt. */
function greeter(run: Run = () => Promise.resolve(), options: TaskHandlerOptions = {}) {
  const attempts: { who: string; taskId: string; attempt: number; at: number }[] = [];
  const handler = handlerOf<{ who: string }>('ping.greet', options, (payload, context) => {
    const { taskId, attempt } = context;
    attempts.push({ who: payload.who, taskId, attempt, at: performance.now() });
    return run(payload, context);
  });
  return { handler, attempts };
}

describe.each(BACKENDS)('a task, with the queue on %s,', (_, startQueue) => {
  afterEach(closePingTasks);

  it('is done once, with the event that asked for it, and its result is kept', async () => {
    const contexts: TaskContext[] = [];
    const { handler, attempts } = greeter(({ who }, context) => {
      contexts.push(context);
      return Promise.resolve({ greeted: who.length });
    });
    const tasks = await PingTasks.start(startQueue, { handlers: [handler] });
    const [eventId] = await tasks.send([greet('ann'), greet('robert')]);
    const [first, second] = await tasks.untilAll('done');
    const done = { status: 'done', attempts: 1, last_error: null, is_done_at_set: true };
    expect(first).toMatchObject({ ...done, ordinal: 0, result: { greeted: 3 } });
    expect(second).toMatchObject({ ...done, ordinal: 1, result: { greeted: 6 } });
    expect(attempts.map((a) => a.taskId).sort()).toEqual([first!.task_id, second!.task_id].sort());
    expect(contexts[0]!.event).toMatchObject({ eventId, type: 'PingSent', position: 1 });
    await waitFor('the jobs to go', async () => (await tasks.queue.countJobs()) === 0);
    // Handed over again, by an operator or a bug, it is not done again.
    await tasks.open.queues.add('ping.greet', [{ taskId: first!.task_id }]);
    await waitFor('the job to go', async () => (await tasks.queue.countJobs()) === 0);
    expect(attempts).toHaveLength(2);
  });

  it('comes again after a failure, later every time, and has failed in the end', async () => {
    const { handler, attempts } = greeter(() => Promise.reject(new Error('no answer')), {
      maxAttempts: 5,
    });
    const limits = { backoffMs: 60, maxBackoffMs: 200 };
    const tasks = await PingTasks.start(startQueue, { handlers: [handler], limits });
    await tasks.send([greet('ann')]);
    expect(await tasks.untilAll('failed')).toMatchObject([
      { attempts: 5, last_error: 'no answer', next_in_ms: null, is_done_at_set: false },
    ]);
    expect(attempts.map((a) => a.attempt)).toEqual([1, 2, 3, 4, 5]);
    // From half of 60, 120, 200, 200 on; the server may be late and is never early.
    const pauses = attempts.slice(1).map((a, i) => a.at - attempts[i]!.at);
    for (const [i, least] of [30, 60, 100, 100].entries()) {
      expect(pauses[i]).toBeGreaterThanOrEqual(least - 2);
    }
  });

  it('says when it comes again, and goes on counting where it was', async () => {
    const failing = greeter(() => Promise.reject(new Error('no answer')));
    const limits = { backoffMs: 60_000, maxBackoffMs: 600_000 };
    const tasks = await PingTasks.start(startQueue, { handlers: [failing.handler], limits });
    await tasks.send([greet('ann')]);
    const task = await waitFor('the first failure', async () => {
      const [found] = await tasks.all();
      return found!.next_in_ms !== null && found;
    });
    expect(task).toMatchObject({ status: 'queued', attempts: 1, last_error: 'no answer' });
    expect(task.next_in_ms).toBeGreaterThan(20_000);
    expect(task.next_in_ms).toBeLessThanOrEqual(90_000);
    // Several sweeps later it still waits for its time.
    await delay(200);
    expect(failing.attempts).toHaveLength(1);
  });

  it('has failed at once where another attempt cannot help', async () => {
    const { handler, attempts } = greeter(async ({ who }, context) => {
      if (who === 'ann') throw new PermanentFailure('there is no such address');
      await context.submit(ReceivePong, { text: 'unwanted' });
    });
    const tasks = await PingTasks.start(startQueue, { handlers: [handler] });
    await tasks.send([greet('ann'), greet('bob')]);
    expect(await tasks.untilAll('failed')).toMatchObject([
      { attempts: 1, last_error: 'there is no such address' },
      { attempts: 1, last_error: 'This pong is not wanted' },
    ]);
    expect(attempts).toHaveLength(2);
  });

  it('does not count attempts that were none, and is done when all is well again', async () => {
    let isBack = false;
    const { handler, attempts } = greeter(
      () => (isBack ? Promise.resolve() : Promise.reject(new OtherSideAway('it is away', 20))),
      { maxAttempts: 2 },
    );
    const tasks = await PingTasks.start(startQueue, { handlers: [handler] });
    await tasks.send([greet('ann')]);
    await waitFor('some attempts', () => attempts.length > 4);
    expect(await tasks.all()).toMatchObject([{ last_error: 'it is away' }]);
    isBack = true;
    expect(await tasks.untilAll('done')).toMatchObject([{ attempts: 1 }]);
    expect(new Set(attempts.map((a) => a.attempt))).toEqual(new Set([1]));
  });

  it.each([
    ['listens to its signal', true],
    ['does not listen to its signal', false],
  ])('is cut at its deadline and comes again, where its handler %s', async (_, listens) => {
    const aborted: unknown[] = [];
    const never = gate();
    const { handler } = greeter(
      async (_, { attempt, signal }) => {
        signal.addEventListener('abort', () => aborted.push(signal.reason));
        if (attempt > 1) return;
        await new Promise<void>((done, reject) => {
          if (listens) signal.addEventListener('abort', () => reject(new Error('cut')));
          void never.opened.then(done);
        });
      },
      { deadlineMs: 80 },
    );
    const tasks = await PingTasks.start(startQueue, { handlers: [handler] });
    await tasks.send([greet('ann')]);
    expect(await tasks.untilAll('done')).toMatchObject([
      { attempts: 2, last_error: 'No end within 80 ms' },
    ]);
    expect(aborted).toHaveLength(1);
    never.open();
  });

  it('waits for earlier ones of its subject, and for no others, where order matters', async () => {
    const done: string[] = [];
    const underWay = new Set<string>();
    let overlaps = 0;
    const { handler } = greeter(
      async ({ who }, { event, attempt }) => {
        const subject = who.split(' ')[0]!;
        if (underWay.has(subject) && subject !== 'anybody') overlaps++;
        underWay.add(subject);
        await new Promise(setImmediate);
        underWay.delete(subject);
        const isStuck = event.position === 1 && subject === 'ann';
        const othersAreDone = done.filter((d) => /^(bob|cid) /.test(d)).length === 12;
        if (isStuck && (attempt < 3 || !othersAreDone)) throw new Error('not now');
        done.push(`${subject} ${event.position}`);
      },
      { isOrdered: true, maxAttempts: 1_000, concurrency: 10 },
    );
    const tasks = await PingTasks.start(startQueue, { handlers: [handler] });
    const task = (who: string): AskedTask => ({ ...greet(who), subject: who });
    const anybody = { name: 'ping.greet', payload: { who: 'anybody' } };
    await tasks.send([task('ann'), task('bob'), task('cid'), anybody], 2);
    await tasks.send([task('ann'), task('bob'), task('cid')], 4);
    const all = await tasks.untilAll('done');
    const of = (subject: string) => done.filter((d) => d.startsWith(`${subject} `));
    for (const who of ['ann', 'bob', 'cid']) {
      expect(of(who)).toEqual([1, 2, 3, 4, 5, 6].map((position) => `${who} ${position}`));
    }
    expect(of('anybody')).toHaveLength(2);
    expect(overlaps).toBe(0);
    expect(all[0]!.attempts).toBeGreaterThanOrEqual(3);
  });

  it('finds its lane by whatever its id comes to', async () => {
    const { handler } = greeter(undefined, { perSubject: 3 });
    const tasks = await PingTasks.start(startQueue, { handlers: [handler], dispatches: false });
    await tasks.send([greet('ann')], 5);
    const { databases } = tasks.ledger;
    // No event asks for it, so a rebuild would not either.
    databases.isChecked = false;
    // The hash of this id is the lowest integer, which has no absolute value.
    await query(
      databases.urls.log,
      `insert into task_log (position, ordinal, task_id, name, subject, payload)
       values (1, 1, '00000000-0000-5000-8000-00017217fb89', 'ping.greet', 'ann', '{"who":"ann"}')`,
    );
    await tasks.another({ dispatches: true });
    expect(await tasks.untilAll('done')).toHaveLength(6);
  });

  it('goes on after one of its subject that has failed for good', async () => {
    const { handler } = greeter(
      (_, { event }) =>
        event.position === 1 ? Promise.reject(new PermanentFailure('no')) : Promise.resolve(),
      { isOrdered: true },
    );
    const tasks = await PingTasks.start(startQueue, { handlers: [handler] });
    await tasks.send([greet('ann')], 4);
    const all = await tasks.untilAll('done', 'failed');
    expect(all.map((t) => t.status)).toEqual(['failed', 'done', 'done', 'done']);
  });

  it('is not held up by tasks of other names whose handlers are poison', async () => {
    const never = gate();
    const shouts = handlerOf<{ how: string }>(
      'ping.shout',
      { deadlineMs: 20_000, concurrency: 3 },
      async ({ how }) => {
        if (how === 'hang') await never.opened;
        if (how === 'result') return { big: 1n };
        if (how === 'text') throw new Error('with \0 in it');
        throw new Error('poison');
      },
    );
    const { handler } = greeter();
    const limits = { backoffMs: 5, maxBackoffMs: 5 };
    const tasks = await PingTasks.start(startQueue, { handlers: [shouts, handler], limits });
    const shout = (how: string) => ({ name: 'ping.shout', payload: { how } });
    await tasks.send([...['result', 'text', 'throw'].map(shout), greet('ann')], 10);
    await tasks.send([...['hang', 'hang', 'hang'].map(shout), greet('bob')], 10);
    const greetings = await waitFor('the greetings to be done', async () => {
      const all = (await tasks.all()).filter((t) => t.name === 'ping.greet');
      return all.every((t) => t.status === 'done') && all;
    });
    expect(greetings).toHaveLength(20);
    for (const { attempts } of greetings) expect(attempts).toBe(1);
    // What they end with is recorded all the same, whatever it is.
    const errors = ['with  in it', 'poison', 'Do not know how to serialize a BigInt'];
    await waitFor('the errors to be recorded', async () => {
      const recorded = (await tasks.all()).map((t) => t.last_error);
      return errors.every((error) => recorded.includes(error));
    });
    never.open();
  });

  it('writes to the books once, whatever becomes of its handler afterwards', async () => {
    const answers: { position: number }[] = [];
    const { handler } = greeter(async ({ who }, context) => {
      answers.push(await context.submit(ReceivePong, { text: `from ${who}` }));
      if (context.attempt < 4) throw new Error('died after the command');
    });
    const tasks = await PingTasks.start(startQueue, { handlers: [handler] });
    const [eventId] = await tasks.send([greet('ann')]);
    const [task] = await tasks.untilAll('done');
    expect(task).toMatchObject({ attempts: 4 });
    expect(answers).toEqual([2, 2, 2, 2].map((position) => ({ position })));
    const pongs = await query(
      tasks.ledger.databases.urls.log,
      `select causation_id, e.actor, idempotency_key
       from event_log e join command_log using (command_id) where type = 'PongReceived'`,
    );
    expect(pongs).toEqual([
      { causation_id: eventId, actor: 'task', idempotency_key: task!.task_id },
    ]);
  });
});
