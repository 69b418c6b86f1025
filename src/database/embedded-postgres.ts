import { statfs } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { NO_TIMEOUTS, openSession, type DatabaseUrls } from './connections';
import { EmbeddedPostgresError } from './postgres-binaries';
import { openFolder, superuserPassword, type PostgresFolder } from './postgres-folder';
import { PostgresServer } from './postgres-server';
import { scramVerifier } from './scram';
import { deriveSecret } from './secret-file';
import { sqlstateOf } from './sqlstates';

const OWNER = 'truebook_owner';
/** Whoever uses the cluster is there as this one, who may do nothing. */
const GUARD = 'truebook_guard';
const DATABASES = { log: 'truebook_log', state: 'truebook_state' } as const;
/** PostgreSQL's last checkpoint, on a disk that is slow. */
const STOP_PATIENCE_MS = 60_000;
/** How long a server may say nothing at all; one that recovers says so, and takes its time. */
const SILENCE_MS = 120_000;
const WRONG_PASSWORD = '28P01';
const POLL_MS = 25;
/** Held (shared) by every process that uses the cluster, so the last one to leave stops it. */
const IN_USE_LOCK = 7_255_001;
/** Held by the process that makes what is missing in the cluster. */
const MAKING_LOCK = 7_255_002;

/** A server that is gone is started again after this, doubled each time up to the greatest. */
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 10_000;
/** One that ran for so long is started again at once. */
const STABLE_MS = 60_000;
/** Starts that fail one after the other; more make no sense, unless the disk is full. */
const MAX_FAILURES = 8;
const DISK_FULL = /No space left on device|Disk quota exceeded/i;
/** Two files of WAL. With less room PostgreSQL cannot recover, nor say so in its log. */
const ROOM_BYTES = 32 << 20;

/** The server does not answer, and runs. */
class PostgresSilent extends EmbeddedPostgresError {}

/** What is told of a server that is started again whenever it is gone. */
export interface Watcher {
  /** One sentence: it is gone, could not be started yet, is back. */
  readonly say: (message: string, error?: unknown) => void;
  /** It cannot be started again, and is not tried again. */
  readonly onLost: (error: EmbeddedPostgresError) => void;
}

export interface EmbeddedPostgresOptions {
  /** Ends the opening early, with the server that was started for it. */
  readonly signal?: AbortSignal;
  /** Default: a server that is gone stays gone. */
  readonly watcher?: Watcher;
}

/**
 * A real PostgreSQL that runs for this program, its data in `<dir>/postgres`, reachable over a
 * Unix socket only. Several processes may open and use it at once; the last one to close stops it.
 * One that was left running by a process that died is taken over.
 */
export class EmbeddedPostgres {
  private readonly server: PostgresServer;
  private readonly ending = new AbortController();
  private guard: Client | undefined;
  private repairing: Promise<void> = Promise.resolve();
  private restarts = 0;
  private enteredMs = 0;

  private constructor(
    private readonly folder: PostgresFolder,
    private readonly guardPassword: string,
    private readonly watcher: Watcher | undefined,
  ) {
    this.server = new PostgresServer(folder);
  }

  /** Initialises the cluster and its databases if there are none; starts it if it does not run. */
  static async open(dir: string, options: EmbeddedPostgresOptions = {}): Promise<EmbeddedPostgres> {
    const { signal, watcher } = options;
    const cluster = new EmbeddedPostgres(
      await openFolder(dir, signal),
      deriveSecret(await superuserPassword(dir), GUARD),
      watcher,
    );
    const end = () => cluster.ending.abort();
    signal?.addEventListener('abort', end);
    if (signal?.aborted) end();
    try {
      await cluster.enterOrStart();
      await cluster.prepare();
    } catch (error) {
      await cluster.close().catch(() => undefined);
      throw error;
    } finally {
      signal?.removeEventListener('abort', end);
    }
    return cluster;
  }

  /** The two databases, as their owner: this object does not keep its password. */
  async owners(): Promise<DatabaseUrls> {
    return { log: await this.ownerUrl(DATABASES.log), state: await this.ownerUrl(DATABASES.state) };
  }

  /** A database of this cluster, as the owner of databases. */
  async ownerUrl(database: string): Promise<string> {
    const password = await superuserPassword(this.folder.dir);
    return this.url(database, OWNER, ownerPassword(password));
  }

  /** A database of this cluster, as the superuser. */
  async superUrl(database = 'postgres'): Promise<string> {
    return this.url(database, 'postgres', await superuserPassword(this.folder.dir));
  }

  private url(database: string, user: string, password: string): string {
    const host = encodeURIComponent(this.folder.socketDir);
    return `postgresql://${user}:${password}@localhost/${database}?host=${host}&port=5432`;
  }

  /**
   * Leaves the cluster, and stops it if nobody else uses it.
   * SQL as text: the builder has no word for locks.
   * @throws StillStopping after so long
   */
  async close(patienceMs = STOP_PATIENCE_MS): Promise<void> {
    const deadline = performance.now() + patienceMs;
    this.ending.abort();
    await this.repairing;
    // Where the opening was interrupted, somebody else may use the server that it started.
    if (!this.guard) await this.enter().catch(() => undefined);
    const guard = this.guard;
    this.guard = undefined;
    if (!guard) return this.server.stopStarted(deadline);
    await guard.query('select pg_advisory_unlock_shared($1)', [IN_USE_LOCK]).catch(() => undefined);
    const { rows } = await guard
      .query('select pg_try_advisory_lock($1) as last', [IN_USE_LOCK])
      .catch(() => ({ rows: [{ last: false }] }));
    const isLast = (rows[0] as { last: boolean }).last;
    // The lock is held until the server ends it: whoever comes now waits, and starts it again.
    if (isLast) await this.server.stop(deadline);
    else this.server.release();
    await guard.end().catch(() => undefined);
  }

