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

  it('takes the names of time zones', () => {
    expect(Config.load({}).timeZone).toBe('UTC');
    expect(Config.load({ BOOK_TIME_ZONE: 'Europe/Berlin' }).timeZone).toBe('Europe/Berlin');
    for (const text of ['Europe/Atlantis', '+01:00']) {
      expect(problemsOf({ BOOK_TIME_ZONE: text })).toEqual([
        `BOOK_TIME_ZONE must be the name of a time zone such as "Europe/Berlin", not "${text}"`,
      ]);
    }
  });

  it('takes "off" for no limit', () => {
    const limitOf = (text: string) => Config.load({ RATE_LIMIT_PER_ADDRESS: text }).http;
    expect(limitOf('').ratePerAddress).toBe(1_000);
    expect(limitOf('5').ratePerAddress).toBe(5);
    expect(limitOf('off').ratePerAddress).toBeUndefined();
    for (const text of ['0', 'many', '1.5']) {
      expect(problemsOf({ RATE_LIMIT_PER_ADDRESS: text })).toEqual([
        `RATE_LIMIT_PER_ADDRESS must be a whole number from 1 to 1000000, or off, not "${text}"`,
      ]);
    }
  });

  it('lets one address have half of the connections', () => {
    const limitOf = (env: Record<string, string>) => Config.load(env).http.connectionsPerAddress;
    expect(limitOf({})).toBe(1_000);
    expect(limitOf({ MAX_CONNECTIONS: '10' })).toBe(5);
    expect(limitOf({ MAX_CONNECTIONS_PER_ADDRESS: '7' })).toBe(7);
    expect(limitOf({ MAX_CONNECTIONS_PER_ADDRESS: 'off' })).toBeUndefined();
    expect(problemsOf({ MAX_CONNECTIONS: 'many' })).toHaveLength(1);
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

  describe('of the adapters', () => {
    const S3 = {
      ...{ S3_ENDPOINT: 'http://127.0.0.1:9000', S3_BUCKET: 'books', S3_REGION: 'eu-central-1' },
      ...{ S3_ACCESS_KEY_ID: 'id', S3_SECRET_ACCESS_KEY: 'hunter2' },
    };

    it('keeps everything in the data directory by default, and lets nothing private out', () => {
      expect(Config.load({ DATA_DIR: '/srv/books' }).adapters).toEqual({
        dataDir: '/srv/books',
        smtpUrl: undefined,
        mailFrom: 'Truebook <truebook@localhost>',
        objectStore: undefined,
        webhooks: { allowHttp: false, allowPrivateAddresses: false },
        secretsKey: undefined,
      });
    });

    it('reads what is set', () => {
      const { adapters } = Config.load({
        ...S3,
        ...{ SMTP_URL: 'smtps://user:hunter2@mail.example:465', MAIL_FROM: 'a@books.example' },
        ...{ WEBHOOK_ALLOW_HTTP: 'true', WEBHOOK_ALLOW_PRIVATE_ADDRESSES: 'true' },
        SECRETS_KEY: 'ff'.repeat(32),
      });
      expect(adapters).toMatchObject({
        smtpUrl: 'smtps://user:hunter2@mail.example:465',
        mailFrom: 'a@books.example',
        objectStore: {
          ...{ endpoint: 'http://127.0.0.1:9000', bucket: 'books', region: 'eu-central-1' },
          ...{ accessKeyId: 'id', secretAccessKey: 'hunter2' },
        },
        webhooks: { allowHttp: true, allowPrivateAddresses: true },
        secretsKey: Buffer.alloc(32, 0xff),
      });
    });

    it.each([
      ['an endpoint and any region', { S3_REGION: '' }, 'us-east-1'],
      ['a region and the endpoint that follows from it', { S3_ENDPOINT: '' }, 'eu-central-1'],
    ])('takes %s', (_name, over, region) => {
      expect(Config.load({ ...S3, ...over }).adapters.objectStore?.region).toBe(region);
    });

    it.each([
      ['S3_BUCKET', {}],
      ['S3_ACCESS_KEY_ID', {}],
      ['S3_SECRET_ACCESS_KEY', {}],
      ['S3_REGION', { S3_ENDPOINT: '' }],
    ])('wants %s with the others', (name, over) => {
      const problem = `${name} must be set where other S3_ variables are`;
      expect(problemsOf({ ...S3, ...over, [name]: '' })).toEqual([problem]);
    });

    it.each([
      'books@truebook.example',
      'The Books <books@truebook.example>',
      '"Books, Ltd." <books@truebook.example>',
      '<books@localhost>',
      'Büro <büro@truebook.example>',
    ])('takes the mailbox %s', (mailbox) => {
      expect(Config.load({ MAIL_FROM: mailbox }).adapters.mailFrom).toBe(mailbox);
    });

    it.each([
      'books',
      'books@',
      '@truebook.example',
      'a@b.example, c@d.example',
      'a@b.example c@d.example',
      'Books, Ltd. <books@truebook.example>',
      'Books <books@truebook.example>\r\nBcc: eve@evil.example',
      'Books\nBcc: eve@evil.example <books@truebook.example>',
      'Books <books@truebook.example> <c@d.example>',
      'books@-truebook.example',
    ])('takes no %j for a mailbox', (mailbox) => {
      expect(problemsOf({ MAIL_FROM: mailbox })).toEqual([
        'MAIL_FROM must be a mailbox of the form Name <name@example.com>',
      ]);
    });

    it.each([
      Buffer.alloc(32, 7).toString('base64'),
      Buffer.alloc(32, 7).toString('base64url'),
      Buffer.alloc(32, 7).toString('hex'),
    ])('takes a key of 32 bytes: %s', (key) => {
      const { secretsKey } = Config.load({ SECRETS_KEY: key }).adapters;
      expect(secretsKey).toEqual(Buffer.alloc(32, 7));
    });

    it('names every problem at once, and repeats no secrets', () => {
      const problems = problemsOf({
        ...{ SMTP_URL: 'https://hunter2@mail', MAIL_FROM: 'hunter2', SECRETS_KEY: 'hunter2' },
        ...{ WEBHOOK_ALLOW_HTTP: 'yes', WEBHOOK_ALLOW_PRIVATE_ADDRESSES: '1' },
        ...{ S3_ENDPOINT: 'hunter2', S3_BUCKET: '../hunter2', S3_ACCESS_KEY_ID: 'hunter2' },
      });
      expect(problems.map((problem) => problem.split(' ')[0]).sort()).toEqual([
        ...['MAIL_FROM', 'S3_BUCKET', 'S3_ENDPOINT', 'S3_SECRET_ACCESS_KEY', 'SECRETS_KEY'],
        ...['SMTP_URL', 'WEBHOOK_ALLOW_HTTP', 'WEBHOOK_ALLOW_PRIVATE_ADDRESSES'],
      ]);
      expect(problems.join()).not.toContain('hunter2');
    });
  });

  describe('of checkpoints', () => {
    const PUBLIC_KEY = 'books.example/a+3245c9d2+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs';

    it('keeps them in the data directory by default, signed with a key that is made', () => {
      expect(Config.load({ DATA_DIR: '/srv/books' }).checkpoints).toEqual({
        ...{ dataDir: '/srv/books', objectStore: undefined, directory: undefined },
        ...{ key: undefined, origin: undefined, publicKeys: undefined },
      });
    });

    it('reads what is set', () => {
      const { checkpoints } = Config.load({
        CHECKPOINTS_DIR: 'elsewhere',
        CHECKPOINT_KEY: 'ff'.repeat(32),
        CHECKPOINT_ORIGIN: 'books.example/main',
        CHECKPOINT_PUBLIC_KEYS: `${PUBLIC_KEY} , ${PUBLIC_KEY}`,
      });
      expect(checkpoints).toMatchObject({
        directory: resolve('elsewhere'),
        key: Buffer.alloc(32, 0xff),
        origin: 'books.example/main',
        publicKeys: [PUBLIC_KEY, PUBLIC_KEY],
      });
    });

    it.each([
      ['CHECKPOINT_KEY', 'hunter2'],
      ['CHECKPOINT_ORIGIN', 'my books'],
      ['CHECKPOINT_ORIGIN', 'a+b'],
      ['CHECKPOINT_ORIGIN', 'a,b'],
      ['CHECKPOINT_ORIGIN', 'a\nb'],
      ['CHECKPOINT_PUBLIC_KEYS', 'hunter2'],
      ['CHECKPOINT_PUBLIC_KEYS', `${PUBLIC_KEY},`],
      ['CHECKPOINT_PUBLIC_KEYS', `${PUBLIC_KEY} ${PUBLIC_KEY}`],
    ])('refuses %s=%j', (name, value) => {
      expect(problemsOf({ [name]: value })).toEqual([
        expect.stringMatching(new RegExp(`^${name} must be `)),
      ]);
    });
  });

  it('reads schedules, in UTC, or none', () => {
    expect(Config.load({}).schedules).toEqual({ verify: '0 3 * * *', checkpoint: '0 * * * *' });
    const { schedules } = Config.load({
      VERIFY_SCHEDULE: 'off',
      CHECKPOINT_SCHEDULE: '*/5 * * * * *',
    });
    expect(schedules).toEqual({ verify: undefined, checkpoint: '*/5 * * * * *' });
    const wrong = ['never', '0 3 * *', '61 * * * *', '0 0 31 2 *', '* * * * * * *', '0 3 * * x'];
    for (const VERIFY_SCHEDULE of wrong) {
      expect(problemsOf({ VERIFY_SCHEDULE })).toEqual([
        'VERIFY_SCHEDULE must be a cron pattern of five or six fields such as "0 3 * * *", ' +
          `or "off", not "${VERIFY_SCHEDULE}"`,
      ]);
    }
  });
});
