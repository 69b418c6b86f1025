import { getNextMillis } from 'bullmq';
import { resolve } from 'node:path';
import type { EngineLimits } from './engine/write/ledger-parts';
import { StartFailed } from './http/start-failure';
import type { AdapterConfig, ObjectStoreConfig } from './outside/adapters/adapter-config';
import type { TaskLimits } from './outside/tasks/task-limits';
import type { CheckpointConfig } from './proof/checkpoints/checkpoint-config';
import type { ScheduleConfig } from './proof/runs/schedule-config';

/** What is wrong with the environment; every problem is listed, one a line. */
export class ConfigError extends StartFailed {
  constructor(readonly problems: string[]) {
    super(`The configuration is not valid:\n${problems.map((p) => `  - ${p}`).join('\n')}`);
  }
}

type Environment = Record<string, string | undefined>;

/** Reads variables and collects what is wrong with them instead of stopping at the first. */
class EnvironmentReader {
  readonly problems: string[] = [];

  constructor(private readonly env: Environment) {}

  text(name: string): string | undefined {
    const value = this.env[name]?.trim();
    return value === undefined || value === '' ? undefined : value;
  }

  integer(name: string, fallback: number, min: number, max: number): number {
    const value = this.text(name);
    if (value === undefined) return fallback;
    const number = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
    if (number >= min && number <= max) return number;
    this.problems.push(`${name} must be a whole number from ${min} to ${max}, not "${value}"`);
    return fallback;
  }

  oneOf<T extends string>(name: string, fallback: T, allowed: readonly T[]): T {
    const value = this.text(name);
    if (value === undefined) return fallback;
    const found = allowed.find((a) => a === value);
    if (found !== undefined) return found;
    this.problems.push(`${name} must be one of ${allowed.join(', ')}, not "${value}"`);
    return fallback;
  }

  databaseUrl(name: string): string | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (!/^postgres(ql)?:\/\//.test(value) || !URL.canParse(value)) {
      // The value may hold a password, so it is not repeated.
      this.problems.push(`${name} must be a URL of the form postgresql://user:password@host/name`);
    }
    return value;
  }

  flag(name: string): boolean {
    return this.oneOf(name, 'false', ['true', 'false']) === 'true';
  }

  /** A text that must match; it may be a secret, so it is not repeated. */
  matching(name: string, pattern: RegExp, form: string): string | undefined {
    const value = this.text(name);
    if (value === undefined || pattern.test(value)) return value;
    this.problems.push(`${name} must be ${form}`);
    return undefined;
  }

  url(name: string, protocols: readonly string[], form: string): string | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const url = URL.parse(value);
    if (url && protocols.includes(url.protocol) && url.hostname !== '') return value;
    this.problems.push(`${name} must be ${form}`);
    return undefined;
  }

  /** A cron pattern, in UTC; undefined where it is `off`. */
  schedule(name: string, fallback: string): string | undefined {
    const value = this.text(name) ?? fallback;
    if (value === 'off') return undefined;
    if (isSchedule(value)) return value;
    const form = `a cron pattern of five or six fields such as "${fallback}", or "off"`;
    this.problems.push(`${name} must be ${form}, not "${value}"`);
    return undefined;
  }

  key(name: string): Uint8Array | undefined {
    const form = '32 bytes, as 64 hexadecimal digits or in base64';
    const value = this.matching(name, /^([\da-f]{64}|[a-z\d+/_-]{43}=?)$/i, form);
    if (value === undefined) return undefined;
    return Buffer.from(value, value.length === 64 ? 'hex' : 'base64');
  }

  adminApiKey(name: string): string | undefined {
    const value = this.text(name);
    if (value !== undefined && !/^[\x21-\x7e]{16,255}$/.test(value)) {
      this.problems.push(`${name} must be 16 to 255 printable characters without spaces`);
    }
    return value;
  }
}

/** Whether a pattern is one, and there is a next time. */
function isSchedule(pattern: string): boolean {
  if (!/^\S+( +\S+){4,5}$/.test(pattern)) return false;
  try {
    return getNextMillis(Date.now(), { pattern, tz: 'UTC' }) !== undefined;
  } catch {
    return false;
  }
}

