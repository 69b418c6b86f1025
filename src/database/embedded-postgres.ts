import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import type { DatabaseUrls } from './connections';
import { EmbeddedPostgresError, findBinaries, type PostgresBinaries } from './postgres-binaries';
import { SQLSTATE, sqlstateOf } from './sqlstates';

const MAJOR_VERSION = '18';
const OWNER = 'truebook_owner';
const DATABASES = { log: 'truebook_log', state: 'truebook_state' } as const;
const START_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 60_000;
const POLL_MS = 25;
/** Longest path of a Unix socket; PostgreSQL adds the file's name to the folder's. */
const MAX_SOCKET_DIR = 107 - '/.s.PGSQL.5432'.length;
/** Held (shared) by every process that uses the cluster, so the last one to leave stops it. */
const IN_USE_LOCK = 7_255_001;

/** Sized for a small machine; a real installation brings its own servers. */
const SETTINGS = {
  listen_addresses: '',
  max_connections: '100',
  shared_buffers: '128MB',
  wal_buffers: '16MB',
  max_wal_size: '4GB',
  min_wal_size: '512MB',
  checkpoint_timeout: '15min',
  unix_socket_permissions: '0700',
  logging_collector: 'on',
  log_directory: 'log',
  log_filename: 'postgresql-%a.log',
  log_truncate_on_rotation: 'on',
  log_rotation_age: '1d',
  log_rotation_size: '0',
} as const;

/**
 * All that PostgreSQL sees of the environment: none of the service's secrets. Its sessions keep the
 * memory of one batch for the next instead of giving it back to the system every time.
 */
const ENVIRONMENT = {
  PATH: '/usr/local/bin:/usr/bin:/bin',
  MALLOC_TRIM_THRESHOLD_: '67108864',
  MALLOC_TOP_PAD_: '1048576',
};

/**
 * A real PostgreSQL that runs for this program, its data in `<dataDir>/postgres`, reachable over a
 * Unix socket only. Several processes may use it at once; the last one to close stops it. One that
 * was left running by a process that died is taken over.
 */
export class EmbeddedPostgres {
  private readonly dataDir: string;
  private readonly socketDir: string;
  private password = '';
  private child: ChildProcess | undefined;
  private guard: Client | undefined;

  private constructor(private readonly dir: string) {
    this.dataDir = join(dir, 'postgres');
    const digest = createHash('sha256').update(dir).digest('hex').slice(0, 16);
    this.socketDir =
      Buffer.byteLength(this.dataDir) <= MAX_SOCKET_DIR
        ? this.dataDir
        : join(tmpdir(), `truebook-${digest}`);
  }

  /** Initialises the cluster and its databases if there are none; starts it if it does not run. */
  static async open(dir: string): Promise<EmbeddedPostgres> {
    const cluster = new EmbeddedPostgres(dir);
    const binaries = await cluster.initialise();
    await cluster.start(binaries);
    await cluster.makeDatabases();
    return cluster;
  }

  /** The two databases, as their owner. */
  get urls(): DatabaseUrls {
    return { log: this.url(DATABASES.log), state: this.url(DATABASES.state) };
  }

  /** A database of this cluster, as its owner or as the superuser. */
  url(database: string, user: string = OWNER): string {
    const host = encodeURIComponent(this.socketDir);
    return `postgresql://${user}:${this.password}@localhost/${database}?host=${host}&port=5432`;
  }

  /**
   * Leaves the cluster, and stops it if nobody else uses it.
   * SQL as text: the builder has no word for locks.
   */
  async close(): Promise<void> {
    const guard = this.guard;
    this.guard = undefined;
    if (!guard) return;
    await guard.query('select pg_advisory_unlock_shared($1)', [IN_USE_LOCK]).catch(() => undefined);
    const { rows } = await guard
      .query('select pg_try_advisory_lock($1) as last', [IN_USE_LOCK])
      .catch(() => ({ rows: [{ last: false }] }));
    await guard.end().catch(() => undefined);
    if (!(rows[0] as { last: boolean }).last) return this.child?.unref();
    await this.stop();
  }

  private async initialise(): Promise<PostgresBinaries> {
    await mkdir(this.dir, { recursive: true });
    const binaries = await findBinaries(this.dir);
    const version = await readFile(join(this.dataDir, 'PG_VERSION'), 'utf8').catch(() => undefined);
    if (version !== undefined && version.trim() !== MAJOR_VERSION) {
      throw new EmbeddedPostgresError(
        `${this.dataDir} was made by PostgreSQL ${version.trim()}, and this program brings ` +
          `${MAJOR_VERSION}: dump it with the old program, or set DATA_DIR to another folder`,
      );
    }
    this.password = await this.readOrMakePassword();
    await this.ownDirectory(this.dataDir, binaries);
    if (this.socketDir !== this.dataDir) await this.ownDirectory(this.socketDir, binaries);
    if (version === undefined) await this.initdb(binaries);
    return binaries;
  }

  private async readOrMakePassword(): Promise<string> {
    const file = join(this.dir, 'postgres-password');
    const password = randomBytes(24).toString('hex');
    // 'wx': the process that makes the file decides, the others read it.
    await writeFile(file, password, { mode: 0o600, flag: 'wx' }).catch(() => undefined);
    return (await readFile(file, 'utf8')).trim();
  }

  private async ownDirectory(path: string, { user }: PostgresBinaries): Promise<void> {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await chmod(path, 0o700);
    if (user) await chown(path, user.uid, user.gid);
  }

