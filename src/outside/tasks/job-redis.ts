import { createRedisBackend, type BackendFactory, type IQueueBackend } from 'bullmq';
import { Redis } from 'ioredis';
import { CLOCK_SLACK_MS, type JobStore, type JobStoreTimings } from './job-store';

const RECONNECT_MAX_MS = 2_000;

/** Delayed jobs that are compared with the present in one step, those of the latest times. */
const LOOKED_AT = 1_000;
/**
 * A delay may end no later than if it began now. What "now" is takes the server a moment to hear,
 * in which another delay may begin: so a bit later is no fault. BullMQ sorts delayed jobs by their
 * time in milliseconds, times 4096.
 */
const SET_AGAIN = `
  local now = tonumber(ARGV[2])
  local latest = redis.call('ZREVRANGE', KEYS[1], 0, ARGV[3] - 1, 'WITHSCORES')
  for i = 1, #latest, 2 do
    local delay = tonumber(redis.call('HGET', ARGV[1] .. latest[i], 'delay') or 0)
    if latest[i + 1] / 4096 >= now + delay + ARGV[4] + 1 then
      redis.call('ZADD', KEYS[1], (now + delay) * 4096, latest[i])
    end
  end`;

/** What differs between the connection that adds and those that work. */
interface ConnectOptions {
  readonly enableOfflineQueue?: boolean;
  readonly maxRetriesPerRequest: number | null;
  readonly commandTimeout?: number;
}

/** The jobs in Redis, below keys that begin with `prefix`. */
export class RedisJobStore implements JobStore {
  readonly backend = 'redis';
  readonly options: { readonly connection: object; readonly prefix: string };
  private readonly adding: Redis;
  /** Settles when the first attempt to connect has gone well or not. */
  private readonly tried: Promise<void>;
  private working: Redis | undefined;
  private isClosed = false;

  constructor(
    private readonly url: string,
    prefix: string,
    private readonly timings: JobStoreTimings,
    private readonly onError: (error: Error) => void,
  ) {
    this.options = { connection: {}, prefix };
    // Who adds is told at once that Redis is away, instead of being kept waiting with all others.
    this.adding = this.connect({
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      commandTimeout: timings.answerMs,
    });
    this.tried = new Promise((done) => {
      this.adding.once('ready', done).once('close', done);
    });
  }

  readonly producer: BackendFactory<IQueueBackend, object> = (name, options, more) => {
    // The version is looked at by the workers. A look that fails would be remembered for ever.
    const settings = { ...options, connection: this.adding, skipVersionCheck: true };
    return createRedisBackend(name, settings, more);
  };

  readonly consumer: BackendFactory<IQueueBackend, object> = (name, options, more) => {
    const redis = (this.working ??= this.connect({ maxRetriesPerRequest: null }));
    const backend = createRedisBackend(name, { ...options, connection: redis }, more);
    const reconnect = backend.reconnectBlocking.bind(backend);
    // A worker that was left behind connects again when its last task has ended after all.
    backend.reconnectBlocking = () => (this.isClosed ? Promise.resolve() : reconnect());
    const moveStalled = backend.moveStalledJobsToWait.bind(backend);
    // Every worker asks for this every few seconds.
    backend.moveStalledJobsToWait = async () => {
      await this.setAgain(redis, name);
      return moveStalled();
    };
    return backend;
  };

  /**
   * Compares with the present what was written by a clock that was wrong, or delayed jobs would
   * wait until that time has really come. Locks in Redis end by its own clock.
   */
  private async setAgain(redis: Redis, queue: string): Promise<void> {
    const keys = `${this.options.prefix}:${queue}:`;
    const values = [keys, Date.now(), LOOKED_AT, CLOCK_SLACK_MS];
    await redis.eval(SET_AGAIN, 1, `${keys}delayed`, ...values);
  }

  async ping(): Promise<void> {
    await this.tried;
    await this.adding.ping();
  }

  close(): Promise<void> {
    this.isClosed = true;
    this.adding.disconnect();
    this.working?.disconnect();
    return Promise.resolve();
  }

  private connect(options: ConnectOptions): Redis {
    const redis = new Redis(this.url, {
      ...options,
      connectTimeout: this.timings.answerMs,
      retryStrategy: (times) => (this.isClosed ? null : Math.min(times * 50, RECONNECT_MAX_MS)),
    });
    redis.on('error', this.onError);
    return redis;
  }
}
