import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { gate } from './waiting';

/**
 * What happens to a COMMIT on its way: `pass`; `lose`: cut before the server got it; `silence`: cut
 * after the server did it and before its answer; `hold`: kept until the proxy is told to go on.
 */
export type Fate = 'pass' | 'lose' | 'silence' | 'hold';

const TYPE_AND_LENGTH = 5;
/** ReadyForQuery, outside a transaction. */
const READY = Buffer.from('Z\0\0\0\u0005I', 'latin1');
/** ErrorResponse: what a server says that loses its first process. */
const ENDED = messageOf('E', 'SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0');

/**
 * Stands between a service and a database and can cut a connection at the commits of the write
 * path, which it tells from others by the application's name. Reads the client's side of
 * PostgreSQL's protocol, message by message; the server's side passes unread.
 */
export class DatabaseProxy {
  /** Decides about each commit of the write path; it is asked in order. */
  fateOf: () => Fate = () => 'pass';
  /** While false, connections are closed as soon as they are opened. */
  isReachable = true;
  /**
   * While true, what comes from either side goes nowhere, and connections stay open, also where the
   * server ends them.
   */
  isFrozen = false;
  /** While true, a session is ended as soon as it is open, in the bytes that say that it is. */
  endsSessionsAtOnce = false;
  /** Changes a query on its way, to a text of the same length. */
  rewrite: ((text: string) => string) | undefined;
  private readonly links = new Set<Link>();
  private released = gate();

  private constructor(
    private readonly target: URL,
    private readonly server: Server,
  ) {}

  /** @param url of the database, on a Unix socket */
  static async start(url: string): Promise<DatabaseProxy> {
    const server = createServer();
    const proxy = new DatabaseProxy(new URL(url), server);
    server.on('connection', (client) => proxy.accept(client));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return proxy;
  }

  /** The database by way of this proxy. */
  get url(): string {
    const url = new URL(this.target);
    url.search = '';
    url.hostname = '127.0.0.1';
    url.port = String((this.server.address() as AddressInfo).port);
    return url.href;
  }

  /** Gives the next commit a fate, and those after it none. @returns when that commit came */
  next(fate: Fate): Promise<void> {
    const came = gate();
    this.fateOf = () => {
      this.fateOf = () => 'pass';
      came.open();
      return fate;
    };
    return came.opened;
  }

  /** Lets commits go on that are held. */
  release(): void {
    this.released.open();
    this.released = gate();
  }

  get whenReleased(): Promise<void> {
    return this.released.opened;
  }

  /** Cuts every connection. */
  cutAll(): void {
    for (const link of this.links) link.cut();
  }

  async close(): Promise<void> {
    const closed = new Promise((done) => this.server.close(done));
    this.cutAll();
    await closed;
  }

  private accept(client: Socket): void {
    if (!this.isReachable) return void client.destroy();
    const { searchParams } = this.target;
    const path = join(searchParams.get('host')!, `.s.PGSQL.${searchParams.get('port')}`);
    const link = new Link(this, client, connect(path));
    this.links.add(link);
    link.closed.then(
      () => this.links.delete(link),
      () => undefined,
    );
  }
}

/** Whose commits are those of the write path, of an amendment and of a replay. */
const WRITERS =
  /application_name\0truebook( log_writer| log_amender| state_writer| state_replayer)?\0/;

/** One connection through the proxy. */
class Link {
  readonly closed: Promise<void>;
  private unread = Buffer.alloc(0);
  private isStarted = false;
  private isWriter = false;
  /** The server's answers are swallowed, and the first one cuts the connection. */
  private isSilenced = false;
  private working: Promise<void> = Promise.resolve();

  constructor(
    private readonly proxy: DatabaseProxy,
    private readonly client: Socket,
    private readonly server: Socket,
  ) {
    client.on('data', (chunk: Buffer) => {
      this.working = this.working.then(() => this.forward(chunk));
    });
    server.on('data', (chunk: Buffer) => {
      if (this.isSilenced) this.cut();
      else if (proxy.endsSessionsAtOnce && chunk.subarray(-READY.length).equals(READY)) {
        client.end(Buffer.concat([chunk, ENDED]));
      } else if (!proxy.isFrozen) client.write(chunk);
    });
    for (const socket of [client, server]) socket.on('error', () => this.cut());
    client.on('close', () => this.cut());
    server.on('close', () => {
      if (!proxy.isFrozen) this.cut();
    });
    this.closed = new Promise((done) => client.on('close', () => done()));
  }

  cut(): void {
    this.client.destroy();
    this.server.destroy();
  }

  private async forward(chunk: Buffer): Promise<void> {
    if (this.proxy.isFrozen) return;
    this.unread = Buffer.concat([this.unread, chunk]);
    for (let message = this.take(); message; message = this.take()) {
      if (this.client.destroyed || this.isSilenced) return;
      if (this.isWriter && isCommit(message)) {
        const fate = this.proxy.fateOf();
        if (fate === 'lose') return this.cut();
        if (fate === 'silence') this.isSilenced = true;
        if (fate === 'hold') await this.proxy.whenReleased;
        if (this.client.destroyed) return;
      }
      this.server.write(this.rewritten(message));
    }
  }

  private rewritten(message: Buffer): Buffer {
    const { rewrite } = this.proxy;
    if (!rewrite || String.fromCharCode(message[0]!) !== 'Q') return message;
    const text = message.toString('latin1', TYPE_AND_LENGTH, message.length - 1);
    const changed = rewrite(text).padEnd(text.length).slice(0, text.length);
    return Buffer.concat([
      message.subarray(0, TYPE_AND_LENGTH),
      Buffer.from(`${changed}\0`, 'latin1'),
    ]);
  }

  /** The next whole message. The first one, which starts the session, has no type. */
  private take(): Buffer | undefined {
    const head = this.isStarted ? TYPE_AND_LENGTH : TYPE_AND_LENGTH - 1;
    if (this.unread.length < head) return undefined;
    const length = head - 4 + this.unread.readUInt32BE(head - 4);
    if (this.unread.length < length) return undefined;
    const message = this.unread.subarray(0, length);
    this.unread = this.unread.subarray(length);
    if (!this.isStarted) {
      this.isStarted = true;
      this.isWriter = WRITERS.test(message.toString('latin1'));
    }
    return message;
  }
}

function messageOf(type: string, body: string): Buffer {
  const message = Buffer.from(`${type}\0\0\0\0${body}`, 'latin1');
  message.writeUInt32BE(message.length - 1, 1);
  return message;
}

/** A simple query, or a parse of an extended one, that says COMMIT. */
function isCommit(message: Buffer): boolean {
  const type = String.fromCharCode(message[0]!);
  if (type !== 'Q' && type !== 'P') return false;
  const text = message.subarray(TYPE_AND_LENGTH).toString('latin1').toLowerCase();
  return /(^|\0)commit\0/.test(text);
}
