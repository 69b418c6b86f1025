import { createHmac } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { DEFAULT_BREAKER, ServiceAway } from '../../../src/outside/adapters/breaker';
import {
  HttpWebhookSender,
  type ResolvedAddress,
  type WebhookSenderOptions,
} from '../../../src/outside/adapters/webhook-sender';
import { OtherSideAway, PermanentFailure } from '../../../src/engine/define/task-handler';
import { waitFor } from '../../harness/waiting';
import { makeCertificate } from './certificate';
import { WebhookReceiver } from './webhook-receiver';

const SECRETS = [27, 31].map((byte) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`);
const DELIVERY = {
  secrets: [SECRETS[0]!],
  id: '0192aaaa-0000-5000-8000-000000000001',
  timestamp: new Date(),
  body: JSON.stringify({ type: 'AccountOpened', data: { name: 'Zoë', amount: '1.00' } }),
};
const OPEN = { allowHttp: true, allowPrivateAddresses: true };
const CLOSED = { allowHttp: false, allowPrivateAddresses: false };
const NAME = 'hooks.example';
const signal = new AbortController().signal;
/** Long enough that what is expected of an open circuit comes before its next probe. */
const BREAKER = { ...DEFAULT_BREAKER, minOpenMs: 1_000, maxOpenMs: 1_000 };

const LOOPBACK = { address: '127.0.0.1', family: 4 };
const resolve = () => Promise.resolve([LOOPBACK]);

function senderTo(options: WebhookSenderOptions = {}, policy = OPEN): HttpWebhookSender {
  return new HttpWebhookSender(policy, { resolve, ...options });
}

// Receivers refuse what is older than five minutes, and a suite is loaded long before it ends.
beforeEach(() => void (DELIVERY.timestamp = new Date()));

async function failureOf(attempt: Promise<unknown>): Promise<Error> {
  return attempt.then(
    () => Promise.reject(new Error('It did not fail')),
    (error: Error) => error,
  );
}

describe('a webhook', () => {
  let receiver: WebhookReceiver;
  let sender: HttpWebhookSender;

  beforeEach(async () => {
    receiver = await WebhookReceiver.start();
    sender = senderTo({ breaker: BREAKER });
  });

  afterEach(() => receiver.close());

  const send = (over: Partial<typeof DELIVERY & { url: string }> = {}, by = sender) =>
    by.send({ url: receiver.url(), ...DELIVERY, ...over }, { signal });

  it('is one POST with the bytes of the body', async () => {
    await expect(send()).resolves.toEqual({ status: 204 });
    expect(receiver.requests).toHaveLength(1);
    expect(receiver.requests[0]).toMatchObject({
      method: 'POST',
      url: '/hooks?token=s3cret',
      headers: {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(DELIVERY.body)),
        'webhook-id': DELIVERY.id,
        host: `127.0.0.1:${receiver.port}`,
      },
      body: DELIVERY.body,
    });
  });

  it('is signed as the specification says, by each secret', async () => {
    await send({ secrets: SECRETS });
    const { headers, body } = receiver.requests[0]!;
    const seconds = Math.floor(DELIVERY.timestamp.getTime() / 1000);
    expect(headers['webhook-timestamp']).toBe(String(seconds));
    const signatures = SECRETS.map((secret) => {
      const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
      const signed = `${DELIVERY.id}.${seconds}.${body}`;
      return `v1,${createHmac('sha256', key).update(signed, 'utf8').digest('base64')}`;
    });
    expect(headers['webhook-signature']).toBe(signatures.join(' '));
    const sent = headers as Record<string, string>;
    for (const secret of SECRETS) {
      expect(new Webhook(secret).verify(body, sent)).toEqual(JSON.parse(DELIVERY.body));
      expect(() => new Webhook(secret).verify(`${body} `, sent)).toThrow('No matching signature');
    }
    const other = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
    expect(() => new Webhook(other).verify(body, sent)).toThrow('No matching signature');
  });

  it.each(['whsec_', 'whsec_***', ''])('needs a valid secret, not %j', async (secret) => {
    const error = await failureOf(send({ secrets: [SECRETS[0]!, secret] }));
    expect(error).toBeInstanceOf(PermanentFailure);
    expect(error.message).toBe('A secret of the webhook is not valid');
    expect(receiver.connections).toBe(0);
  });

  it.each([200, 201, 202, 204, 299])('is delivered by %i', async (status) => {
    receiver.behave = (_request, _incoming, response) => void response.writeHead(status).end('ok');
    await expect(send()).resolves.toEqual({ status });
  });

  it.each([
    [400, Error],
    [401, Error],
    [404, Error],
    [408, ServiceAway],
    [421, ServiceAway],
    [429, ServiceAway],
    [500, ServiceAway],
    [503, ServiceAway],
  ])('is tried again after %i', async (status, kind) => {
    receiver.behave = (_request, _incoming, response) => {
      response.writeHead(status).end('a secret of the receiver');
    };
    const error = await failureOf(send());
    expect(error).toBeInstanceOf(kind);
    expect(error).not.toBeInstanceOf(PermanentFailure);
    expect(error instanceof ServiceAway).toBe(kind === ServiceAway);
    expect(error.message).toBe(`The receiver answered ${status}`);
  });

  it('is given up where the receiver is gone', async () => {
    receiver.behave = (_request, _incoming, response) => void response.writeHead(410).end();
    expect(await failureOf(send())).toBeInstanceOf(PermanentFailure);
  });

  it.each([301, 302, 303, 307, 308])('follows no redirect: %i', async (status) => {
    const other = await WebhookReceiver.start();
    receiver.behave = (_request, _incoming, response) => {
      response.writeHead(status, { location: other.url() }).end();
    };
    const error = await failureOf(send());
    expect(error.message).toBe(`The receiver answered ${status}; redirects are not followed`);
    expect(error).not.toBeInstanceOf(PermanentFailure);
    expect(other.connections).toBe(0);
    await other.close();
  });

  it.each([
    ['hangs', () => undefined],
    ['answers late', (_r, _i, response) => delay(100).then(() => response.end())],
  ] satisfies [string, WebhookReceiver['behave']][])(
    'ends with the deadline where the receiver %s',
    async (_name, behave) => {
      const deadline = new AbortController();
      receiver.behave = (...parts) => {
        deadline.abort(new DOMException('late', 'TimeoutError'));
        return behave(...parts);
      };
      const delivery = { url: receiver.url(), ...DELIVERY };
      const error = await failureOf(sender.send(delivery, deadline));
      expect(error).toBeInstanceOf(ServiceAway);
      expect(error.message).toBe('The receiver gave no answer in time');
      const aborted = await failureOf(sender.send(delivery, deadline));
      expect(aborted.name).toBe('TimeoutError');
      expect(receiver.requests).toHaveLength(1);
    },
  );

  it('is delivered by the status, whatever comes of an endless answer', async () => {
    let written = 0;
    const ended = new Promise<void>((done) => {
      receiver.behave = (_request, _incoming, response) => {
        response.on('close', done);
        response.writeHead(200);
        const chunk = Buffer.alloc(16 * 1024);
        const more = () => {
          if (response.destroyed) return;
          written += chunk.length;
          response.write(chunk, () => setImmediate(more));
        };
        more();
      };
    });
    await expect(send()).resolves.toEqual({ status: 200 });
    await ended;
    expect(written).toBeLessThan(50_000_000);
  });

  it.each([
    ['cuts off', (_r, incoming) => incoming.socket.destroy()],
    ['never sends', () => undefined],
  ] as [string, WebhookReceiver['behave']][])(
    'is delivered by the status, though the receiver %s the rest of its answer',
    async (_name, then) => {
      receiver.behave = (request, incoming, response) => {
        response.writeHead(200, { 'content-length': 100 });
        response.write('ok', () => setTimeout(() => then(request, incoming, response), 20));
      };
      const delivery = { url: receiver.url(), ...DELIVERY };
      const deadline = AbortSignal.timeout(1_500);
      await expect(sender.send(delivery, { signal: deadline })).resolves.toEqual({ status: 200 });
    },
  );

  it('does not wait for an answer that trickles', async () => {
    receiver.behave = (_request, _incoming, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(timer));
    };
    const start = Date.now();
    await expect(send()).resolves.toEqual({ status: 200 });
    expect(Date.now() - start).toBeLessThan(4_000);
  });

  it.each([
    ['a connection that is cut', (_r, incoming) => void incoming.socket.destroy()],
    ['what is no HTTP', (_r, incoming) => void incoming.socket.end('220 mail.example ESMTP\r\n')],
    [
      'too long a header',
      (_r, _i, response) => void response.writeHead(200, { x: 'y'.repeat(32_768) }).end(),
    ],
    [
      'another protocol',
      (_r, incoming) =>
        void incoming.socket.write('HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    ],
  ] satisfies [string, WebhookReceiver['behave']][])(
    'is tried again after %s',
    async (_name, behave) => {
      receiver.behave = behave;
      const error = await failureOf(send());
      expect(error).toBeInstanceOf(ServiceAway);
      expect(error.message).toMatch(/^The receiver (could not be reached: [A-Z_]+|closed)/);
    },
  );

  it('slows down by host, and goes on when the receiver is back', async () => {
    const { port } = receiver;
    const url = receiver.url();
    const other = await WebhookReceiver.start();
    await receiver.close();
    for (let i = 0; i < BREAKER.failures; i++) {
      const error = await failureOf(send({ url }));
      expect(error.message).toBe('The receiver could not be reached: ECONNREFUSED');
    }
    const turnedAway = (await failureOf(send({ url }))) as OtherSideAway;
    expect(turnedAway).toBeInstanceOf(OtherSideAway);
    expect(turnedAway.retryAfterMs).toBeGreaterThan(0);
    await expect(send({ url: other.url() })).resolves.toEqual({ status: 204 });
    // A receiver may never come back, so its tasks must end: a probe counts as an attempt.
    await waitFor('a probe', async () => (await failureOf(send({ url }))) instanceof ServiceAway);
    receiver = await WebhookReceiver.start(undefined, port);
    await waitFor('the webhook', () =>
      send({ url }).then(
        () => true,
        () => false,
      ),
    );
    expect(receiver.requests).toHaveLength(1);
    await other.close();
  });

  it('repeats neither URL nor answer in its errors', async () => {
    receiver.behave = (_request, _incoming, response) => void response.writeHead(500).end('leak');
    const errors = [
      await failureOf(send()),
      await failureOf(send({ url: `http://user:s3cret@127.0.0.1:${receiver.port}/` })),
      await failureOf(send({ url: 'ftp://127.0.0.1/?token=s3cret' })),
      await failureOf(send({ url: `http://127.0.0.1:1/?token=s3cret` })),
      await failureOf(send({ url: 'http://nosuch.invalid/?s3cret' }, new HttpWebhookSender(OPEN))),
    ];
    for (const error of errors) expect(error.message).not.toMatch(/s3cret|leak|127\.|invalid$/);
  });
});

