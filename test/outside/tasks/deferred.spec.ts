import { PermanentFailure, type TaskHandlerOptions } from '../../../src/engine/define/task-handler';
import { TaskActions } from '../../../src/outside/tasks/task-actions';
import { listTasks } from '../../../src/outside/tasks/task-list';
import { gate, waitFor } from '../../harness/waiting';
import { instantIn, SetClock } from './deferred-clock';
import { greet, type AskedTask } from './ping-feature';
import { closePingTasks, handlerOf, PingTasks } from './ping-tasks';
import { BACKENDS, SOME_BACKENDS } from './queue-backends';

const NEVER = '9999-12-31T23:59:59.999Z';
/** In the future of the tests, and reached by setting a clock a century forward. */
const YEARS_AHEAD = '2090-01-31T10:00:00.000Z';
const CENTURY = '100 years';
/** How late a task may be, on a machine that does other things too. */
const LATE_MS = 10_000;

function later(who: string, notBefore: string): AskedTask {
  return { ...greet(who), notBefore };
}

/** Greets, and remembers whom and when. */
function greeter(options: TaskHandlerOptions = {}, work?: (who: string) => Promise<void>) {
  const greeted: { who: string; taskId: string; at: number }[] = [];
  const handler = handlerOf<{ who: string }>('ping.greet', options, async ({ who }, { taskId }) => {
    greeted.push({ who, taskId, at: Date.now() });
    await work?.(who);
  });
  return { handler, greeted, names: () => greeted.map((g) => g.who) };
}

function actionsOf({ open, log }: PingTasks): TaskActions {
  return new TaskActions(open, open.queues, log);
}

async function untilDeferred(tasks: PingTasks, count: number): Promise<void> {
  await waitFor(`${count} tasks to be deferred`, async () => {
    return (await tasks.all()).filter((t) => t.is_deferred).length === count;
  });
}

