import {
  assertSchemaCompatibility,
  PostgresConnection,
  type BackendFactory,
  type IQueueBackend,
} from 'bullmq';
import { EventEmitter, setMaxListeners } from 'node:events';
import { Socket } from 'node:net';
import { openLibraryPool, ROLES, sessionConfig } from '../../database/connections';
import { QUEUE_SCHEMA } from '../../database/migrator';
import { BatchingBackend } from './job-batches';
import type { JobStore, JobStoreTimings } from './job-store';

/** Connections that the queues of a process share, besides the one of the pool that listens. */
const POOL_SIZE = 4;
/** How long closing waits for statements under way. */
const CLOSE_MS = 2_000;

/**
 * The jobs in the schema `bullmq` of the state database. All queues and workers of a process share
 * one pool and one connection that listens; left to itself, BullMQ would open a pool and a
 * listener for each.
 */
export class PostgresJobStore implements JobStore {
  readonly backend = 'postgres';
  readonly options = { connection: {} };
  readonly producer: BackendFactory<IQueueBackend, object>;
  readonly consumer: BackendFactory<IQueueBackend, object>;
  private readonly connection: QueueConnection;

  /** @param url of the state database, as its owner */
  constructor(url: string, { answerMs, retryMs }: JobStoreTimings, onError: (e: Error) => void) {
    this.connection = new QueueConnection(url, answerMs);
    this.connection.on('error', onError);
    const factory: BackendFactory<IQueueBackend, object> = (name, options) =>
      new BatchingBackend(this.connection, name, { ...options, connection: {} }, retryMs);
    this.producer = factory;
    this.consumer = factory;
  }

  /** SQL as text: the pool is BullMQ's own. */
  async ping(): Promise<void> {
    await this.connection.waitUntilReady();
    await this.connection.pool.query('select 1');
  }

  async close(): Promise<void> {
    await this.connection.close();
  }
}

/** What can be seen of a connection's socket. */
type Connected = Pick<Awaited<ReturnType<PostgresConnection['getListenClient']>>, 'connection'>;

/**
 * BullMQ's own connection over a pool of ours, whose clients are listened to from their first byte
 * on: BullMQ does so once it has one, and one that breaks before, with the very bytes that open it,
 * would end the process.
 */
class QueueConnection extends PostgresConnection {
  private isReady: Promise<void> | undefined;
  private closed: Promise<void> | undefined;
  private readonly sockets = new Set<Socket>();
  private readonly broken = new WeakMap<object, Error>();

  constructor(url: string, answerMs: number) {
    const pool = openLibraryPool(poolConfig(url, answerMs));
    // A pool of pg, as BullMQ says; but for its type, in which parameters are read only.
    super(pool as unknown as ConstructorParameters<typeof PostgresConnection>[0]);
    setMaxListeners(0, this);
    pool.on('connect', (client) => {
      client.on('error', (error) => this.broken.set(client, error));
      this.remember(client);
    });
  }

  /** BullMQ would remember for ever that the server was away the first time. */
  override waitUntilReady(): Promise<void> {
    this.isReady ??= this.checkSchema().catch((error: unknown) => {
      this.isReady = undefined;
      throw error;
    });
    return this.isReady;
  }

  override async getListenClient(): ReturnType<PostgresConnection['getListenClient']> {
    const client = await super.getListenClient();
    if (!(client instanceof EventEmitter)) return client;
    const error = this.broken.get(client);
    if (error) {
      // BullMQ, which keeps it, has not heard of it where it broke as it came.
      client.emit('error', error);
      throw error;
    }
    // Every worker that waits listens to it.
    setMaxListeners(0, client);
    return client;
  }

  /** A server that does not answer must not keep the process from ending. */
  override close(): Promise<void> {
    return (this.closed ??= this.closeAll());
  }

  private async closeAll(): Promise<void> {
    const timer = setTimeout(() => this.sockets.forEach((s) => s.destroy()), CLOSE_MS);
    try {
      await super.close();
      await this.pool.end();
    } finally {
      clearTimeout(timer);
    }
  }

  private remember(client: Connected): void {
    const socket = client.connection?.stream;
    if (!(socket instanceof Socket) || this.sockets.has(socket)) return;
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
  }

  private async checkSchema(): Promise<void> {
    const client = await this.pool.connect();
    try {
      await assertSchemaCompatibility(client, QUEUE_SCHEMA);
    } finally {
      client.release();
    }
  }
}

/**
 * BullMQ's own parsers: it expects what pg does by default. The queue is a hint, so
 * its commits need not wait for the disk.
 */
function poolConfig(url: string, answerMs: number) {
  const timeouts = { lockTimeoutMs: answerMs, statementTimeoutMs: answerMs };
  const config = sessionConfig(url, ROLES.stateWriter, timeouts);
  return {
    ...config,
    options: `${config.options} -c synchronous_commit=off -c search_path=${QUEUE_SCHEMA}`,
    application_name: 'truebook job_queues',
    connectionTimeoutMillis: answerMs,
    // Ends a wait for a server that has vanished; one that is there ends the statement before.
    query_timeout: 2 * answerMs,
    // All queues listen over one connection; BullMQ sends their LISTENs without waiting.
    pipeline: true,
    max: POOL_SIZE + 1,
    idleTimeoutMillis: 30_000,
  };
}