describe('where a webhook goes', () => {
  let receiver: WebhookReceiver;

  beforeEach(async () => {
    receiver = await WebhookReceiver.start();
  });

  afterEach(() => receiver.close());

  const refused = async (url: string, options: WebhookSenderOptions, policy = CLOSED) => {
    const error = await failureOf(senderTo(options, policy).send({ ...DELIVERY, url }, { signal }));
    expect(receiver.connections).toBe(0);
    return error;
  };

  it('is never a name that leads to a forbidden address', async () => {
    const policy = { allowHttp: true, allowPrivateAddresses: false };
    const forbidden = 'The name of the receiver leads to a private or reserved address';
    for (const address of ['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', '::ffff:7f00:1']) {
      const one = { address, family: address.includes(':') ? 6 : 4 };
      const resolvers = [[one], [{ address: '93.184.215.14', family: 4 }, one]];
      for (const found of resolvers) {
        const options = { resolve: () => Promise.resolve(found) };
        const error = await refused(receiver.url(NAME), options, policy);
        expect(error.message).toBe(forbidden);
        expect(error).not.toBeInstanceOf(PermanentFailure);
      }
    }
  });

  it('is never a forbidden address itself', async () => {
    for (const host of ['127.0.0.1', '2130706433', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]']) {
      const error = await refused(`https://${host}:${receiver.port}/`, {});
      expect(error).toBeInstanceOf(PermanentFailure);
      expect(error.message).toMatch(/private or reserved address$/);
    }
  });

  it('is the address that was checked, though the name leads elsewhere later', async () => {
    const elsewhere = await WebhookReceiver.start(undefined, receiver.port, '127.0.0.2');
    const answers: ResolvedAddress[][] = [[LOOPBACK], [{ address: '127.0.0.2', family: 4 }]];
    let asked = 0;
    const rebinding = () => Promise.resolve(answers[Math.min(asked++, 1)]!);
    const sender = senderTo({ resolve: rebinding });
    const url = receiver.url(NAME);
    await sender.send({ ...DELIVERY, url }, { signal });
    expect(asked).toBe(1);
    expect(receiver.requests[0]!.headers.host).toBe(`${NAME}:${receiver.port}`);
    expect(elsewhere.connections).toBe(0);
    // The next delivery is checked anew, and shares no connection with the one before.
    await sender.send({ ...DELIVERY, url }, { signal });
    expect([asked, receiver.connections, elsewhere.connections]).toEqual([2, 1, 1]);
    await elsewhere.close();
  });

  it('is refused as soon as the name leads to a forbidden address', async () => {
    const answers = ['127.0.0.1', '169.254.169.254'];
    const rebinding = () => Promise.resolve([{ address: answers.shift()!, family: 4 }]);
    const sender = senderTo({ resolve: rebinding });
    const send = () => sender.send({ ...DELIVERY, url: receiver.url(NAME) }, { signal });
    await expect(send()).resolves.toEqual({ status: 204 });
    await expect(send()).rejects.toThrow('private or reserved address');
    expect(receiver.connections).toBe(1);
  });

  it('is one of several addresses that answers', async () => {
    const unused = { address: '127.0.0.3', family: 4 };
    const sender = senderTo({ resolve: () => Promise.resolve([unused, LOOPBACK]) });
    const url = receiver.url(NAME);
    await expect(sender.send({ ...DELIVERY, url }, { signal })).resolves.toEqual({ status: 204 });
  });

  it('is tried again where the name has no address, or is not found in time', async () => {
    const none = await refused(receiver.url(NAME), { resolve: () => Promise.resolve([]) }, OPEN);
    expect(none).toBeInstanceOf(ServiceAway);
    const options = { resolve: () => new Promise<never>(() => undefined), connectTimeoutMs: 50 };
    const late = await refused(receiver.url(NAME), options, OPEN);
    expect(late.message).toBe('The name of the receiver was not found in time');
  });

  it('is not waited for where no connection comes about', async () => {
    const certificate = makeCertificate(NAME);
    // An HTTP server waits for a request, and the handshake never ends.
    const sender = senderTo({ ca: certificate.cert, connectTimeoutMs: 100 });
    const url = `https://${NAME}:${receiver.port}/`;
    receiver.server.on('clientError', () => undefined);
    const error = await failureOf(sender.send({ ...DELIVERY, url }, { signal }));
    expect(error).toBeInstanceOf(ServiceAway);
    expect(error.message).toBe('The receiver could not be connected to in time');
  });
});

