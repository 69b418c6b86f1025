import { get, type IncomingMessage } from 'node:http';
import type { EventDto } from '../../../src/outside/events/event.dto';
import type { TestService } from '../../harness/service';
import { waitFor } from '../../harness/waiting';

type Server = Pick<TestService, 'url' | 'key'>;

/** What a connection of a listener may be besides. */
interface Listening {
  readonly headers?: Record<string, string>;
  /** Whether it takes what it is sent; default true. */
  readonly reads?: boolean;
}

/** One connection to the stream of events, as it came. */
export class Connection {
  private text = '';
  readonly comments: string[] = [];
  retryMs: number | undefined;
  /** Whether the server ended it in order; undefined while it lives. */
  ended: 'in order' | 'cut off' | undefined;

  private constructor(
    readonly answer: IncomingMessage,
    private readonly onEvent: (event: EventDto) => void,
    private readonly onEnd: () => void,
    reads: boolean,
  ) {
    answer.setEncoding('utf8');
    if (reads) answer.on('data', (chunk: string) => this.take(chunk));
    answer.on('error', () => undefined);
    answer.once('close', () => {
      this.ended = answer.complete ? 'in order' : 'cut off';
      this.onEnd();
    });
  }

  /** @throws Error where the answer is no stream */
  static open(
    { url, key }: Server,
    query: string,
    { headers = {}, reads = true }: Listening = {},
    onEvent: (event: EventDto) => void = () => undefined,
    onEnd: () => void = () => undefined,
  ): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const all = { authorization: `Bearer ${key}`, ...headers };
      const asked = get(`${url}/v1/events/stream${query}`, { headers: all, agent: false });
      asked.once('error', reject);
      asked.once('response', (answer) => {
        asked.on('error', () => undefined);
        const { 'content-type': type } = answer.headers;
        if (answer.statusCode === 200 && type === 'text/event-stream; charset=utf-8') {
          return resolve(new Connection(answer, onEvent, onEnd, reads));
        }
        answer.resume();
        reject(new Error(`The stream was answered ${answer.statusCode} ${type}`));
      });
    });
  }

  /** Begins to read. */
  read(): void {
    this.answer.on('data', (chunk: string) => this.take(chunk));
  }

  goAway(): void {
    this.answer.destroy();
  }

  private take(chunk: string): void {
    this.text += chunk;
    for (;;) {
      const end = this.text.indexOf('\n\n');
      if (end === -1) return;
      this.block(this.text.slice(0, end).split('\n'));
      this.text = this.text.slice(end + 2);
    }
  }

  private block(lines: readonly string[]): void {
    const fields = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(':');
      if (colon === 0) this.comments.push(line.slice(1).trim());
      else fields.set(line.slice(0, colon), line.slice(colon + 1).replace(/^ /, ''));
    }
    const [retry, id, data] = ['retry', 'id', 'data'].map((name) => fields.get(name));
    if (retry !== undefined) this.retryMs = Number(retry);
    if (data === undefined) return;
    const event = JSON.parse(data) as EventDto;
    expect(id).toBe(String(event.position));
    this.onEvent(event);
  }
}

/**
 * Listens to events as a browser does: whenever its connection ends it comes back, and says what
 * the last event was that it got.
 */
export class EventSource {
  readonly events: EventDto[] = [];
  /** How often it came back. */
  returned = -1;
  connection: Connection | undefined;
  private isClosed = false;

  /** @param server asked anew for every connection: it may be another one by then */
  constructor(
    private readonly server: () => Server,
    private readonly query = '',
    /** At once: tests have little time. */
    private readonly pauseMs = 20,
  ) {
    void this.connect();
  }

  get positions(): number[] {
    return this.events.map(({ position }) => position);
  }

  /** Waits until it has so many events, and says what they are. */
  async have(count: number, timeoutMs?: number): Promise<number[]> {
    const have = () => this.events.length >= count;
    await waitFor(`${count} events${this.query}`, have, timeoutMs).catch((error: unknown) => {
      throw new Error(`There were ${this.events.length}`, { cause: error });
    });
    return this.positions;
  }

  close(): void {
    this.isClosed = true;
    this.connection?.goAway();
  }

  private async connect(): Promise<void> {
    if (this.isClosed) return;
    const last = this.events.at(-1);
    const headers: Record<string, string> = last ? { 'last-event-id': `${last.position}` } : {};
    try {
      this.connection = await Connection.open(
        this.server(),
        this.query,
        { headers },
        (event) => this.events.push(event),
        () => this.comeBack(),
      );
      this.returned++;
      if (this.isClosed) this.connection.goAway();
    } catch {
      this.comeBack();
    }
  }

  private comeBack(): void {
    if (!this.isClosed) setTimeout(() => void this.connect(), this.pauseMs);
  }
}
