import { resolve } from 'node:path';

/** What is wrong with the environment; every problem is listed, one a line. */
export class ConfigError extends Error {
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

  adminApiKey(name: string): string | undefined {
    const value = this.text(name);
    if (value !== undefined && !/^[\x21-\x7e]{16,255}$/.test(value)) {
      this.problems.push(`${name} must be 16 to 255 printable characters without spaces`);
    }
    return value;
  }
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
  ) {}

  /** @throws ConfigError naming every variable that is wrong. */
  static load(env: Environment = process.env): Config {
    const read = new EnvironmentReader(env);
    const config = new Config(
      read.text('HOST') ?? '127.0.0.1',
      read.integer('PORT', 3000, 0, 65_535),
      resolve(read.text('DATA_DIR') ?? '.data'),
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

/** The named bounds of the write path. */
export interface EngineLimits {
  /** Commands that may wait in one process; one more is refused with `ledger_unavailable`. */
  readonly queueLimit: number;
  /** Commands that one locked transaction pair commits together. */
  readonly batchLimit: number;
  /** How long a batch waits for the locks before its commands are refused. */
  readonly lockTimeoutMs: number;
  /** How long one statement of the write path may run. */
  readonly statementTimeoutMs: number;
  /** How long the answer of a command that has (perhaps) happened is held back for healing. */
  readonly recoveryTimeoutMs: number;
}
