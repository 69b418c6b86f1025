import { lookup as lookupName } from 'node:dns/promises';
import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { WebhookPolicy } from './adapter-config';
import { PermanentFailure } from '../../engine/define/task-handler';
import { DEFAULT_BREAKER, HostBreakers, ServiceAway, type BreakerOptions } from './breaker';
import { checkWebhookUrl, hostOf, isForbiddenAddress } from './webhook-policy';

/** What is sent to a receiver. */
export interface Delivery {
  readonly url: string;
  /** `whsec_` and base64, the newest first; each signs, so that a rotation loses nothing. */
  readonly secrets: readonly string[];
  /** The task's id: receivers know a second copy by it. */
  readonly id: string;
  readonly timestamp: Date;
  /** JSON. */
  readonly body: string;
}

/** Sends events to receivers that strangers named. */
export abstract class WebhookSender {
  /**
   * Sends one POST, signed in the manner of https://www.standardwebhooks.com.
   * @returns the receiver's status, 200 to 299
   * @throws PermanentFailure where the receiver is gone (410) or the URL or a secret is not
   *   valid, OtherSideAway where no attempt was made, and other errors. None of them names the
   *   URL, which may hold a token, or repeats the answer
   */
  abstract send(delivery: Delivery, options: { signal: AbortSignal }): Promise<{ status: number }>;
  abstract close(): Promise<void>;
}

/** An address of a name. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** Finds all the addresses of a name. */
export type Resolver = (hostname: string) => Promise<readonly ResolvedAddress[]>;

export interface WebhookSenderOptions {
  readonly resolve?: Resolver;
  /** Certificates (PEM) that are trusted instead of the public ones. */
  readonly ca?: string;
  /** How long the name and the connection may take. */
  readonly connectTimeoutMs?: number;
  readonly breaker?: BreakerOptions;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** What is read of an answer before the connection is cut; nothing of it is kept. */
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_ANSWER_MS = 2_000;
const MAX_HEADER_BYTES = 16 * 1024;

/** Sends webhooks over HTTPS to public addresses, and to others where the policy has them. */
export class HttpWebhookSender implements WebhookSender {
  readonly breakers: HostBreakers;
  private readonly resolve: Resolver;
  private readonly connectTimeoutMs: number;

  constructor(
    private readonly policy: WebhookPolicy,
    private readonly options: WebhookSenderOptions = {},
  ) {
    this.resolve = options.resolve ?? ((name) => lookupName(name, { all: true }));
    this.connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    const breaker = options.breaker ?? DEFAULT_BREAKER;
    this.breakers = new HostBreakers('The webhook receiver', breaker);
  }