  private async initdb(binaries: PostgresBinaries): Promise<void> {
    const passwordFile = join(this.dataDir, '..', `.initdb-${process.pid}`);
    await writeFile(passwordFile, this.password, { mode: 0o600 });
    if (binaries.user) await chown(passwordFile, binaries.user.uid, binaries.user.gid);
    const args = [
      `--pgdata=${this.dataDir}`,
      '--username=postgres',
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '--encoding=UTF8',
      // The same order of text on every machine, whatever its locales.
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--locale=C',
      '--data-checksums',
    ];
    try {
      const child = this.spawn(binaries, binaries.initdb, args, 'pipe');
      let output = '';
      child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
      child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
      const code = await new Promise((done) => child.on('close', done).on('error', done));
      if (code !== 0) {
        const last = output.trim().split('\n').at(-1) ?? '';
        throw new EmbeddedPostgresError(`PostgreSQL could not initialise ${this.dataDir}: ${last}`);
      }
    } finally {
      await rm(passwordFile, { force: true });
    }
  }

  /** A process group of its own: Ctrl-C reaches the service, which stops PostgreSQL last. */
  private spawn(
    { user, prefix }: PostgresBinaries,
    program: string,
    args: readonly string[],
    stdio: 'pipe' | ['ignore', number, number],
  ): ChildProcess {
    const [command, ...rest] = [...prefix, program, ...args];
    const as = prefix.length === 0 ? user : undefined;
    return spawn(command!, rest, { ...as, cwd: '/', detached: true, stdio, env: ENVIRONMENT });
  }

  private async start(binaries: PostgresBinaries): Promise<void> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    const logFile = join(this.dir, 'postgres-start.log');
    let exited: number | null | undefined;
    while (!(await this.enter())) {
      if (this.child === undefined && !(await this.runningPid())) {
        const log = await open(logFile, 'w', 0o600);
        const args = Object.entries(SETTINGS).flatMap(([k, v]) => ['-c', `${k}=${v}`]);
        this.child = this.spawn(
          binaries,
          binaries.postgres,
          ['-D', this.dataDir, '-k', this.socketDir, '-p', '5432', ...args],
          ['ignore', log.fd, log.fd],
        );
        this.child.on('exit', (code) => (exited = code ?? -1));
        await log.close();
      }
      // Another process may have started it at the same moment; then this one's child gives way.
      if (exited !== undefined && !(await this.runningPid())) {
        const output = await readFile(logFile, 'utf8').catch(() => '');
        const reason = /(?:FATAL|PANIC): +(.*)/.exec(output)?.[1] ?? `exit code ${exited}`;
        throw new EmbeddedPostgresError(`PostgreSQL did not start in ${this.dataDir}: ${reason}`);
      }
      if (Date.now() > deadline) {
        throw new EmbeddedPostgresError(`PostgreSQL in ${this.dataDir} does not answer`);
      }
      await delay(POLL_MS);
    }
  }

  /**
   * Connects and says that the cluster is in use. False: nobody answers yet.
   * SQL as text: the builder has no word for locks.
   */
  private async enter(): Promise<boolean> {
    const guard = new Client({ connectionString: this.url('postgres', 'postgres') });
    guard.on('error', () => undefined);
    try {
      await guard.connect();
      await guard.query('select pg_advisory_lock_shared($1)', [IN_USE_LOCK]);
      this.guard = guard;
      return true;
    } catch (error) {
      await guard.end().catch(() => undefined);
      if (sqlstateOf(error) === '28P01') {
        throw new EmbeddedPostgresError(
          `The password in ${this.dir} does not fit the PostgreSQL in ${this.dataDir}`,
          { cause: error },
        );
      }
      return false;
    }
  }

  private async makeDatabases(): Promise<void> {
    const guard = this.guard!;
    const ignore =
      (...states: string[]) =>
      (error: unknown) => {
        if (!states.includes(sqlstateOf(error) ?? '')) throw error;
      };
    const taken = [SQLSTATE.duplicateObject, SQLSTATE.duplicateDatabase, '23505'];
    await guard
      .query(`create role ${OWNER} login createrole password '${this.password}'`)
      .catch(ignore(...taken));
    for (const name of Object.values(DATABASES)) {
      await guard.query(`create database ${name} owner ${OWNER}`).catch(ignore(...taken));
    }
  }

  /** The pid in PostgreSQL's lock file, where that process is alive. */
  private async runningPid(): Promise<number | undefined> {
    const file = await readFile(join(this.dataDir, 'postmaster.pid'), 'utf8').catch(() => '');
    const pid = Number(file.split('\n')[0]);
    if (!Number.isInteger(pid) || pid <= 0) return undefined;
    try {
      process.kill(pid, 0);
      return pid;
    } catch {
      return undefined;
    }
  }

  private async stop(): Promise<void> {
    const pid = await this.runningPid();
    if (pid === undefined) return;
    // SIGINT: a fast shutdown, which ends sessions and writes a checkpoint.
    process.kill(pid, 'SIGINT');
    const deadline = Date.now() + STOP_TIMEOUT_MS;
    while ((await this.runningPid()) === pid) {
      if (Date.now() > deadline) {
        throw new EmbeddedPostgresError(`PostgreSQL (process ${pid}) did not stop`);
      }
      await delay(POLL_MS);
    }
  }
}
