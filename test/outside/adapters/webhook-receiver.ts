import {
  createServer,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Certificate } from './certificate';

/** A request that came in whole. */
export interface ReceivedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

type Behaviour = (
  ...parts: [request: ReceivedRequest, ...rest: Parameters<RequestListener>]
) => unknown;

/** A real HTTP or HTTPS server on loopback that answers as a test wants it. */
export class WebhookReceiver {
  readonly requests: ReceivedRequest[] = [];
  connections = 0;
  /** Answers 204 unless something else is set. */
  behave: Behaviour = (_request, _incoming, response) => void response.writeHead(204).end();

  /** Stays known when the server has been closed. */
  readonly port: number;

  private constructor(
    readonly server: Server,
    private readonly isSecure: boolean,
  ) {
    this.port = (server.address() as AddressInfo).port;
  }

  /** @param port 0: any */
  static async start(
    certificate?: Certificate,
    port = 0,
    host = '127.0.0.1',
  ): Promise<WebhookReceiver> {
    const server = certificate ? createSecureServer({ ...certificate }) : createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    const receiver = new WebhookReceiver(server, certificate !== undefined);
    server.on('connection', () => (receiver.connections += 1));
    server.on('request', (incoming, response) => {
      void text(incoming).then((body) => {
        const { method, url, headers } = incoming;
        const request = { method: method!, url: url!, headers, body };
        receiver.requests.push(request);
        return receiver.behave(request, incoming, response);
      });
    });
    return receiver;
  }

  /** A URL of this server under any name that leads to it. */
  url(name = '127.0.0.1'): string {
    return `${this.isSecure ? 'https' : 'http'}://${name}:${this.port}/hooks?token=s3cret`;
  }

  async close(): Promise<void> {
    const closed = new Promise((done) => this.server.close(done));
    this.server.closeAllConnections();
    await closed;
  }
}
