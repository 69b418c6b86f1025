import type { Kysely } from 'kysely';
import { checkpointNow } from '../checkpoints/write-checkpoint';
import type { DatabaseUrls, SessionTimeouts } from '../../database/connections';
import type { CheckpointConfig } from '../checkpoints/checkpoint-config';
import type { EngineLog } from '../../engine/write/ledger-parts';
import type { OpenLedger } from '../../engine/open-ledger';
import { replay } from '../replay/replay';
import { swapBack } from '../replay/swap';
import type { JobQueues } from '../../outside/tasks/job-queues';
import type { Schedule } from '../../outside/tasks/job-schedules';
import { RunActions } from './run-actions';
import { RunFeed } from './run-feed';
import { insertScheduled, openRunDatabase } from './run.queries';
import type { ScheduleConfig } from './schedule-config';
import { verifyBooks } from './verify-books';
import type { RunDatabase } from './run.table';
import { RUN_TIMINGS, RunRunner, type RunTimings, type RunWork } from './run-runner';

export interface RunOptions {
  readonly urls: DatabaseUrls;
  readonly open: Pick<OpenLedger, 'ledger' | 'registry' | 'logReader'>;
  readonly queues: Pick<JobQueues, 'schedule'>;
  readonly config: {
    readonly schedules: ScheduleConfig;
    readonly checkpoints: CheckpointConfig;
  };
  readonly timeouts: SessionTimeouts;
  /** Instead of what the program does to verify and to replay. */
  readonly work?: RunWork;
  /** Instead of what writes a signed checkpoint of the log outside the databases. */
  readonly checkpoint?: () => Promise<unknown>;
  /** Whether this process does runs and keeps the schedules. */
  readonly works: boolean;
  readonly log: EngineLog;
  readonly timings?: Partial<RunTimings>;
  /** How long the request for a replay waits for its end, in milliseconds. */
  readonly replayAnswerMs?: number;
}

/** The verifications and replays of a running process, and what ends them. */
export interface OpenRuns {
  readonly feed: RunFeed;
  readonly actions: RunActions;
  /** Aborts the run under way and closes the connections. */
  close(): Promise<void>;
}

/** Takes requests for runs and, where this process works, does them and keeps the schedules. */
export function openRuns(options: RunOptions): OpenRuns {
  const { urls, open, log, replayAnswerMs } = options;
  const onPoolError = (err: Error) => log.warn({ err }, 'an idle database connection broke');
  const db = openRunDatabase(urls.log, options.timeouts, onPoolError);
  const timings = { ...RUN_TIMINGS, ...options.timings };
  const readHead = () => readLogHead(open);
  const work = options.work ?? workOf(options);
  const runner = new RunRunner({ db, work, readHead, log, timings });
  const onQueued = () => runner.wake();
  const actions = new RunActions(db, {
    onQueued,
    swapBack: (isDryRun) => swapBack(urls, { isDryRun }),
    ...(replayAnswerMs !== undefined && { replayAnswerMs }),
  });
  if (options.works) {
    runner.start();
    options.queues.schedule(schedulesOf(options, db, onQueued));
  }
  const close = async () => {
    await runner.stop();
    await db.destroy();
  };
  return { feed: new RunFeed(db), actions, close };
}

function workOf({ urls, open, config }: RunOptions): RunWork {
  const { registry, logReader } = open;
  const checked = { urls, registry, logReader, config: config.checkpoints };
  return {
    verify: (options) => verifyBooks({ ...checked, ...options }),
    replay: (options) => replay({ urls, registry, ...options }),
  };
}

function schedulesOf(
  { open, config, checkpoint }: RunOptions,
  db: Kysely<RunDatabase>,
  onQueued: () => void,
): Schedule[] {
  const writeCheckpoint =
    checkpoint ?? (() => checkpointNow({ log: open.logReader, config: config.checkpoints }));
  return [
    {
      name: 'verification',
      pattern: config.schedules.verify,
      run: async (at) => {
        if (await insertScheduled(db, at)) onQueued();
      },
    },
    {
      name: 'checkpoint',
      pattern: config.schedules.checkpoint,
      run: async () => void (await writeCheckpoint()),
    },
  ];
}

/** The last position of the log, whichever process wrote it. */
async function readLogHead({ ledger, logReader }: RunOptions['open']): Promise<number> {
  const row = await logReader
    .selectFrom('event_log')
    .select('position')
    .where('position', '>=', Math.max(1, ledger.head.position))
    .orderBy('position', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.position ?? 0;
}