const ADDRESS = String.raw`[^\s\p{Cc}<>@,;:"()\[\]\\]+@[a-z\d](?:[a-z\d.-]*[a-z\d])?`;
const NAME = String.raw`(?:"[^"\\\p{Cc}]*"|[^"\\<>@,;:()\p{Cc}]*)`;
const MAILBOX = new RegExp(`^(?:${NAME}\\s*<${ADDRESS}>|${ADDRESS})$`, 'iu');

const PUBLIC_KEY = String.raw`\s*[^\s+,\p{C}]+\+[\da-f]{8}\+[A-Za-z\d+/]{44}\s*`;
const PUBLIC_KEYS = new RegExp(`^${PUBLIC_KEY}(?:,${PUBLIC_KEY})*$`, 'u');

/** What servers other than Amazon's take for a region where none is set. */
const ANY_REGION = 'us-east-1';

function readAdapters(read: EnvironmentReader, dataDir: string): AdapterConfig {
  const mailboxForm = 'a mailbox of the form Name <name@example.com>';
  return {
    dataDir,
    smtpUrl: read.url('SMTP_URL', ['smtp:', 'smtps:'], 'a URL of the form smtps://user:key@host'),
    mailFrom: read.matching('MAIL_FROM', MAILBOX, mailboxForm) ?? 'Truebook <truebook@localhost>',
    objectStore: readObjectStore(read),
    webhooks: {
      allowHttp: read.flag('WEBHOOK_ALLOW_HTTP'),
      allowPrivateAddresses: read.flag('WEBHOOK_ALLOW_PRIVATE_ADDRESSES'),
    },
    secretsKey: read.key('SECRETS_KEY'),
  };
}

function readCheckpoints(
  read: EnvironmentReader,
  { dataDir, objectStore }: AdapterConfig,
): CheckpointConfig {
  const directory = read.text('CHECKPOINTS_DIR');
  const originForm = '1 to 200 characters without spaces, plus signs and commas';
  const keysForm = 'public keys as "npm run checkpoint -- --public-key" prints them, with commas';
  return {
    dataDir,
    objectStore,
    directory: directory === undefined ? undefined : resolve(directory),
    key: read.key('CHECKPOINT_KEY'),
    origin: read.matching('CHECKPOINT_ORIGIN', /^[^\s+,\p{C}]{1,200}$/u, originForm),
    publicKeys: read
      .matching('CHECKPOINT_PUBLIC_KEYS', PUBLIC_KEYS, keysForm)
      ?.split(',')
      .map((key) => key.trim()),
  };
}