describe('a webhook over HTTPS', () => {
  const certificate = makeCertificate(NAME);
  const policy = { allowHttp: false, allowPrivateAddresses: true };
  let receiver: WebhookReceiver;

  beforeAll(async () => {
    receiver = await WebhookReceiver.start(certificate);
  });

  afterAll(() => receiver.close());

  const send = (url: string, ca?: string) =>
    senderTo(ca === undefined ? {} : { ca }, policy).send({ ...DELIVERY, url }, { signal });

  it('goes to a receiver that proves its name', async () => {
    await expect(send(receiver.url(NAME), certificate.cert)).resolves.toEqual({ status: 204 });
    expect(receiver.requests.at(-1)!.headers.host).toBe(`${NAME}:${receiver.port}`);
  });

  it('goes to no other', async () => {
    const before = receiver.requests.length;
    const stranger = await failureOf(send(receiver.url(NAME)));
    expect(stranger.message).toMatch(/could not be reached: DEPTH_ZERO_SELF_SIGNED_CERT$/);
    const other = await failureOf(send(receiver.url('other.example'), certificate.cert));
    expect(other.message).toMatch(/could not be reached: ERR_TLS_CERT_ALTNAME_INVALID$/);
    expect(receiver.requests).toHaveLength(before);
  });

  it('is the only way outside development', async () => {
    const error = await failureOf(send('http://hooks.example/', certificate.cert));
    expect(error).toBeInstanceOf(PermanentFailure);
    expect(error.message).toBe('The URL of the webhook must begin with https://');
  });
});
