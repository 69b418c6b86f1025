import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Adapters } from '../../../src/outside/adapters/adapters';
import { Config } from '../../../src/config';
import { MailServer } from '../../harness/mail-server';

const ID = '0192aaaa-0000-5000-8000-000000000001';
const MAIL = { to: 'ann@customer.example', subject: 'Hello', text: 'Hello\n' };
const signal = new AbortController().signal;

describe('the adapters', () => {
  let dataDir: string;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'adapters-'));
  });

  afterEach(() => rm(dataDir, { recursive: true }));

  it('keep everything in the data directory where nothing is set', async () => {
    const adapters = await Adapters.open(Config.load({ DATA_DIR: dataDir }).adapters);
    await adapters.mailer.send(MAIL, { messageId: ID, signal });
    await adapters.objects.put('orders/1.json', Buffer.from('{}'), 'application/json', { signal });
    expect(adapters.seal.open(adapters.seal.seal('secret'))).toBe('secret');
    expect((await readdir(dataDir)).sort()).toEqual(['objects', 'outbox', 'secrets-key']);
    expect(adapters.status()).toEqual(
      ['mailer', 'objects', 'webhooks'].map((name) => ({ name, state: 'closed', open: 0 })),
    );
    await adapters.close();
  });

  it('use what is set, open while it is away, and tell so', async () => {
    const server = await MailServer.start();
    const { url } = server;
    await server.close();
    const env = { DATA_DIR: dataDir, SMTP_URL: url, SECRETS_KEY: '00'.repeat(32) };
    const adapters = await Adapters.open(Config.load(env).adapters);
    for (let i = 0; i < 5; i++) {
      await expect(adapters.mailer.send(MAIL, { messageId: ID, signal })).rejects.toThrow(
        'The mail server could not be reached: ECONNREFUSED',
      );
    }
    expect(adapters.status()[0]).toEqual({ name: 'mailer', state: 'open', open: 1 });
    expect(await readdir(dataDir)).toEqual([]);
    const https = 'https://127.0.0.1:8443/';
    const delivery = { url: https, secrets: [], id: ID, timestamp: new Date(), body: '{}' };
    await expect(adapters.webhooks.send(delivery, { signal })).rejects.toThrow(
      'The URL of the webhook must not lead to a private or reserved address',
    );
    await adapters.close();
  });
});