  /** @throws EmbeddedPostgresError */
  private async enterOrStart(): Promise<void> {
    let heardMs = performance.now();
    for (;;) {
      if (this.ending.signal.aborted) throw new EmbeddedPostgresError('It was interrupted');
      const answer = await this.enter();
      if (answer === 'entered') break;
      if (answer === 'starting') heardMs = performance.now();
      else await this.server.ensureStarted();
      if (performance.now() - heardMs > SILENCE_MS) {
        throw new PostgresSilent(`PostgreSQL in ${this.folder.dataDir} does not answer`);
      }
      await delay(POLL_MS);
    }
    this.server.release();
    this.enteredMs = performance.now();
  }

  /**
   * Connects and says that the cluster is in use, by a login that may do nothing else.
   * SQL as text: the builder has no word for locks.
   */
  private async enter(): Promise<'entered' | 'starting' | 'silent'> {
    let guard: Client | undefined;
    try {
      guard = await openSession(this.url('postgres', GUARD, this.guardPassword), NO_TIMEOUTS);
      await guard.query('select pg_advisory_lock_shared($1)', [IN_USE_LOCK]);
    } catch (error) {
      await guard?.end().catch(() => undefined);
      const isUnknown = sqlstateOf(error) === WRONG_PASSWORD;
      const cause = isUnknown ? await this.prepare(true).catch((e: unknown) => e) : error;
      if (cause instanceof EmbeddedPostgresError) throw cause;
      // 57P03: it starts, recovers or stops.
      return cause === undefined || sqlstateOf(cause) === '57P03' ? 'starting' : 'silent';
    }
    const entered = guard;
    this.guard = entered;
    entered.once('end', () => this.onGone(entered));
    return 'entered';
  }

  private onGone(guard: Client): void {
    if (this.guard !== guard) return;
    this.guard = undefined;
    if (this.watcher && !this.ending.signal.aborted) this.repairing = this.repair(this.watcher);
  }

  /** Starts the server again and again, with growing pauses, until it runs or cannot. */
  private async repair({ say, onLost }: Watcher): Promise<void> {
    const { signal } = this.ending;
    if (performance.now() - this.enteredMs > STABLE_MS) this.restarts = 0;
    say('PostgreSQL is gone, and is started again');
    for (let failures = 0; ;) {
      await this.pause();
      if (signal.aborted) return;
      try {
        await this.enterOrStart();
        return say('PostgreSQL is back');
      } catch (error) {
        if (signal.aborted) return;
        const { message } = error as Error;
        failures = (await this.isDiskFull(message)) ? 0 : failures + 1;
        if (failures >= MAX_FAILURES || error instanceof PostgresSilent) {
          return onLost(new EmbeddedPostgresError(message, { cause: error }));
        }
        say('PostgreSQL could not be started yet', error);
      }
    }
  }

  private async pause(): Promise<void> {
    const ms = this.restarts === 0 ? 0 : FIRST_PAUSE_MS * 2 ** (this.restarts - 1);
    this.restarts++;
    const { signal } = this.ending;
    await delay(Math.min(ms, MAX_PAUSE_MS), undefined, { signal }).catch(() => undefined);
  }

  private async isDiskFull(message: string): Promise<boolean> {
    if (DISK_FULL.test(message)) return true;
    const room = await statfs(this.folder.dataDir).then(
      ({ bavail, bsize }) => bavail * bsize,
      () => Infinity,
    );
    return room < ROOM_BYTES;
  }

  /**
   * Makes what is missing: the logins and the databases. The superuser does it, at every start, and
   * finishes what an earlier one may have left half done.
   * SQL as text: it is about PostgreSQL's own tables, and the builder has no word for locks.
   */
  private async prepare(isGuardUnknown = false): Promise<void> {
    const { dir, dataDir } = this.folder;
    const password = await superuserPassword(dir);
    const superuser = await openSession(
      this.url('postgres', 'postgres', password),
      NO_TIMEOUTS,
    ).catch((cause: unknown) => {
      if (sqlstateOf(cause) !== WRONG_PASSWORD) throw cause;
      const message = `The password in ${dir} does not fit the PostgreSQL in ${dataDir}`;
      throw new EmbeddedPostgresError(message, { cause });
    });
    const isThere = async (text: string, name: string) =>
      (await superuser.query(text, [name])).rows.length > 0;
    const isRole = (name: string) => isThere('select from pg_roles where rolname = $1', name);
    const verifier = (secret: string) => `password '${scramVerifier(secret)}'`;
    try {
      // Several processes that open a new cluster at once do this one after the other.
      await superuser.query('select pg_advisory_lock($1)', [MAKING_LOCK]);
      const isOwned = await isRole(OWNER);
      if (!isOwned) await superuser.query(`create role ${OWNER} login createrole`);
      for (const name of Object.values(DATABASES)) {
        if (await isThere('select from pg_database where datname = $1', name)) continue;
        await superuser.query(`create database ${name} owner ${OWNER}`);
      }
      const isGuarded = await isRole(GUARD);
      if (isGuarded && !isGuardUnknown) return;
      // The owner of an earlier version had the superuser's password.
      await superuser.query(`alter role ${OWNER} ${verifier(ownerPassword(password))}`);
      if (!isGuarded) await superuser.query(`create role ${GUARD} login`);
      await superuser.query(`alter role ${GUARD} ${verifier(this.guardPassword)}`);
    } finally {
      await superuser.end();
    }
  }
}

function ownerPassword(password: string): string {
  return deriveSecret(password, OWNER);
}
