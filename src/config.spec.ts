import { resolve } from 'node:path';
import { Config, ConfigError } from './config';

const URLS = {
  LOG_DATABASE_URL: 'postgresql://owner:hunter2@db/log',
  STATE_DATABASE_URL: 'postgres://owner:hunter2@db/state',
};

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    Config.load(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('Config', () => {
  it('has a default for everything', () => {
    expect(Config.load({})).toMatchObject({
      host: '127.0.0.1',
      port: 3000,
      dataDir: resolve('.data'),
      logDatabaseUrl: undefined,
      stateDatabaseUrl: undefined,
      adminApiKey: undefined,
      role: 'all',
    });
  });

  it('takes empty variables as unset, as .env files and containers give them', () => {
    expect(Config.load({ PORT: '', HOST: ' ', ROLE: '', LOG_DATABASE_URL: '' })).toEqual(
      Config.load({}),
    );
  });

  it('reads what is set', () => {
    const config = Config.load({
      ...URLS,
      ...{ PORT: '8080', HOST: '0.0.0.0', DATA_DIR: '/srv/books', ROLE: 'api' },
      ADMIN_API_KEY: 'a-key-that-is-long-enough',
      QUEUE_LIMIT: '7',
    });
    expect(config).toMatchObject({
      ...{ port: 8080, host: '0.0.0.0', dataDir: '/srv/books', role: 'api' },
      logDatabaseUrl: URLS.LOG_DATABASE_URL,
      stateDatabaseUrl: URLS.STATE_DATABASE_URL,
      adminApiKey: 'a-key-that-is-long-enough',
      engine: { queueLimit: 7 },
    });
  });

  it('names every problem at once', () => {
    const problems = problemsOf({
      ...{ PORT: '70000', ROLE: 'boss', ADMIN_API_KEY: 'short', LOG_LEVEL: 'loud' },
      LOG_DATABASE_URL: 'mysql://db/log',
      QUEUE_LIMIT: '0',
    });
    for (const name of ['PORT', 'ROLE', 'ADMIN_API_KEY', 'LOG_LEVEL', 'LOG_DATABASE_URL']) {
      expect(problems.filter((p) => p.startsWith(`${name} must`))).toHaveLength(1);
    }
    expect(problems).toContainEqual(expect.stringMatching(/^QUEUE_LIMIT must/));
    expect(problems).toContainEqual(expect.stringMatching(/must be set together/));
  });

  it.each(['abc', '-1', '65536', '1e3', '80.5', '0x50', ' 80 80'])(
    'refuses the port %j',
    (port) => {
      expect(problemsOf({ PORT: port })).toHaveLength(1);
    },
  );

  it.each([
    { LOG_DATABASE_URL: URLS.LOG_DATABASE_URL },
    { STATE_DATABASE_URL: URLS.STATE_DATABASE_URL },
    { LOG_DATABASE_URL: URLS.LOG_DATABASE_URL, STATE_DATABASE_URL: URLS.LOG_DATABASE_URL },
  ])('wants two databases or none: %j', (env) => {
    expect(problemsOf(env)).toHaveLength(1);
  });

  it('does not repeat secrets', () => {
    const problems = problemsOf({
      LOG_DATABASE_URL: 'http://owner:hunter2@db/log',
      STATE_DATABASE_URL: 'hunter2',
      ADMIN_API_KEY: 'hunter2',
    });
    expect(problems).toHaveLength(3);
    expect(problems.join()).not.toContain('hunter2');
  });
});