describe.each(SOME_BACKENDS)('a task not to be done yet, with the queue on %s,', (_, start) => {
  afterEach(closePingTasks);

  it('is done after its instant, soon, and not before, however far away it is', async () => {
    const { handler, greeted } = greeter();
    const tasks = await PingTasks.start(start, { handlers: [handler] });
    const soon = instantIn(1_500);
    await tasks.send([
      later('never', NEVER),
      later('soon', soon),
      later('overdue', instantIn(-86_400_000)),
      greet('now'),
    ]);
    const done = await waitFor('the task to be done', () => {
      return greeted.find((g) => g.who === 'soon');
    });
    expect(done.at).toBeGreaterThanOrEqual(Date.parse(soon));
    expect(done.at).toBeLessThan(Date.parse(soon) + LATE_MS);
    await waitFor('it to be noted', async () => (await tasks.counts()).done === 3);
    expect((await tasks.all()).map((t) => [t.status, t.attempts])).toEqual([
      ['recorded', 0],
      ['done', 1],
      ['done', 1],
      ['done', 1],
    ]);
    expect(greeted.map((g) => g.who).sort()).toEqual(['now', 'overdue', 'soon']);
    await waitFor('the queue to be empty', async () => (await tasks.queue.countJobs()) === 0);
  });

  it('takes no room from those behind it, however many wait', async () => {
    const { handler, names } = greeter();
    const limits = { windowTasks: 3, pollMs: 10 };
    const tasks = await PingTasks.start(start, { handlers: [handler], limits, works: false });
    // More than two pages of the dispatcher, with one between them that may be done.
    await tasks.send([later('never', NEVER)], 600);
    await tasks.send([greet('between')]);
    await tasks.send([later('never', NEVER)], 600);
    await tasks.send([greet('behind')], 10);
    await untilDeferred(tasks, 1_200);
    await waitFor('the window to be full', async () => (await tasks.counts()).queued === 3);
    expect(await tasks.queue.countJobs()).toBe(3);
    await tasks.another({ works: true });
    await waitFor('the others to be done', async () => (await tasks.counts()).done === 11);
    expect(new Set(names())).toEqual(new Set(['between', 'behind']));
    expect(await tasks.counts()).toEqual({ recorded: 1_200, done: 11 });
  });

  it('is done where the process that knew of it is gone, also long after its instant', async () => {
    const { handler, names } = greeter();
    const clock = await SetClock.start(start, { handlers: [handler] });
    await clock.tasks.send([later('ann', YEARS_AHEAD), later('never', NEVER)]);
    await untilDeferred(clock.tasks, 2);
    await clock.tasks.close();
    await clock.set(CENTURY);
    expect(await clock.tasks.counts()).toEqual({ recorded: 2 });
    const next = await clock.tasks.another();
    await waitFor('it to be done', async () => (await next.counts()).done === 1);
    expect(names()).toEqual(['ann']);
  });

  it('is done once where it became due while the queue was away', async () => {
    const { handler, names } = greeter();
    const clock = await SetClock.start(start, { handlers: [handler] });
    const { tasks } = clock;
    await tasks.send([later('ann', YEARS_AHEAD)]);
    await untilDeferred(tasks, 1);
    await tasks.queue.goAway();
    await clock.set(CENTURY);
    await waitFor('the trouble to be logged', () =>
      tasks.log.lines.some((l) => l.message === 'tasks cannot be handed over now'),
    );
    expect(names()).toEqual([]);
    await tasks.queue.comeBack();
    await tasks.untilAll('done');
    expect(names()).toEqual(['ann']);
  });

  it('is done once wherever the clock is set, and by the clock alone', async () => {
    const { handler, names } = greeter();
    const clock = await SetClock.start(start, { handlers: [handler] });
    const { tasks } = clock;
    const done = (count: number) =>
      waitFor(`${count} to be done`, async () => (await tasks.counts()).done === count);
    await tasks.send([later('first', YEARS_AHEAD)]);
    await untilDeferred(tasks, 1);
    await clock.set(CENTURY);
    await done(1);
    await clock.set('-100 years');
    // Due by the clock of the machine, and by the clock before it was set back.
    await tasks.send([later('second', instantIn(-1_000)), later('third', YEARS_AHEAD)]);
    await tasks.send([greet('now')]);
    await done(2);
    await untilDeferred(tasks, 2);
    expect(names()).toEqual(['first', 'now']);
    await clock.set('0');
    await done(3);
    await clock.set(CENTURY);
    await tasks.untilAll('done');
    expect(names()).toEqual(['first', 'now', 'second', 'third']);
  });

  it('comes in the order of the instants, once, with others of its name between', async () => {
    const { handler, greeted, names } = greeter({ concurrency: 1 });
    const limits = { windowTasks: 2, pollMs: 10 };
    const clock = await SetClock.start(start, { handlers: [handler], limits });
    const { tasks } = clock;
    const instants = ['2090-03-01', '2090-01-01', '2090-02-01'].map((d) => `${d}T00:00:00.000Z`);
    for (const instant of instants) await tasks.send([later(instant, instant)], 20);
    await untilDeferred(tasks, 60);
    const other = await tasks.another({ works: false });
    await clock.set(CENTURY);
    await other.send([greet('new')], 20);
    await tasks.untilAll('done');
    expect(new Set(greeted.map((g) => g.taskId)).size).toBe(80);
    expect(greeted).toHaveLength(80);
    // Two processes fill the window, so that neighbours may change places, and far ones may not.
    const places = instants.map((instant) => names().indexOf(instant));
    expect(places[1]).toBeLessThan(places[2]!);
    expect(places[2]).toBeLessThan(places[0]!);
    // In turn: neither had to wait for all of the other.
    const last = (isNew: boolean) => names().findLastIndex((who) => (who === 'new') === isNew);
    expect(names().indexOf('new')).toBeLessThan(last(false));
    expect(last(true)).toBeGreaterThan(names().findIndex((who) => who !== 'new'));
  });

  it('is read as recorded, and can be neither retried nor done by an early job', async () => {
    const { handler, names } = greeter();
    const tasks = await PingTasks.start(start, { handlers: [handler] });
    await tasks.send([later('ann', NEVER)]);
    await untilDeferred(tasks, 1);
    const [task] = await tasks.all();
    const { db, queues } = tasks.open;
    const actions = actionsOf(tasks);
    const { rows: listed } = await listTasks(
      db,
      { status: 'recorded' },
      { position: 0, ordinal: -1 },
      10,
    );
    expect(listed).toMatchObject([
      { taskId: task!.task_id, status: 'recorded', notBefore: NEVER, nextAttemptAt: null },
    ]);
    for (const [action, code] of [
      ['retry', 'task_not_failed'],
      ['redeliver', 'task_under_way'],
    ] as const) {
      const outcome = await actions[action]({ actor: 'tester' }, task!.task_id, 1);
      expect(outcome).toMatchObject({ kind: 'refused', refusal: { code } });
      expect(JSON.stringify(outcome)).toContain('is recorded');
    }
    await queues.add('ping.greet', [{ taskId: task!.task_id }]);
    await waitFor('the job to go', async () => (await tasks.queue.countJobs()) === 0);
    expect(names()).toEqual([]);
    expect(await tasks.all()).toMatchObject([{ is_deferred: true, attempts: 0 }]);
  });

  it('is retried like any other once it has failed', async () => {
    let isWell = false;
    const { handler, names } = greeter({}, () =>
      isWell ? Promise.resolve() : Promise.reject(new PermanentFailure('no')),
    );
    const tasks = await PingTasks.start(start, { handlers: [handler] });
    const notBefore = instantIn(300);
    await tasks.send([later('ann', notBefore)]);
    const [task] = await tasks.untilAll('failed');
    isWell = true;
    const request = { actor: 'tester' };
    const retried = await actionsOf(tasks).retry(request, task!.task_id, 1);
    expect(retried).toMatchObject({ kind: 'accepted', answer: { status: 'queued', notBefore } });
    await tasks.untilAll('done');
    expect(names()).toEqual(['ann', 'ann']);
  });
});

