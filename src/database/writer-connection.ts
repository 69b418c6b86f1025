import {
  Client,
  type ClientBase,
  type ClientConfig,
  type Connection,
  type QueryConfig,
  type QueryResult,
} from 'pg';
import { CopyIn } from './copy-in';
import { CopyOut } from './copy-out';
import type { SendableQuery } from './prepared';

/** The server answered a COMMIT with something else: the transaction had failed and is undone. */
export class CommitRefused extends Error {
  constructor(readonly tag: string) {
    super(`The server answered COMMIT with ${tag}`);
  }
}

/**
 * One connection of the write path. Statements are sent at once, without waiting for the answers
 * of those before them; the server runs them in order, and after a failed one refuses the rest of
 * the transaction. A connection that broke stays broken; `connect` opens a fresh one.
 */
export class WriterConnection {
  private client: Client | undefined;
  private lost: Error | undefined;
  /** Counts what ended connections, so that one that opens too late is known. */
  private attempt = 0;

  constructor(private readonly config: ClientConfig) {}

  get isOpen(): boolean {
    return this.client !== undefined && this.lost === undefined;
  }

  /** The open client, for Kysely. @throws the error that broke the connection. */
  get current(): Client {
    if (this.client === undefined || this.lost !== undefined) {
      throw this.lost ?? new Error('The connection is not open');
    }
    return this.client;
  }

  /**
   * Opens the connection unless it is open. `settings` are statements to run first.
   * @returns whether it was opened anew, so that whatever was under way on it is gone
   * @throws what connecting throws, and an Error where it was given up in the meantime
   */
  async connect(...settings: string[]): Promise<boolean> {
    if (this.isOpen) return false;
    this.destroy();
    const attempt = this.attempt;
    const client = new Client(this.config);
    // It may break with the very bytes that open it, before it is the one that is used.
    let broken: Error | undefined;
    const onLost = (error: Error) => {
      broken ??= error;
      if (this.client === client) this.lost ??= error;
    };
    client.on('error', onLost);
    client.on('end', () => onLost(new Error('The connection ended')));
    try {
      await client.connect();
      for (const setting of settings) await client.query(setting);
      if (broken !== undefined) throw broken;
    } catch (error) {
      discard(client);
      throw error;
    }
    if (attempt !== this.attempt) {
      // A later attempt may have begun a transaction, whose statements must not come here.
      discard(client);
      throw new Error('The connection was given up before it was open');
    }
    this.client = client;
    this.lost = undefined;
    return true;
  }

  /** Sends whatever `write` sends in one piece: a call into the system for all, not for each. */
  together<T>(write: () => T): T {
    const { stream } = connectionOf(this.current);
    stream.cork();
    try {
      return write();
    } finally {
      stream.uncork();
    }
  }

  /** Sends a statement; the promise settles with its own answer. */
  send<Row extends object>(query: SendableQuery<Row>): Promise<QueryResult<Row>>;
  send(query: string | QueryConfig): Promise<QueryResult>;
  send(query: string | QueryConfig | SendableQuery<object>): Promise<QueryResult> {
    const sent = this.current.query(query as QueryConfig);
    // An error is seen by whoever awaits the batch; until then it must not count as unhandled.
    sent.catch(() => undefined);
    return sent;
  }

  /**
   * Sends `copy (query) to stdout`, whose rows are handed to `onRow` as they come: see
   * {@link CopyOut}. The promise settles after the last one.
   */
  copyOut(query: string, onRow: (row: string) => void): Promise<void> {
    const client = this.current;
    const sent = new Promise<void>((done, fail) => {
      const statement = `copy (${query}) to stdout`;
      client.query(new CopyOut(statement, onRow, (error) => (error ? fail(error) : done())));
    });
    sent.catch(() => undefined);
    return sent;
  }

  /** Whether to stop reading answers for a while: the server stops too once it cannot send. */
  setPaused(isPaused: boolean): void {
    if (this.client === undefined) return;
    const { stream } = connectionOf(this.client);
    if (isPaused) stream.pause();
    else stream.resume();
  }

  /** Sends rows in COPY's binary format into `target`: `table (column, …)`. */
  copyIn(target: string, rows: Buffer): Promise<void> {
    const client = this.current;
    const sent = new Promise<void>((done, fail) => {
      const statement = `copy ${target} from stdin (format binary)`;
      client.query(new CopyIn(statement, rows, (error) => (error ? fail(error) : done())));
    });
    sent.catch(() => undefined);
    return sent;
  }

  /**
   * Commits. COMMIT of a failed transaction succeeds with the tag ROLLBACK, so the tag is checked.
   * @throws CommitRefused where nothing was committed; any other error leaves it in doubt.
   */
  async commit(): Promise<void> {
    const { command } = await this.send('commit');
    if (command !== 'COMMIT') throw new CommitRefused(command);
  }

  /** Rolls back; a connection on which that fails is destroyed, which rolls back too. */
  async rollback(): Promise<void> {
    if (!this.isOpen) return;
    try {
      await this.send('rollback');
    } catch {
      this.destroy();
    }
  }

  /** Cuts the connection; the server rolls back whatever was open. */
  destroy(): void {
    this.attempt++;
    const client = this.client;
    this.client = undefined;
    this.lost = undefined;
    if (client !== undefined) discard(client);
  }

  /** Says goodbye to the server. */
  async close(): Promise<void> {
    this.attempt++;
    const client = this.client;
    this.client = undefined;
    this.lost = undefined;
    await client?.end();
  }
}

/** Ends a client at once, whatever it waits for, and lets nobody hear of it. */
function discard(client: Client): void {
  client.removeAllListeners();
  client.on('error', () => undefined);
  connectionOf(client).stream.destroy();
}

/** The client's connection, which its published type leaves out. */
export function connectionOf(client: ClientBase): Connection {
  return (client as unknown as { connection: Connection }).connection;
}
