import { setImmediate } from 'node:timers/promises';
import { ROLES, writerConnection } from '../../src/database/connections';
import { EventPages } from '../../src/engine/catch-up/event-pages';
import { query, withClient } from '../harness/cluster';
import { greet, SendPing, startPings } from '../outside/tasks/ping-feature';

const TIMEOUTS = { lockTimeoutMs: 5_000, statementTimeoutMs: 10_000 };
/** More than the server needs for the few rows here, on any machine that is not stuck. */
const HELD_MS = 500;
/** Ten events of so many tasks have more than a call takes arguments. */
const TASKS_EACH = 13_000;

/** Keeps this process from hearing anything, so that what comes meanwhile comes in one piece. */
function holdEventLoop(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, HELD_MS);
}

describe('the pages of a log', () => {
  it('have their tasks also where these arrive in one piece with the events', async () => {
    const ledger = await startPings();
    await ledger.accept(SendPing, { tasks: [greet('ann')], count: 10 });
    await ledger.close();
    const { urls } = ledger.databases;
    const log = writerConnection(urls.log, ROLES.logReplayer, TIMEOUTS);
    await log.connect();
    const found: { events: number; tasks: number }[] = [];
    await withClient(urls.log, async (blocker) => {
      await blocker.query('begin; lock table task_log in access exclusive mode');
      const pages = new EventPages(log, 0, 10, 5);
      const first = pages.next();
      // Now it waits for the tasks, which are locked, and for the events behind them.
      await setImmediate();
      await setImmediate();
      const released = blocker.query('commit');
      holdEventLoop();
      await released;
      for (let page = await first; page; page = await pages.next()) {
        found.push({ events: page.events.length, tasks: page.tasks.length });
      }
    }).finally(() => log.close());
    expect(found).toEqual([
      { events: 5, tasks: 5 },
      { events: 5, tasks: 5 },
    ]);
  });

  it('have their tasks also where these are more than a call takes arguments', async () => {
    const ledger = await startPings();
    await ledger.accept(SendPing, { tasks: [], count: 10 });
    await ledger.close();
    const { databases } = ledger;
    databases.isChecked = false;
    await query(
      databases.superUrls.log,
      `insert into task_log (position, ordinal, task_id, name, payload)
       select position, ordinal, gen_random_uuid(), 'greet', '{}'
       from generate_series(1, 10) position, generate_series(1, $1) ordinal`,
      [TASKS_EACH],
    );
    const log = writerConnection(databases.urls.log, ROLES.logReplayer, TIMEOUTS);
    databases.onEnd(() => log.close());
    await log.connect();
    const pages = new EventPages(log, 0, 10, 5);
    const found: number[] = [];
    for (let page = await pages.next(); page; page = await pages.next()) {
      found.push(page.tasks.length);
    }
    expect(found).toEqual([5 * TASKS_EACH, 5 * TASKS_EACH]);
  });
});