describe('a task that is not to be done yet, where the order of a subject matters,', () => {
  const [[, onPostgres]] = BACKENDS;
  afterEach(closePingTasks);

  /** Each greeting waits to be let go on, and says when another one is under way. */
  async function startOrdered() {
    const gates = new Map<string, ReturnType<typeof gate>>();
    const gateOf = (who: string) => {
      const known = gates.get(who) ?? gate();
      gates.set(who, known);
      return known;
    };
    let underWay = 0;
    const overlaps: string[] = [];
    const { handler, names } = greeter({ isOrdered: true }, async (who) => {
      if (++underWay > 1) overlaps.push(who);
      await gateOf(who).opened;
      underWay--;
    });
    const clock = await SetClock.start(onPostgres, { handlers: [handler] });
    const about = (who: string, notBefore?: string): AskedTask => ({
      ...{ name: 'ping.greet', payload: { who }, subject: 'one' },
      ...(notBefore && { notBefore }),
    });
    const begun = (who: string) => waitFor(`${who} to begin`, () => names().includes(who));
    const finish = async (who: string) => {
      await begun(who);
      gateOf(who).open();
    };
    return { clock, about, begun, finish, names, overlaps };
  }

  it('does not block later ones, and comes in behind those that were handed over', async () => {
    const { clock, about, begun, finish, names, overlaps } = await startOrdered();
    const { tasks } = clock;
    await tasks.send([about('deferred', YEARS_AHEAD), about('first'), about('second')]);
    await begun('first');
    await clock.set(CENTURY);
    await waitFor('it to be due', async () => (await tasks.counts()).queued === 2);
    await tasks.send([about('third')]);
    await waitFor('all to be handed over', async () => (await tasks.counts()).queued === 3);
    for (const who of ['first', 'second', 'deferred', 'third']) await finish(who);
    await tasks.untilAll('done');
    expect(names()).toEqual(['first', 'second', 'deferred', 'third']);
    expect(overlaps).toEqual([]);
  });

  it('never comes before one of its subject that has begun', async () => {
    const { clock, about, begun, finish, names, overlaps } = await startOrdered();
    const { tasks } = clock;
    await tasks.send([
      about('last', '2091-01-01T00:00:00.000Z'),
      about('middle', '2090-01-01T00:00:00.000Z'),
      about('early', '2089-01-01T00:00:00.000Z'),
    ]);
    await untilDeferred(tasks, 3);
    const toYear = (year: number) => clock.set(`${year - new Date().getUTCFullYear()} years`);
    await toYear(2089);
    await begun('early');
    await toYear(2090);
    await waitFor('the next to be due', async () => (await tasks.counts()).queued === 1);
    await toYear(2091);
    await waitFor('the last to be due', async () => (await tasks.counts()).queued === 2);
    for (const who of ['early', 'middle', 'last']) await finish(who);
    await tasks.untilAll('done');
    expect(names()).toEqual(['early', 'middle', 'last']);
    expect(overlaps).toEqual([]);
  });
});