  async send(delivery: Delivery, { signal }: { signal: AbortSignal }): Promise<{ status: number }> {
    signal.throwIfAborted();
    const problem = checkWebhookUrl(delivery.url, this.policy);
    if (problem !== undefined) throw new PermanentFailure(`The URL of the webhook ${problem}`);
    const url = new URL(delivery.url);
    const headers = headersOf(delivery);
    const status = await this.breakers.of(url.origin).run(async () => {
      const addresses = await this.checkedAddresses(hostOf(url), signal);
      return judge(await this.post(url, addresses, headers, delivery.body, signal));
    });
    return { status };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** All the addresses of a host; one that is forbidden spoils them all. */
  private async checkedAddresses(
    host: string,
    signal: AbortSignal,
  ): Promise<readonly ResolvedAddress[]> {
    const family = isIP(host);
    const found =
      family === 0 ? await this.resolveInTime(host, signal) : [{ address: host, family }];
    if (found.length === 0) throw new ServiceAway('The name of the receiver has no address');
    if (found.some(({ address }) => isForbiddenAddress(address, this.policy))) {
      // It may be another tomorrow, so this is tried again, but it says nothing good or bad of
      // the receiver's health.
      throw new Error('The name of the receiver leads to a private or reserved address');
    }
    return found;
  }

  private async resolveInTime(
    host: string,
    signal: AbortSignal,
  ): Promise<readonly ResolvedAddress[]> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(this.connectTimeoutMs)]);
    const { promise: late, reject } = Promise.withResolvers<never>();
    const giveUp = () => reject(new ServiceAway('The name of the receiver was not found in time'));
    limit.addEventListener('abort', giveUp, { once: true });
    try {
      return await Promise.race([this.resolve(host), late]);
    } catch (error) {
      throw error instanceof ServiceAway ? error : unreachable(error);
    } finally {
      limit.removeEventListener('abort', giveUp);
    }
  }

  /** @returns the status of the answer; its body is read up to a bound and thrown away */
  private post(
    url: URL,
    addresses: readonly ResolvedAddress[],
    headers: Readonly<Record<string, string>>,
    body: string,
    signal: AbortSignal,
  ): Promise<number> {
    const isSecure = url.protocol === 'https:';
    const { ca } = this.options;
    const options: RequestOptions & { ca?: string } = {
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      // A connection of its own: none is shared that was made to another address of the name.
      agent: false,
      // The name is not looked up again, where it could lead somewhere else than a moment ago.
      lookup: answering(addresses),
      maxHeaderSize: MAX_HEADER_BYTES,
      signal,
      ...(ca === undefined ? {} : { ca }),
    };
    return new Promise((resolve, reject) => {
      const request = isSecure ? requestHttps(url, options) : requestHttp(url, options);
      const timer = setTimeout(() => {
        request.destroy(new ServiceAway('The receiver could not be connected to in time'));
      }, this.connectTimeoutMs);
      const connected = isSecure ? 'secureConnect' : 'connect';
      request.on('socket', (socket) => socket.once(connected, () => clearTimeout(timer)));
      let isAnswered = false;
      request.on('response', (response) => {
        isAnswered = true;
        const status = response.statusCode!;
        void discard(response).then(() => resolve(status));
      });
      // What goes wrong with the body of an answer changes nothing about its status.
      const fail = (error: Error) => isAnswered || reject(unreachable(error));
      request.on('error', fail);
      request.on('close', () => {
        clearTimeout(timer);
        fail(new ServiceAway('The receiver closed the connection'));
      });
      request.end(body);
    });
  }
}

/** The specification's headers. */
function headersOf({ id, timestamp, secrets, body }: Delivery): Record<string, string> {
  return {
    'content-type': 'application/json',
    'user-agent': 'Truebook',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(timestamp.getTime() / 1000)),
    'webhook-signature': secrets.map((secret) => sign(secret, id, timestamp, body)).join(' '),
  };
}

function sign(secret: string, id: string, timestamp: Date, body: string): string {
  try {
    return new Webhook(secret).sign(id, timestamp, body);
  } catch {
    // The library's own error would be safe today; a secret is never worth the trust.
    throw new PermanentFailure('A secret of the webhook is not valid');
  }
}

/** A lookup that knows one answer. */
function answering(addresses: readonly ResolvedAddress[]): LookupFunction {
  return (_hostname, { all }, callback) => {
    if (all) callback(null, [...addresses]);
    else callback(null, addresses[0]!.address, addresses[0]!.family);
  };
}

async function discard(response: IncomingMessage): Promise<void> {
  const timer = setTimeout(() => response.destroy(), MAX_ANSWER_MS);
  let bytes = 0;
  try {
    for await (const chunk of response) {
      bytes += (chunk as Buffer).length;
      if (bytes > MAX_ANSWER_BYTES) break;
    }
  } catch {
    // The status has been given, and the body interests nobody.
  } finally {
    clearTimeout(timer);
    response.destroy();
  }
}

/** @returns a status of success, @throws what another one means */
function judge(status: number): number {
  if (status >= 200 && status < 300) return status;
  if (status === 410) throw new PermanentFailure('The receiver is gone for good (410)');
  if (status >= 500 || [408, 421, 429].includes(status)) {
    throw new ServiceAway(`The receiver answered ${status}`);
  }
  const isRedirect = status >= 300 && status < 400;
  const why = isRedirect ? '; redirects are not followed' : '';
  throw new Error(`The receiver answered ${status}${why}`);
}

function unreachable(error: unknown): ServiceAway {
  if (error instanceof ServiceAway) return error;
  const { name, code } = error as NodeJS.ErrnoException;
  if (name === 'AbortError') return new ServiceAway('The receiver gave no answer in time');
  return new ServiceAway(`The receiver could not be reached: ${code ?? name}`);
}
