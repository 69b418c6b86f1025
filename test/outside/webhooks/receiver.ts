import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A request that came in, whether it was answered or not. */
export interface Received {
  readonly path: string;
  readonly id: string;
  readonly timestamp: string;
  readonly signatures: string[];
  readonly contentType: string | undefined;
  readonly body: string;
}

/** What the receiver does with a request; `hang`: it never answers. */
export type Reaction = number | 'hang' | { readonly status: number; readonly afterMs: number };

/** A receiver of webhooks on loopback that does as it is told. */
export class Receiver {
  readonly received: Received[] = [];

  private constructor(
    private readonly server: Server,
    readonly origin: string,
  ) {}

  /** @param react is asked for each request, with those before it in `received` */
  static async start(react: (request: Received) => Reaction = () => 204): Promise<Receiver> {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    const receiver = new Receiver(server, `http://127.0.0.1:${port}`);
    server.on('request', (request, response) => void receiver.take(request, response, react));
    return receiver;
  }

  /** Ids in the order in which they came first. */
  get ids(): string[] {
    return [...new Set(this.received.map((r) => r.id))];
  }

  of(id: string): Received[] {
    return this.received.filter((r) => r.id === id);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }

  private async take(
    request: IncomingMessage,
    response: ServerResponse,
    react: (request: Received) => Reaction,
  ): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const header = (name: string) => String(request.headers[name]);
    const received = {
      path: request.url!,
      id: header('webhook-id'),
      timestamp: header('webhook-timestamp'),
      signatures: header('webhook-signature').split(' '),
      contentType: request.headers['content-type'],
      body: Buffer.concat(chunks).toString('utf8'),
    };
    const reaction = react(received);
    this.received.push(received);
    if (reaction === 'hang') return;
    const isLate = typeof reaction === 'object';
    if (isLate) await delay(reaction.afterMs);
    response.statusCode = isLate ? reaction.status : reaction;
    response.end('what the receiver says is nobody’s business');
  }
}

/**
 * The signature that a request must have, computed as the specification says it, without the
 * library that the program signs with: https://www.standardwebhooks.com.
 */
export function expectedSignature(secret: string, { id, timestamp, body }: Received): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return `v1,${mac}`;
}
