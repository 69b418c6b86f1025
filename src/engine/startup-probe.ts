import type { Kysely } from 'kysely';
import {
  clientConfig,
  roleOf,
  ROLES,
  SESSION_SETTINGS,
  type DatabaseUrls,
  type Role,
} from '../database/connections';
import { missingGuards } from '../database/log-guards';
import { SQLSTATE, sqlstateOf } from '../database/sqlstates';
import { WriterConnection } from '../database/writer-connection';
import type { LogDatabase } from './write/event-log';
import { LOCK_LOG, LOCK_STATE } from './write/heads';

/** The databases cannot keep what the ledger promises; the process must not serve. */
export class ProbeFailed extends Error {
  override readonly name = 'ProbeFailed';
}

const MIN_SERVER_VERSION = 170_000;

/** The lock that each database's writers exclude one another with. */
const LOCKS = {
  log: { role: ROLES.logWriter, statement: LOCK_LOG },
  state: { role: ROLES.stateWriter, statement: LOCK_STATE },
} as const;

/** Who reads beside the writers: what a session is set to decides what its values mean. */
const READERS = { log: ROLES.logReader, state: ROLES.stateReader } as const;

/**
 * Proves on the real databases what the write path rests on: that the lock of one session really
 * excludes another (a pooler between could break that), that both servers are primaries, that a
 * commit of the log is on disk when it is answered, and that sessions are set as they are to be,
 * those of readers too.
 * @throws ProbeFailed with a sentence that says which database and what
 */
export async function probeDatabases(urls: DatabaseUrls, lockTimeoutMs: number): Promise<void> {
  for (const name of ['log', 'state'] as const) {
    const timeouts = { lockTimeoutMs, statementTimeoutMs: lockTimeoutMs * 2 };
    const url = urls[name];
    const [writer, reader] = [LOCKS[name].role, READERS[name]];
    const open = (role: Role) => new WriterConnection(clientConfig(url, role, timeouts));
    const [first, second, reading] = [open(writer), open(writer), open(reader)];
    try {
      for (const connection of [first, second, reading]) await connection.connect();
      await checkServer(first, name);
      await checkSession(first, name, roleOf(url, writer));
      // A pooler may send who reads to a standby, which does not have yet what was just written.
      await checkServer(reading, name);
      await checkSession(reading, name, roleOf(url, reader));
      await checkLock(first, second, name);
    } finally {
      for (const connection of [first, second, reading]) connection.destroy();
    }
  }
}

/**
 * Whether all that keeps the log as it was written is in its place.
 * @throws ProbeFailed naming each guard that is not
 */
export async function checkGuards(log: Kysely<LogDatabase>, url: string): Promise<void> {
  const missing = await missingGuards(log, url);
  if (missing.length === 0) return;
  const lines = missing.map((line) => `  - ${line}`).join('\n');
  throw new ProbeFailed(`The log is not guarded as the migrations made it:\n${lines}`);
}

/** SQL as text: it is about PostgreSQL's own settings. */
async function checkServer(connection: WriterConnection, name: 'log' | 'state'): Promise<void> {
  const { rows } = await connection.send(
    `select pg_is_in_recovery() as standby, current_setting('fsync') as fsync,
            current_setting('full_page_writes') as full_page_writes,
            current_setting('server_version_num')::int as version`,
  );
  const server = rows[0] as {
    standby: boolean;
    fsync: string;
    full_page_writes: string;
    version: number;
  };
  if (server.version < MIN_SERVER_VERSION) {
    throw new ProbeFailed(`The ${name} database's server is older than PostgreSQL 17`);
  }
  if (server.standby) {
    throw new ProbeFailed(`The ${name} database is a standby; Truebook writes to the primary`);
  }
  // The state can be rebuilt; the log is the truth and must survive a power cut.
  if (name === 'log' && (server.fsync !== 'on' || server.full_page_writes !== 'on')) {
    throw new ProbeFailed('The log database runs with fsync or full_page_writes off');
  }
}

/**
 * A pooler may drop what a session begins with, and some settings only a superuser can set.
 * SQL as text: it is about PostgreSQL's own settings.
 */
async function checkSession(
  connection: WriterConnection,
  name: 'log' | 'state',
  role: string,
): Promise<void> {
  const wanted: Record<string, string> = {
    ...SESSION_SETTINGS,
    role,
    client_encoding: 'UTF8',
    server_encoding: 'UTF8',
    // Anything else switches the triggers off that guard the log.
    session_replication_role: 'origin',
  };
  const { rows } = await connection.send({
    text: 'select name, current_setting(name) as value from unnest($1::text[]) as name',
    values: [Object.keys(wanted)],
  });
  for (const { name: setting, value } of rows as { name: string; value: string }[]) {
    if (value === wanted[setting]) continue;
    throw new ProbeFailed(
      `The sessions of the ${name} database have ${setting} "${value}", not "${wanted[setting]!}"`,
    );
  }
}

async function checkLock(
  first: WriterConnection,
  second: WriterConnection,
  name: 'log' | 'state',
): Promise<void> {
  const { statement } = LOCKS[name];
  await first.send('begin');
  await first.send(statement);
  await second.send('begin');
  try {
    await second.send(`${statement} nowait`);
  } catch (error) {
    if (sqlstateOf(error) !== SQLSTATE.lockNotAvailable) throw error;
    await second.rollback();
    await first.rollback();
    return;
  }
  throw new ProbeFailed(`The ${name} database let two sessions hold the same exclusive lock`);
}
