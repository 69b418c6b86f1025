import { Kysely, PostgresDialect } from 'kysely';
import type { Socket } from 'node:net';
import { Pool, type ClientBase, type ClientConfig } from 'pg';
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
/**
 * While a statement runs the server looks as often whether its client still has the connection open,
 * and ends the statement where not: nobody waits for it any more. Reads are ended that way.
 */
const GONE_CHECK_MS = 250;

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
  settings: readonly string[] = [],
): ClientConfig {
  const session = sessionConfig(url, role, timeouts, settings);
  return { ...session, pipeline: true, types: valueTypes };
}

/**
 * The settings of a session, for a library that expects pg's defaults otherwise. The narrower role
 * is taken with the start-up packet, so that not even the first statement runs as the owner.
 * Keep-alive finds peers that vanished without a word, on either side.
 */
export function sessionConfig(
  url: string,
  role: Role | undefined,
  timeouts: SessionTimeouts,
  settings: readonly string[] = [],
) {
  const options = [
    `-c lock_timeout=${timeouts.lockTimeoutMs}`,
    `-c statement_timeout=${timeouts.statementTimeoutMs}`,
    `-c idle_in_transaction_session_timeout=${timeouts.statementTimeoutMs}`,
    `-c timezone=UTC`,
    `-c datestyle=ISO`,
    `-c search_path=${STATE_SCHEMA},public`,
    ...CLIENT_CHECKS.map((check) => `-c tcp_keepalives_${check}`),
    `-c client_connection_check_interval=${GONE_CHECK_MS}`,
    ...settings.map((setting) => `-c ${setting}`),
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

/** What a pool opens, and how many of it. */
export interface PoolOptions {
  readonly url: string;
  readonly role: Role | undefined;
  readonly timeouts: SessionTimeouts;
  readonly max: number;
  /** Hears of idle connections that broke. */
  readonly onError: OnConnectionError;
  /** More settings of its sessions: `name=value`. */
  readonly settings?: readonly string[];
}

/**
 * A pool of connections under `role`. The server ends a statement that takes too long; one that
 * says nothing for longer than that is frozen, or is gone without a word, and whoever asked it
 * would wait for as long as TCP does.
 */
export function openClients({ url, role, timeouts, max, onError, settings }: PoolOptions): Pool {
  // Idle ones are closed before they count as silent.
  const idleTimeoutMillis = Math.min(IDLE_MS, timeouts.statementTimeoutMs);
  const silenceMs = timeouts.statementTimeoutMs + SILENCE_MS;
  const config = clientConfig(url, role, timeouts, settings);
  const pool = new Pool({ ...config, max, idleTimeoutMillis });
  pool.on('error', onError);
  // The pool listens to idle clients only. One that breaks between two statements of a transaction
  // would end the process; as it is, the next statement fails.
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
    const stream = connectionOf(client).stream as Socket;
    const end = () => stream.destroy(new Error('The connection was silent for too long'));
    stream.setTimeout(silenceMs, end);
  });
  return pool;
}

/** {@link openClients} as Kysely. */
export function openPool<DB>(
  url: string,
  role: Role | undefined,
  timeouts: SessionTimeouts,
  max: number,
  onError: OnConnectionError,
): Kysely<DB> {
  const pool = openClients({ url, role, timeouts, max, onError });
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
 * Kysely on one connection that somebody else opened and will close. Where a transaction was begun
 * on it, plain queries run inside that.
 */
export function kyselyOn<DB>(client: () => ClientBase): Kysely<DB> {
  const connect = () =>
    Promise.resolve({
      query: (...args: unknown[]) => (client().query as (...a: unknown[]) => unknown)(...args),
      release: () => undefined,
    });
  const pool = { connect, end: () => Promise.resolve() };
  return new Kysely<DB>({ dialect: new PostgresDialect({ pool: pool as never }) });
}
