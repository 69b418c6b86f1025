import {
  Choice,
  DatabaseUrl,
  Folder,
  Group,
  Integer,
  Matching,
  PlainText,
  problemsOf,
  readSettings,
  TimeZone,
  Together,
  Url,
  type Environment,
} from './config-fields';
import type { DatabaseUrls } from './database/connections';
import { StartFailed } from './http/start-failure';
import {
  DATA_DIR,
  EngineSettings,
  HttpSettings,
  ReadSettings,
  TaskSettings,
  EventSettings,
  AdapterSettings,
  CheckpointSettings,
  ScheduleSettings,
} from './config-groups';

/** What is wrong with the environment; every problem is listed, one a line. */
export class ConfigError extends StartFailed {
  constructor(readonly problems: string[]) {
    super(`The configuration is not valid:\n${problems.map((p) => `  - ${p}`).join('\n')}`);
  }
}

function pairOf(log: string | undefined, state: string | undefined): DatabaseUrls | undefined {
  return log === undefined || state === undefined ? undefined : { log, state };
}

const ROLES = ['api', 'worker', 'all'] as const;
const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;

/**
 * Everything that can be set from outside; validated once, at the start, with every problem
 * printed at once. The only reader of `process.env`. Times are milliseconds.
 */
export class Config {
  @PlainText({ variable: 'HOST', default: '127.0.0.1' })
  readonly host!: string;

  @Integer({ variable: 'PORT', default: 3000, min: 0, max: 65_535 })
  readonly port!: number;

  /** Absolute path of the folder of the embedded PostgreSQL, the admin key and the logs. */
  @Folder(DATA_DIR)
  readonly dataDir!: string;

  @DatabaseUrl({ variable: 'LOG_DATABASE_URL' })
  readonly logDatabaseUrl: string | undefined;

  @Together<Config>(
    'bothDatabases',
    (config) => (config.logDatabaseUrl === undefined) === (config.stateDatabaseUrl === undefined),
    'LOG_DATABASE_URL and STATE_DATABASE_URL must be set together',
  )
  @Together<Config>(
    'twoDatabases',
    ({ logDatabaseUrl: log, stateDatabaseUrl: state }) => log === undefined || log !== state,
    'LOG_DATABASE_URL and STATE_DATABASE_URL must be two databases',
  )
  @DatabaseUrl({ variable: 'STATE_DATABASE_URL' })
  readonly stateDatabaseUrl: string | undefined;

  /** What the service logs in with, which owns nothing. Unset: the start makes a login. */
  @DatabaseUrl({ variable: 'LOG_SERVICE_URL' })
  readonly logServiceUrl: string | undefined;

  @Together<Config>(
    'bothServices',
    (config) => (config.logServiceUrl === undefined) === (config.stateServiceUrl === undefined),
    'LOG_SERVICE_URL and STATE_SERVICE_URL must be set together',
  )
  @Together<Config>(
    'twoServices',
    ({ logServiceUrl: log, stateServiceUrl: state }) => log === undefined || log !== state,
    'LOG_SERVICE_URL and STATE_SERVICE_URL must be two databases',
  )
  @DatabaseUrl({ variable: 'STATE_SERVICE_URL' })
  readonly stateServiceUrl: string | undefined;

  @Matching({
    variable: 'ADMIN_API_KEY',
    pattern: /^[\x21-\x7e]{16,255}$/,
    form: '16 to 255 printable characters without spaces',
  })
  readonly adminApiKey: string | undefined;

  @Choice({ variable: 'ROLE', default: 'all', values: ROLES })
  readonly role!: (typeof ROLES)[number];

  @Choice({ variable: 'LOG_LEVEL', default: 'info', values: LOG_LEVELS })
  readonly logLevel!: (typeof LOG_LEVELS)[number];

  /** Whose days the books count. */
  @TimeZone({ variable: 'BOOK_TIME_ZONE', default: 'UTC' })
  readonly timeZone!: string;

  @Group(() => EngineSettings)
  readonly engine!: EngineSettings;

  @Group(() => HttpSettings)
  readonly http!: HttpSettings;

  @Group(() => ReadSettings)
  readonly reads!: ReadSettings;

  @Group(() => TaskSettings)
  readonly tasks!: TaskSettings;

  @Group(() => EventSettings)
  readonly events!: EventSettings;

  /** BullMQ's Redis; unset: BullMQ on the state database's PostgreSQL. */
  @Url({ variable: 'REDIS_URL', protocols: ['redis:', 'rediss:'], form: 'redis://user:key@host' })
  readonly redisUrl: string | undefined;

  /** What the keys in Redis begin with; installations that share one differ in it. */
  @Matching({
    variable: 'REDIS_PREFIX',
    default: 'truebook',
    pattern: /^[\w.-]{1,64}$/,
    form: '1 to 64 of A-Z a-z 0-9 . _ -',
  })
  readonly redisPrefix!: string;

  @Group(() => AdapterSettings)
  readonly adapters!: AdapterSettings;

  @Group(() => CheckpointSettings)
  readonly checkpoints!: CheckpointSettings;

  @Group(() => ScheduleSettings)
  readonly schedules!: ScheduleSettings;

  /** The databases as their owners; undefined: embedded ones, or none that this process knows. */
  get owners(): DatabaseUrls | undefined {
    return pairOf(this.logDatabaseUrl, this.stateDatabaseUrl);
  }

  /** The databases as the service is to log in. */
  get services(): DatabaseUrls | undefined {
    return pairOf(this.logServiceUrl, this.stateServiceUrl);
  }

  /** Without what only the start needs: a service that runs keeps no owner's password. */
  withoutOwners(): Config {
    for (const name of ['LOG_DATABASE_URL', 'STATE_DATABASE_URL']) delete process.env[name];
    const kept: Config = Object.create(Config.prototype) as Config;
    return Object.assign(kept, this, { logDatabaseUrl: undefined, stateDatabaseUrl: undefined });
  }

  /** @throws ConfigError naming every variable that is wrong. */
  static load(env: Environment = process.env): Config {
    const config = readSettings(Config, env);
    const problems = problemsOf(config);
    if (problems.length > 0) throw new ConfigError(problems);
    return config;
  }
}