function readObjectStore(read: EnvironmentReader): ObjectStoreConfig | undefined {
  const bucketForm = '3 to 255 letters, digits, dots, hyphens and underscores';
  const endpoint = read.url('S3_ENDPOINT', ['http:', 'https:'], 'a URL of the form https://host');
  const bucket = read.matching('S3_BUCKET', /^[a-z\d][\w.-]{2,254}$/i, bucketForm);
  const accessKeyId = read.text('S3_ACCESS_KEY_ID');
  const secretAccessKey = read.text('S3_SECRET_ACCESS_KEY');
  const needed = ['S3_BUCKET', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'];
  const names = [...needed, 'S3_ENDPOINT', 'S3_REGION'];
  if (!names.some((name) => read.text(name) !== undefined)) return undefined;
  // Amazon's endpoint follows from the region; other servers have an endpoint and any region.
  if (read.text('S3_ENDPOINT') === undefined) needed.push('S3_REGION');
  for (const name of needed) {
    if (read.text(name) !== undefined) continue;
    read.problems.push(`${name} must be set where other S3_ variables are`);
  }
  const region = read.text('S3_REGION') ?? ANY_REGION;
  if (!bucket || !accessKeyId || !secretAccessKey) return undefined;
  return { endpoint, region, bucket, accessKeyId, secretAccessKey };
}

/**
 * Everything that can be set from outside; validated once, at the start, with every problem
 * printed at once. The only reader of `process.env`. Times are milliseconds.
 */
export class Config {
  private constructor(
    readonly host: string,
    readonly port: number,
    /** Absolute path of the folder of the embedded PostgreSQL, the admin key and the logs. */
    readonly dataDir: string,
    readonly logDatabaseUrl: string | undefined,
    readonly stateDatabaseUrl: string | undefined,
    readonly adminApiKey: string | undefined,
    readonly role: 'api' | 'worker' | 'all',
    readonly logLevel: 'silent' | 'error' | 'warn' | 'info' | 'debug',
    readonly readPoolSize: number,
    readonly engine: EngineLimits,
    readonly tasks: TaskLimits,
    /** BullMQ's Redis; unset: BullMQ on the state database's PostgreSQL. */
    readonly redisUrl: string | undefined,
    /** What the keys in Redis begin with; installations that share one differ in it. */
    readonly redisPrefix: string,
    readonly adapters: AdapterConfig,
    readonly checkpoints: CheckpointConfig,
    readonly schedules: ScheduleConfig,
  ) {}

  /** @throws ConfigError naming every variable that is wrong. */
  static load(env: Environment = process.env): Config {
    const read = new EnvironmentReader(env);
    const dataDir = resolve(read.text('DATA_DIR') ?? '.data');
    const adapters = readAdapters(read, dataDir);
    const config = new Config(
      read.text('HOST') ?? '127.0.0.1',
      read.integer('PORT', 3000, 0, 65_535),
      dataDir,
      read.databaseUrl('LOG_DATABASE_URL'),
      read.databaseUrl('STATE_DATABASE_URL'),
      read.adminApiKey('ADMIN_API_KEY'),
      read.oneOf('ROLE', 'all', ['api', 'worker', 'all']),
      read.oneOf('LOG_LEVEL', 'info', ['silent', 'error', 'warn', 'info', 'debug']),
      read.integer('READ_POOL_SIZE', 10, 1, 200),
      {
        queueLimit: read.integer('QUEUE_LIMIT', 10_000, 1, 1_000_000),
        batchLimit: read.integer('BATCH_LIMIT', 256, 1, 10_000),
        lockTimeoutMs: read.integer('LOCK_TIMEOUT_MS', 5_000, 10, 600_000),
        statementTimeoutMs: read.integer('STATEMENT_TIMEOUT_MS', 30_000, 100, 3_600_000),
        recoveryTimeoutMs: read.integer('RECOVERY_TIMEOUT_MS', 60_000, 100, 3_600_000),
      },
      {
        windowTasks: read.integer('TASK_WINDOW', 10_000, 1, 1_000_000),
        pollMs: read.integer('TASK_POLL_MS', 1_000, 10, 600_000),
        sweepMs: read.integer('TASK_SWEEP_MS', 5_000, 10, 3_600_000),
        graceMs: read.integer('TASK_GRACE_MS', 30_000, 10, 3_600_000),
        backoffMs: read.integer('TASK_BACKOFF_MS', 1_000, 1, 3_600_000),
        maxBackoffMs: read.integer('TASK_MAX_BACKOFF_MS', 600_000, 1, 86_400_000),
        lockMs: read.integer('TASK_LOCK_MS', 15_000, 100, 3_600_000),
      },
      read.url('REDIS_URL', ['redis:', 'rediss:'], 'a URL of the form redis://user:key@host'),
      read.matching('REDIS_PREFIX', /^[\w.-]{1,64}$/, '1 to 64 of A-Z a-z 0-9 . _ -') ?? 'truebook',
      adapters,
      readCheckpoints(read, adapters),
      {
        verify: read.schedule('VERIFY_SCHEDULE', '0 3 * * *'),
        checkpoint: read.schedule('CHECKPOINT_SCHEDULE', '0 * * * *'),
      },
    );
    if ((config.logDatabaseUrl === undefined) !== (config.stateDatabaseUrl === undefined)) {
      read.problems.push('LOG_DATABASE_URL and STATE_DATABASE_URL must be set together');
    }
    if (config.logDatabaseUrl !== undefined && config.logDatabaseUrl === config.stateDatabaseUrl) {
      read.problems.push('LOG_DATABASE_URL and STATE_DATABASE_URL must be two databases');
    }
    if (read.problems.length > 0) throw new ConfigError(read.problems);
    return config;
  }
}
