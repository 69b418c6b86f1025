import { execFile, type ChildProcess } from 'node:child_process';
import { readFile, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { EmbeddedPostgresError, outputOf, spawnBinary } from './postgres-binaries';
import type { PostgresFolder } from './postgres-folder';

const POLL_MS = 25;
/** What a program printed last may be read a little later than its end is heard of. */
const LAST_WORDS_MS = 200;

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
  // Nothing of a row, be it in a message, its detail, its context, a statement or its parameters:
  // what goes wrong in a statement is told to who sent it, and not to the log.
  log_min_messages: 'log',
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
  log_parameter_max_length: '0',
  log_parameter_max_length_on_error: '0',
  log_statement: 'none',
  log_min_duration_statement: '-1',
  log_min_duration_sample: '-1',
  log_transaction_sample_rate: '0',
} as const;

/** Another program's server has the folder, or what is left of one: both pass. */
const TAKEN = /lock file "[^"]*" (?:already exists|is empty)|pre-existing shared memory block/;

/** It was told to stop, and does so by itself; whoever starts it next waits for that. */
export class StillStopping extends EmbeddedPostgresError {
  constructor(pid: number) {
    super(`PostgreSQL (process ${pid}) writes its last checkpoint, and ends by itself`);
  }
}

/**
 * The server process of a cluster: one at most, whoever starts it. It outlives the process that
 * started it, and is found again by PostgreSQL's own lock file.
 */
export class PostgresServer {
  private child: ChildProcess | undefined;
  /** What the server that was started here said when it ended by itself. */
  private lastWords: string | undefined;

  constructor(private readonly folder: PostgresFolder) {}

  /**
   * Starts the server unless one runs or is being started, by whomever.
   * @throws EmbeddedPostgresError where the one that was started here ended at once
   */
  async ensureStarted(): Promise<void> {
    const said = this.lastWords;
    this.lastWords = undefined;
    // Another program started one at the same moment; then ours gave way.
    if (said !== undefined && !TAKEN.test(said)) {
      throw new EmbeddedPostgresError(
        `PostgreSQL did not start in ${this.folder.dataDir}: ${reasonOf(said)} ` +
          `(see ${join(this.folder.dataDir, 'log')})`,
      );
    }
    if (this.child !== undefined) return;
    const { pid, isOurs } = await this.readLockFile();
    if (!isOurs) this.spawn(pid);
  }

  /** The server answers: it is left to itself, and is found by its lock file from now on. */
  release(): void {
    this.child?.stdout?.destroy();
    this.child?.stderr?.destroy();
    this.child?.unref();
    this.child = undefined;
    this.lastWords = undefined;
  }

  /**
   * Ends the server in order: sessions are ended, and a checkpoint is written.
   * @throws StillStopping at the deadline, by `performance.now()`
   */
  async stop(deadline: number): Promise<void> {
    const pid = await this.pid();
    if (pid === undefined) return this.stopStarted(deadline);
    signal(pid);
    while ((await this.pid()) === pid) {
      if (performance.now() > deadline) throw new StillStopping(pid);
      await delay(POLL_MS);
    }
  }

  /**
   * Ends the server that was started here, which may not have its lock file yet.
   * @throws StillStopping at the deadline, by `performance.now()`
   */
  async stopStarted(deadline: number): Promise<void> {
    const { child } = this;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.once('exit', done)).then(() => true);
    signal(child.pid);
    const late = delay(Math.max(0, deadline - performance.now()), false, { ref: false });
    if (!(await Promise.race([ended, late]))) throw new StillStopping(child.pid);
  }

  /** @param stalePid what the lock file names, no server of this folder any longer */
  private spawn(stalePid: number | undefined): void {
    const { binaries, dataDir, socketDir } = this.folder;
    const args = Object.entries(SETTINGS).flatMap(([k, v]) => ['-c', `${k}=${v}`]);
    // PostgreSQL believes every process that has the pid in its lock file to be its server, but for
    // the one named here (pg_ctl names its parent). It still looks whether its memory is in use.
    const child = spawnBinary(
      binaries,
      binaries.postgres,
      ['-D', dataDir, '-k', socketDir, '-p', '5432', ...args],
      stalePid === undefined ? {} : { PG_GRANDPARENT_PID: String(stalePid) },
    );
    this.child = child;
    const output = outputOf(child);
    const onEnd = (what: string) => {
      if (this.child !== child) return;
      this.child = undefined;
      this.lastWords = `${output()}\n${what}`;
    };
    const closed = new Promise((done) => child.once('close', done));
    child.once('error', (error) => onEnd(error.message));
    child.once('exit', (code, by) => {
      const late = delay(LAST_WORDS_MS, undefined, { ref: false });
      void Promise.race([closed, late]).then(() => onEnd(by ?? `exit code ${code}`));
    });
  }

  /** The server's process, if it runs. */
  private async pid(): Promise<number | undefined> {
    const { pid, isOurs } = await this.readLockFile();
    return isOurs ? pid : undefined;
  }

  /** The pid in PostgreSQL's lock file, and whether it is a server's and not anybody's by now. */
  private async readLockFile(): Promise<{ pid: number | undefined; isOurs: boolean }> {
    const { dataDir } = this.folder;
    const text = await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => '');
    const pid = Number(text.split('\n')[0]);
    if (!Number.isInteger(pid) || pid <= 0) return { pid: undefined, isOurs: false };
    return { pid, isOurs: await isServerOf(pid, dataDir) };
  }
}

/** SIGINT: a fast shutdown. */
function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGINT');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Whether a process lives and is a folder's PostgreSQL: after a reboot its pid is anybody's. */
async function isServerOf(pid: number, dataDir: string): Promise<boolean> {
  const args = await argumentsOf(pid);
  if (args === undefined) return false;
  if (args.length > 0 && basename(args[0]!) !== 'postgres') return false;
  const at = args.indexOf('-D');
  // Started by hand, or by somebody who lets nobody look: it is taken at its lock file's word.
  if (at < 0) return true;
  const real = (path: string) => realpath(path).catch(() => path);
  return (await real(args[at + 1] ?? '')) === (await real(dataDir));
}

/** A process's command line, empty where it may not be seen; undefined: there is no process. */
async function argumentsOf(pid: number): Promise<string[] | undefined> {
  if (process.platform === 'linux') {
    try {
      const text = await readFile(`/proc/${pid}/cmdline`, 'utf8');
      // A process that ended and that its parent has not asked after has none.
      return text === '' ? undefined : text.split('\0');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return code === 'ENOENT' || code === 'ESRCH' ? undefined : [];
    }
  }
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'args=', '-p', String(pid)]);
    return stdout.trim().split(' ');
  } catch {
    return undefined;
  }
}

function reasonOf(said: string): string {
  const lines = said.trim().split('\n');
  return /(?:FATAL|PANIC): +(.*)/.exec(said)?.[1] ?? lines.at(-1)!;
}
