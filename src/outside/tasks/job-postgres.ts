import {
  assertSchemaCompatibility,
  PostgresConnection,
  type BackendFactory,
  type IQueueBackend,
} from 'bullmq';
import { EventEmitter, setMaxListeners } from 'node:events';
import { Socket } from 'node:net';
import { ROLES, sessionConfig } from '../../database/connections';
import { QUEUE_SCHEMA } from '../../database/migrator';
import { BatchingBackend } from './job-batches';
import type { JobStore, JobStoreTimings } from './job-store';

/** Connections that the queues of a process share, besides the one that listens. */
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

class QueueConnection extends PostgresConnection {
  private isReady: Promise<void> | undefined;
  private readonly sockets = new Set<Socket>();

  constructor(url: string, answerMs: number) {
    super(poolConfig(url, answerMs));
    setMaxListeners(0, this);
    this.pool.on('connect', (client) => {
      // The pool listens to idle clients only. One that breaks while BullMQ has it, between two
      // statements, would end the process; as it is, its next statement fails.
      client.on('error', () => undefined);
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
    // Every worker that waits listens to it.
    if (client instanceof EventEmitter) setMaxListeners(0, client);
    this.remember(client);
    return client;
  }

  /** A server that does not answer must not keep the process from ending. */
  override async close(): Promise<void> {
    const timer = setTimeout(() => this.sockets.forEach((s) => s.destroy()), CLOSE_MS);
    await super.close().finally(() => clearTimeout(timer));
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
    options: `${config.options} -c synchronous_commit=off`,
    application_name: 'truebook job_queues',
    connectionTimeoutMillis: answerMs,
    // Ends a wait for a server that has vanished; one that is there ends the statement before.
    query_timeout: 2 * answerMs,
    // All queues listen over one connection; BullMQ sends their LISTENs without waiting.
    pipeline: true,
    schema: QUEUE_SCHEMA,
    max: POOL_SIZE,
    idleTimeoutMillis: 30_000,
  };
}
