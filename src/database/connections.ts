import { Kysely, PostgresDialect } from 'kysely';
import type { Socket } from 'node:net';
import { Client, Pool, type ClientBase, type ClientConfig, type PoolConfig } from 'pg';
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
 * While a statement runs the server looks as often whether its client still has the connection
 * open, and ends the statement where not: nobody waits for it. Reads are ended that way.
 */
const GONE_CHECK_MS = 250;

/**
 * The roles that a service works as, each with the rights of one kind of work, under the names that
 * the first installation of a cluster has; what they are called elsewhere, {@link roleOf} says.
 */
export const ROLES = {
  logWriter: 'truebook_log_writer',
  logReader: 'truebook_log_reader',
  logReplayer: 'truebook_log_replayer',
  taskWorker: 'truebook_task_worker',
  logAmender: 'truebook_log_amender',
  runRecorder: 'truebook_run_recorder',
  stateWriter: 'truebook_state_writer',
  stateReader: 'truebook_state_reader',
  /** Owns the state's schemas, and nothing else. */
  stateReplayer: 'truebook_state_replayer',
} as const;
export type Role = (typeof ROLES)[keyof typeof ROLES];

/** The installation whose roles the migrations write of. */
const FIRST = 'truebook';
/**
 * Roles belong to a whole cluster, so each installation has its own; what their names begin with
 * stands in the URLs of its databases.
 */
const INSTALLATION = 'installation';
const NAMES = new RegExp(
  `\\b${FIRST}(?=_(?:${Object.values(ROLES).map(purposeOf).join('|')})\\b)`,
  'g',
);

function purposeOf(role: Role): string {
  return role.slice(FIRST.length + 1);
}

/** What the names of the roles begin with that work on the database of a URL. */
export function installationOf(url: string): string {
  return new URL(url).searchParams.get(INSTALLATION) ?? FIRST;
}

/** The URL of a database that belongs to an installation. */
export function ofInstallation(url: string, installation: string): string {
  const named = new URL(url);
  named.searchParams.set(INSTALLATION, installation);
  return named.href;
}

/** What a role is called in the database of a URL. */
export function roleOf(url: string, role: Role): string {
  return `${installationOf(url)}_${purposeOf(role)}`;
}

/** A statement with the names of an installation's roles in place of those of the first one. */
export function forInstallation(text: string, installation: string): string {
  return text.replace(NAMES, installation);
}

/** The schema of the state database that holds everything a replay rebuilds. */
export const STATE_SCHEMA = 'state';

/**
 * What every session is set to, whatever a URL, a database, a role or a server says otherwise: how
 * values are read and written, what a transaction sees, when a commit is answered, and what ends a
 * session. The start asks for it. Whoever writes what can be made again sets `synchronous_commit`
 * to `off` there. `default_transaction_read_only` is none of them: who sets it means it.
 */
export const SESSION_SETTINGS = {
  search_path: `${STATE_SCHEMA}, public`,
  TimeZone: 'UTC',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '1',
  array_nulls: 'on',
  transform_null_equals: 'off',
  standard_conforming_strings: 'on',
  quote_all_identifiers: 'off',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  // The log answers nobody before its record is on disk, commands of administrators included.
  synchronous_commit: 'on',
  transaction_timeout: '0',
  idle_session_timeout: '0',
} as const;

/** What a URL says of how a server is reached; whatever else it says is left out. */
const WAY = /^(host|port|user|password|ssl.*|uselibpqcompat)$/;

/**
 * Where the two databases are. The users in the URLs own them, or may become the roles that work on
 * them; whose roles these are, the URLs say too.
 */
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
    ...Object.entries(SESSION_SETTINGS).map(([name, value]) => `-c ${name}=${escaped(value)}`),
    ...CLIENT_CHECKS.map((check) => `-c tcp_keepalives_${check}`),
    `-c client_connection_check_interval=${GONE_CHECK_MS}`,
    ...settings.map((setting) => `-c ${setting}`),
    ...(role === undefined ? [] : [`-c role=${roleOf(url, role)}`]),
  ];
  return {
    connectionString: withoutSettings(url),
    application_name: `truebook${role === undefined ? '' : ` ${purposeOf(role)}`}`,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    options: options.join(' '),
  } satisfies ClientConfig;
}

/** A URL's own options would be taken instead of all of ours, and with them the owner's role. */
function withoutSettings(url: string): string {
  const way = new URL(url);
  const others = [...way.searchParams.keys()].filter((name) => !WAY.test(name));
  for (const name of others) way.searchParams.delete(name);
  return others.length > 0 ? way.href : url;
}

function escaped(value: string): string {
  return value.replace(/[\\ ]/g, '\\$&');
}

/** For questions about a server and its catalogs. */
const PATIENT = { lockTimeoutMs: 60_000, statementTimeoutMs: 60_000 };

/** For what takes as long as it takes. */
export const NO_TIMEOUTS: SessionTimeouts = { lockTimeoutMs: 0, statementTimeoutMs: 0 };

/**
 * A connection of its own, as whom the URL names. Only here and in {@link WriterConnection} clients
 * are made: elsewhere the options of a URL, or of the environment, would become those of a session.
 */
export async function openSession(url: string, timeouts: SessionTimeouts): Promise<Client> {
  const client = new Client(sessionConfig(url, undefined, timeouts));
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}

/** Runs `work` in {@link openSession}. */
export async function withSession<T>(
  url: string,
  work: (client: Client) => Promise<T>,
  timeouts: SessionTimeouts = PATIENT,
): Promise<T> {
  const client = await openSession(url, timeouts);
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Runs `work` in a transaction of a connection; what it throws undoes all of it. */
export async function inTransaction<T>(client: Client, work: () => Promise<T>): Promise<T> {
  await client.query('begin');
  try {
    const done = await work();
    await client.query('commit');
    return done;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
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

/** A pool of {@link sessionConfig} and more, for a library that listens to its clients itself. */
export function openLibraryPool(config: PoolConfig): Pool {
  return new Pool(config);
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
