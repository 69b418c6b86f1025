import { Redis } from 'ioredis';
import type { DatabaseUrls } from '../../../src/database/connections';
import type { TaskOptions } from '../../../src/outside/tasks/task-process';
import { query } from '../../harness/cluster';
import { DatabaseProxy } from '../../harness/proxy';
import { rounds } from '../../harness/rounds';
import { startRedis, type RedisServer } from '../../harness/redis';

/** A queue's server, with what a spec does to it behind the program's back. */
export interface TestQueue {
  readonly options: TaskOptions['queue'];
  /** Where the queue finds the state database. */
  readonly stateUrl: string;
  /** Jobs of tasks, in any state; not those of schedules, of which there always is one. */
  countJobs(): Promise<number>;
  /** Everything that the server keeps for the queue. */
  dump(): Promise<string>;
  /** Removes everything. @returns how many jobs of tasks that were */
  empty(): Promise<number>;
  /** PostgreSQL cannot be reached any more; Redis is killed. */
  goAway(): Promise<void>;
  /** PostgreSQL has what it had; Redis is empty. */
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Short, so that tests wait for what matters; but for the lock. What a busy machine keeps from
 * renewing it in time is done twice: tests that wait for a lock to end have it shorter.
 */
const TIMINGS = {
  answerMs: 2_000,
  lockMs: 30_000,
  stalledCheckMs: 200,
  retryMs: 50,
  afterBugMs: 50,
  scheduleCheckMs: 500,
  scheduleRetryMs: 500,
};

export const BACKENDS = [
  ['PostgreSQL', (urls: DatabaseUrls): Promise<TestQueue> => PostgresQueue.start(urls)],
  ['Redis', (urls: DatabaseUrls): Promise<TestQueue> => RedisQueue.start(urls)],
] as const;

/** Of specs about what stands on the queue, whichever it is: one is enough in a short run. */
export const SOME_BACKENDS = BACKENDS.slice(0, rounds(1, BACKENDS.length));

export type StartQueue = (typeof BACKENDS)[number][1];

/** Jobs of schedules have other ids. */
const TASK_ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

class PostgresQueue implements TestQueue {
  readonly options = { timings: TIMINGS };

  private constructor(
    private readonly url: string,
    private readonly proxy: DatabaseProxy,
  ) {}

  static async start({ state }: DatabaseUrls): Promise<TestQueue> {
    return new PostgresQueue(state, await DatabaseProxy.start(state));
  }

  get stateUrl(): string {
    return this.proxy.url;
  }

  async countJobs(): Promise<number> {
    const [row] = await query<{ count: number }>(
      this.url,
      'select count(*) from bullmq.job where id ~ $1',
      [TASK_ID.source],
    );
    return row!.count;
  }

  async dump(): Promise<string> {
    const tables = await query<{ name: string }>(
      this.url,
      `select format('bullmq.%I', tablename) as name from pg_tables where schemaname = 'bullmq'`,
    );
    const rows = tables.map(({ name }) => query(this.url, `select t::text from ${name} t`));
    return JSON.stringify(await Promise.all(rows));
  }

  async empty(): Promise<number> {
    const count = await this.countJobs();
    await query(this.url, 'truncate bullmq.job, bullmq.event, bullmq.meta cascade');
    return count;
  }

  goAway(): Promise<void> {
    this.proxy.isReachable = false;
    this.proxy.cutAll();
    return Promise.resolve();
  }

  comeBack(): Promise<void> {
    this.proxy.isReachable = true;
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.proxy.close();
  }
}

class RedisQueue implements TestQueue {
  readonly options: TestQueue['options'];

  private constructor(
    readonly stateUrl: string,
    private readonly server: RedisServer,
  ) {
    this.options = { redisUrl: server.url, timings: TIMINGS };
  }

  static async start({ state }: DatabaseUrls): Promise<TestQueue> {
    return new RedisQueue(state, await startRedis());
  }

  async countJobs(): Promise<number> {
    const isJob = (key: string) => TASK_ID.test(key.slice(key.lastIndexOf(':') + 1));
    return (await this.keys()).filter(isJob).length;
  }

  dump(): Promise<string> {
    return this.withRedis(async (redis) => {
      const keys = await redis.keys('*');
      const values = await Promise.all(keys.map((key) => valueOf(redis, key)));
      return JSON.stringify(keys.map((key, i) => [key, values[i]]));
    });
  }

  async empty(): Promise<number> {
    const count = await this.countJobs();
    await this.withRedis((redis) => redis.flushall());
    return count;
  }

  goAway(): Promise<void> {
    return this.server.kill();
  }

  comeBack(): Promise<void> {
    return this.server.start();
  }

  close(): Promise<void> {
    return this.server.kill();
  }

  private keys(): Promise<string[]> {
    return this.withRedis((redis) => redis.keys('*'));
  }

  private async withRedis<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis(this.server.url);
    try {
      return await work(redis);
    } finally {
      redis.disconnect();
    }
  }
}

/** A key may come, go and be of another type at any time: then it is read once more. */
async function valueOf(redis: Redis, key: string): Promise<unknown> {
  try {
    return await readAs(await redis.type(key), redis, key);
  } catch (error) {
    if (!String(error).includes('WRONGTYPE')) throw error;
    return valueOf(redis, key);
  }
}

function readAs(type: string, redis: Redis, key: string): Promise<unknown> {
  if (type === 'hash') return redis.hgetall(key);
  if (type === 'list') return redis.lrange(key, 0, -1);
  if (type === 'set') return redis.smembers(key);
  if (type === 'zset') return redis.zrange(key, '0', '-1');
  if (type === 'stream') return redis.xrange(key, '-', '+');
  return redis.get(key);
}
