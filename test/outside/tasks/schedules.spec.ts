import type { JobQueues } from '../../../src/outside/tasks/job-queues';
import { openJobQueues } from '../../../src/outside/tasks/job-queues';
import type { Schedule } from '../../../src/engine/define/schedule';
import { cloneDatabases } from '../../harness/databases';
import { waitFor } from '../../harness/waiting';
import { SOME_BACKENDS, type StartQueue } from './queue-backends';

const EACH_SECOND = '* * * * * *';
const NEVER_NOW = '0 0 1 1 *';
/** Some seconds have to go by, and on a machine with other things to do some are passed over. */
const PATIENCE_MS = 45_000;

describe.each(SOME_BACKENDS)('schedules on %s', (_, startQueue) => {
  it('run each time once, whichever process does it', async () => {
    const { open } = await start(startQueue);
    const ticks: { at: number; ranAt: number }[] = [];
    const run = (at: Date) => {
      ticks.push({ at: at.getTime(), ranAt: Date.now() });
      return Promise.resolve();
    };
    const schedule = { name: 's', pattern: EACH_SECOND, run };
    open().schedule([schedule]);
    open().schedule([schedule]);
    await waitFor('four ticks', () => ticks.length >= 4, PATIENCE_MS);
    ticks.sort((a, b) => a.at - b.at);
    expect(new Set(ticks.map(({ at }) => at)).size).toBe(ticks.length);
    expect(ticks.every(({ at }) => at % 1_000 === 0)).toBe(true);
    // None is passed over, but those that went by before a late one was begun.
    for (const [i, { at }] of ticks.slice(1).entries()) {
      expect(at).toBeLessThanOrEqual(ticks[i]!.ranAt + 1_000);
    }
  });

  it('come again after an error, and do not stop at it', async () => {
    const { open, errors } = await start(startQueue);
    const ticks = new Map<number, number>();
    const run = (at: Date) => {
      const runs = (ticks.get(at.getTime()) ?? 0) + 1;
      ticks.set(at.getTime(), runs);
      return runs === 1 ? Promise.reject(new Error('not yet')) : Promise.resolve();
    };
    open().schedule([{ name: 's', pattern: EACH_SECOND, run }]);
    await waitFor('the next ticks', () => ticks.size >= 3, PATIENCE_MS);
    await waitFor('the second attempt', () => [...ticks.values()].includes(2), PATIENCE_MS);
    expect(errors.map((error) => String(error.cause))).toContain('Error: not yet');
  });

  it('are changed and ended by the configuration', async () => {
    const { open } = await start(startQueue);
    const ticks: string[] = [];
    const schedule = (name: string, pattern: string | undefined): Schedule => ({
      name,
      pattern,
      run: () => {
        ticks.push(`${name} ${pattern}`);
        return Promise.resolve();
      },
    });
    const first = open();
    first.schedule([schedule('s', EACH_SECOND), schedule('t', EACH_SECOND)]);
    await waitFor('both', () => new Set(ticks).size === 2, PATIENCE_MS);
    await first.close(1_000);
    ticks.length = 0;
    const second = open();
    second.schedule([
      schedule('s', NEVER_NOW),
      schedule('t', undefined),
      schedule('u', EACH_SECOND),
    ]);
    const isNew = (tick: string) => tick.startsWith('u');
    // The last one that is compared with the queue; until then the others may go on.
    await waitFor('the change', () => ticks.some(isNew), PATIENCE_MS);
    ticks.length = 0;
    await waitFor('two more seconds', () => ticks.filter(isNew).length >= 2, PATIENCE_MS);
    // At most what was due already when the configuration changed.
    expect(ticks.filter((tick) => !isNew(tick)).length).toBeLessThanOrEqual(1);
  });

  it('go on where the queue lost everything', async () => {
    const { open, queue } = await start(startQueue);
    let ticks = 0;
    const run = () => Promise.resolve(void ticks++);
    open().schedule([{ name: 's', pattern: EACH_SECOND, run }]);
    await waitFor('a tick', () => ticks > 0, PATIENCE_MS);
    await queue.empty();
    const before = ticks;
    await waitFor('more ticks', () => ticks > before + 1, PATIENCE_MS);
  });

  async function start(startBackend: StartQueue) {
    const databases = await cloneDatabases();
    const queue = await startBackend(databases.urls);
    databases.onEnd(() => queue.close());
    const errors: Error[] = [];
    const open = (): JobQueues => {
      const queues = openJobQueues({
        ...queue.options,
        stateUrl: queue.stateUrl,
        onError: (error) => errors.push(error),
      });
      databases.onEnd(() => queues.close(1_000));
      return queues;
    };
    return { open, queue, errors };
  }
});
