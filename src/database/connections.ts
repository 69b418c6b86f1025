import { Kysely, PostgresDialect } from 'kysely';
import type { Socket } from 'node:net';
import { Pool, type Client, type ClientConfig } from 'pg';
import { valueTypes } from './values';
import { connectionOf, WriterConnection } from './writer-connection';

/** A connection of a pool that nobody needs is kept for so long. */
const IDLE_MS = 30_000;
/** How much longer than its statement's timeout a server may take to say that it is over. */
const SILENCE_MS = 5_000;
/**
 * After two minutes a server gives up a client whose host is gone, and the locks that it held; by
 * itself it asks after two hours. Ignored on Unix sockets.
 */
const CLIENT_CHECKS = ['idle=60', 'interval=15', 'count=4'];

/** The roles that the migrations make; the service never runs as an owner. */
export const ROLES = {
  logWriter: 'truebook_log_writer',
  logReader: 'truebook_log_reader',
  logReplayer: 'truebook_log_replayer',
  taskWorker: 'truebook_task_worker',
  logAmender: 'truebook_log_amender',
  runRecorder: 'truebook_run_recorder',
  stateWriter: 'truebook_state_writer',
  stateReader: 'truebook_state_reader',
} as const;
export type Role = (typeof ROLES)[keyof typeof ROLES];

/** The schema of the state database that holds everything a replay rebuilds. */
export const STATE_SCHEMA = 'state';

/** Where the two databases are; the users in the URLs own them. */
export interface DatabaseUrls {
  readonly log: string;
  readonly state: string;
}

export interface SessionTimeouts {
  /** Longest wait for a lock. */
  readonly lockTimeoutMs: number;
  /** Longest run of one statement. */
  readonly statementTimeoutMs: number;
}

/** A client tells of a broken connection by an event; unheard, that would end the process. */
export type OnConnectionError = (error: Error) => void;

/**
 * The settings of one connection of our own code: {@link sessionConfig}, our values, and statements
 * that are sent without waiting for the answer to the one before.
 */
export function clientConfig(
  url: string,
  role: Role | undefined,
  timeouts: SessionTimeouts,
): ClientConfig {
  return { ...sessionConfig(url, role, timeouts), pipeline: true, types: valueTypes };
}

/**
 * The settings of a session, for a library that expects pg's defaults otherwise. The narrower role
 * is taken with the start-up packet, so that not even the first statement runs as the owner.
 * Keep-alive finds peers that vanished without a word, on either side.
 */
export function sessionConfig(url: string, role: Role | undefined, timeouts: SessionTimeouts) {
  const options = [
    `-c lock_timeout=${timeouts.lockTimeoutMs}`,
    `-c statement_timeout=${timeouts.statementTimeoutMs}`,
    `-c idle_in_transaction_session_timeout=${timeouts.statementTimeoutMs}`,
    `-c timezone=UTC`,
    `-c datestyle=ISO`,
    `-c search_path=${STATE_SCHEMA},public`,
    ...CLIENT_CHECKS.map((check) => `-c tcp_keepalives_${check}`),
    ...(role === undefined ? [] : [`-c role=${role}`]),
  ];
  return {
    connectionString: url,
    application_name: `truebook${role === undefined ? '' : ` ${role.replace('truebook_', '')}`}`,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    options: options.join(' '),
  } satisfies ClientConfig;
}

/**
 * A pool of connections under `role`, as Kysely. `onError` hears of idle ones that broke. The
 * server ends a statement that takes too long; one that says nothing for longer than that is
 * frozen, or is gone without a word, and whoever asked it would wait for as long as TCP does.
 */
export function openPool<DB>(
  url: string,
  role: Role | undefined,
  timeouts: SessionTimeouts,
  max: number,
  onError: OnConnectionError,
): Kysely<DB> {
  // Idle ones are closed before they count as silent.
  const idleTimeoutMillis = Math.min(IDLE_MS, timeouts.statementTimeoutMs);
  const silenceMs = timeouts.statementTimeoutMs + SILENCE_MS;
  const pool = new Pool({ ...clientConfig(url, role, timeouts), max, idleTimeoutMillis });
  pool.on('error', onError);
  // The pool listens to idle clients only. One that breaks between two statements of a transaction
  // would end the process; as it is, the next statement fails.
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
    const stream = connectionOf(client).stream as Socket;
    const end = () => stream.destroy(new Error('The connection was silent for too long'));
    stream.setTimeout(silenceMs, end);
  });
  return new Kysely<DB>({ dialect: new PostgresDialect({ pool }) });
}

/** A connection that the write path holds for itself, not yet connected. */
export function writerConnection(
  url: string,
  role: Role,
  timeouts: SessionTimeouts,
): WriterConnection {
  return new WriterConnection(clientConfig(url, role, timeouts));
}

/**
 * Kysely on one connection that somebody else opened, began a transaction on and will close, so
 * that plain queries run inside that transaction.
 */
export function kyselyOn<DB>(client: () => Client): Kysely<DB> {
  const connect = () =>
    Promise.resolve({
      query: (...args: unknown[]) => (client().query as (...a: unknown[]) => unknown)(...args),
      release: () => undefined,
    });
  const pool = { connect, end: () => Promise.resolve() };
  return new Kysely<DB>({ dialect: new PostgresDialect({ pool: pool as never }) });
}
