import { createConnection, type Socket } from 'node:net';
import type { TestService } from '../harness/service';

/** A connection to a service that says what it likes, byte by byte. */
export class RawClient {
  private text = '';
  readonly closed: Promise<string>;

  private constructor(private readonly socket: Socket) {
    this.closed = new Promise((resolve) => socket.once('close', () => resolve(this.text)));
    socket.on('error', () => undefined);
  }

  /** @param options `reads`: whether it takes what it is answered; `from`: its own address */
  static async connect(url: string, { reads = true, from = '127.0.0.1' } = {}): Promise<RawClient> {
    const { hostname, port } = new URL(url);
    const socket = createConnection({ port: Number(port), host: hostname, localAddress: from });
    const client = new RawClient(socket);
    await new Promise((resolve) => socket.once('connect', resolve));
    if (reads) socket.on('data', (chunk: Buffer) => (client.text += chunk.toString()));
    return client;
  }

  /** Everything that was answered so far. */
  get answered(): string {
    return this.text;
  }

  /** What comes first, or empty where the connection is closed before. */
  firstAnswer(): Promise<string> {
    const came = new Promise<string>((resolve) => {
      this.socket.once('data', () => setImmediate(() => resolve(this.text)));
    });
    return Promise.race([came, this.closed]);
  }

  send(text: string): void {
    this.socket.write(text);
  }

  goAway(): void {
    this.socket.destroy();
  }
}

/** The head of a POST with the service's key; more headers come as lines. */
export function headOfPost({ key }: TestService, path: string, ...headers: string[]): string {
  const lines = [
    `POST ${path} HTTP/1.1`,
    'host: x',
    'content-type: application/json',
    `authorization: Bearer ${key}`,
    ...headers,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}
