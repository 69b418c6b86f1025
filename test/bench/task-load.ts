import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Config } from '../../src/config';
import type { DatabaseUrls } from '../../src/database/connections';
import { openLedger, type OpenLedger } from '../../src/engine/open-ledger';
import type { EngineLog } from '../../src/engine/write/ledger-parts';
import { defineFeature, type Feature } from '../../src/engine/define/feature';
import { features } from '../../src/features';
import { TaskProcess } from '../../src/outside/tasks/task-process';
import { countTasks } from '../../src/outside/tasks/task.queries';
import {
  fillLog,
  measureTransfers,
  openAccounts,
  uniformPair,
  type ChoosePair,
} from './engine-load';
import { median } from './report';
import { ACCOUNTS, type Sizes } from './sizes';

const TASK = 'bench.nothing';
const IN_FLIGHT = 256;
const CONCURRENCY = 200;
const TASKS_PER_TRANSFER = 10;

/** What tasks cost, and how fast they are handed over and done. */
export interface TaskRates {
  /** Transfers a second with a task each, and without, measured in turn. */
  readonly withTask: number;
  readonly without: number;
  /** Tasks a second from the log through the queue to their record, all in one process. */
  readonly dispatched: number;
  /** What a backlog of tasks that nobody does comes to. */
  readonly backlog: Backlog;
}

/** A process that hands tasks over while no worker does them. */
export interface Backlog {
  readonly recorded: number;
  /** Jobs in the queue: bounded by the window. */
  readonly queued: number;
  /** What the process holds after a collection, more than before the backlog, in MiB. */
  readonly heldMib: number;
}

/** Measures on a pair of databases of its own: its feature asks for tasks that no service knows. */
export async function measureTasks(
  urls: DatabaseUrls,
  sizes: Sizes,
  log: EngineLog,
): Promise<TaskRates> {
  const config = Config.load({});
  const asking = { tasks: 0 };
  const all = [...features, benchFeature(asking)];
  const options = { urls, features: all, limits: config.engine, log };
  const open = await openLedger(options);
  try {
    const rates = await measurePosting(open, asking, sizes);
    const parts = { urls, open, config, log };
    const dispatched = await measureDispatch(parts, sizes.engineMs);
    const backlog = await measureBacklog(parts, asking, sizes.tasks);
    return { ...rates, dispatched, backlog };
  } finally {
    await open.close();
  }
}

/** How many tasks each transaction asks for. */
interface Asking {
  tasks: number;
}

/** Asks for tasks that do nothing. */
function benchFeature(asking: Asking): Feature {
  return defineFeature({
    name: 'bench',
    tasks: [TASK],
    observers: [
      {
        name: 'bench',
        version: 1,
        apply: ({ type, eventId }, { tasks }) => {
          if (type !== 'TransactionPosted') return;
          for (let i = 0; i < asking.tasks; i++) tasks.enqueue(TASK, { of: eventId });
        },
      },
    ],
  });
}

async function measurePosting(open: OpenLedger, asking: Asking, sizes: Sizes) {
  const pair: ChoosePair = uniformPair(await openAccounts(open, ACCOUNTS));
  const rates = { withTask: [] as number[], without: [] as number[] };
  await measureTransfers(open, pair, IN_FLIGHT, sizes.warmUpMs);
  for (let round = 1; round <= sizes.rounds; round++) {
    for (const which of ['without', 'withTask'] as const) {
      asking.tasks = which === 'withTask' ? 1 : 0;
      const { perSecond } = await measureTransfers(open, pair, IN_FLIGHT, sizes.engineMs);
      rates[which].push(perSecond);
    }
  }
  return { withTask: median(rates.withTask), without: median(rates.without) };
}

interface Parts {
  readonly urls: DatabaseUrls;
  readonly open: OpenLedger;
  readonly config: Config;
  readonly log: EngineLog;
}

function openBenchTasks({ urls, open, config, log }: Parts, works: boolean, done: () => void) {
  const { tasks: limits, engine: timeouts } = config;
  const tasks = new TaskProcess({
    ...{ urls, open, limits, timeouts, queue: {}, handsOver: true, works, log },
  });
  const run = () => {
    done();
    return Promise.resolve();
  };
  // No task of the program's own is asked for here.
  const names = [...open.registry.taskNames];
  tasks.start(names.map((name) => ({ name, options: { concurrency: CONCURRENCY }, run })));
  return tasks;
}

/** Hands over and does what was recorded, for a time. @returns tasks a second */
async function measureDispatch(parts: Parts, durationMs: number): Promise<number> {
  let done = 0;
  const tasks = openBenchTasks(parts, true, () => void done++);
  try {
    await delay(durationMs / 4);
    const [before, begin] = [done, performance.now()];
    await delay(durationMs);
    return ((done - before) * 1000) / (performance.now() - begin);
  } finally {
    await tasks.close();
  }
}

/** Records `count` tasks more while they are handed over and nobody does them. */
async function measureBacklog(parts: Parts, asking: Asking, count: number): Promise<Backlog> {
  const { open } = parts;
  const pair: ChoosePair = uniformPair(await openAccounts(open, ACCOUNTS));
  const heldBefore = heldMib();
  const tasks = openBenchTasks(parts, false, () => undefined);
  try {
    asking.tasks = TASKS_PER_TRANSFER;
    await fillLog(open, pair, open.ledger.head.position + count / TASKS_PER_TRANSFER);
    asking.tasks = 0;
    await delay(2 * parts.config.tasks.pollMs);
    const recorded = await open.logReader
      .selectFrom('task_log')
      .select((all) => all.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    const queued = await countTasks(tasks.db);
    return {
      recorded: recorded.count,
      queued: queued.queued + queued.running,
      heldMib: heldMib() - heldBefore,
    };
  } finally {
    await tasks.close();
  }
}

/** Memory in use after a full collection. */
function heldMib(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}
