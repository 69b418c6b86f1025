import { createHash, randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  EmbeddedPostgresError,
  findBinaries,
  outputOf,
  spawnBinary,
  type PostgresBinaries,
} from './postgres-binaries';
import { readOrMakeSecret } from './secret-file';
import { errorMessage } from './errors';

const MAJOR_VERSION = '18';
/** Longest path of a Unix socket; PostgreSQL adds the file's name to the folder's. */
const MAX_SOCKET_DIR = 107 - '/.s.PGSQL.5432'.length;
const PASSWORD_BYTES = 24;
/** Where a cluster is made before it is moved into place. */
const DRAFT = 'postgres.draft-';

/** A complete cluster in `<dir>/postgres`, and how its programs are run. */
export interface PostgresFolder {
  readonly dir: string;
  readonly dataDir: string;
  readonly socketDir: string;
  readonly binaries: PostgresBinaries;
}

/**
 * The password of a folder's superuser, made where there is none. What other logins there have is
 * made from it, so that whoever knows theirs does not know this one.
 */
export async function superuserPassword(dir: string): Promise<string> {
  const make = () => randomBytes(PASSWORD_BYTES).toString('hex');
  return (await readOrMakeSecret(join(dir, 'postgres-password'), make)).text;
}

/** Whether a folder has a cluster, complete or of another version. */
export async function hasCluster(dir: string): Promise<boolean> {
  return (await versionOf(join(dir, 'postgres'))) !== undefined;
}

/** The cluster in a folder, made where there is none. @throws EmbeddedPostgresError */
export async function openFolder(dir: string, signal?: AbortSignal): Promise<PostgresFolder> {
  await mkdir(dir, { recursive: true });
  const binaries = await findBinaries(dir);
  const dataDir = join(dir, 'postgres');
  const folder = { dir, dataDir, socketDir: socketDirOf(dir, dataDir), binaries };
  if ((await versionOf(dataDir)) === undefined) await makeCluster(folder, signal);
  const version = await versionOf(dataDir);
  if (version !== MAJOR_VERSION) {
    throw new EmbeddedPostgresError(
      `${dataDir} was made by PostgreSQL ${version}, and this program brings ` +
        `${MAJOR_VERSION}: dump it with the old program, or set DATA_DIR to another folder`,
    );
  }
  await removeDrafts(dir);
  await ownDirectory(dataDir, binaries);
  if (folder.socketDir !== dataDir) await ownDirectory(folder.socketDir, binaries);
  return folder;
}

function socketDirOf(dir: string, dataDir: string): string {
  if (Buffer.byteLength(dataDir) <= MAX_SOCKET_DIR) return dataDir;
  const digest = createHash('sha256').update(dir).digest('hex').slice(0, 16);
  return join(tmpdir(), `truebook-${digest}`);
}

async function versionOf(dataDir: string): Promise<string | undefined> {
  const text = await readFile(join(dataDir, 'PG_VERSION'), 'utf8').catch(() => undefined);
  return text?.trim();
}

async function ownDirectory(path: string, { user }: PostgresBinaries): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
  if (user) await chown(path, user.uid, user.gid);
}

/**
 * Makes a cluster aside and moves it into place when it is complete, so that whoever finds
 * `PG_VERSION` there finds all of it, whenever this process is killed. Several processes may do so
 * at once: the first to move decides, the others throw theirs away.
 */
async function makeCluster(folder: PostgresFolder, signal?: AbortSignal): Promise<void> {
  const { dir, dataDir, binaries } = folder;
  const draft = join(dir, `${DRAFT}${randomBytes(6).toString('hex')}`);
  try {
    await ownDirectory(draft, binaries);
    await initdb(folder, draft, signal);
    await rename(join(draft, 'data'), dataDir);
    await syncFolder(dir);
  } catch (error) {
    // Whoever was first removed all drafts, ours included.
    if ((await versionOf(dataDir)) !== undefined) return;
    if (error instanceof EmbeddedPostgresError) throw error;
    const reason = errorMessage(error);
    throw new EmbeddedPostgresError(`PostgreSQL could not be initialised in ${dir}: ${reason}`);
  } finally {
    await rm(draft, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** What was left by processes that were killed; nobody needs a draft once there is a cluster. */
async function removeDrafts(dir: string): Promise<void> {
  const names = (await readdir(dir)).filter((name) => name.startsWith(DRAFT));
  const remove = (name: string) => rm(join(dir, name), { recursive: true, force: true });
  // An initdb without its parent may still be writing: the next start removes the rest.
  await Promise.allSettled(names.map(remove));
}

async function initdb(
  { dir, binaries }: PostgresFolder,
  draft: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const passwordFile = join(draft, 'password');
  await writeFile(passwordFile, await superuserPassword(dir), { mode: 0o600 });
  if (binaries.user) await chown(passwordFile, binaries.user.uid, binaries.user.gid);
  const child = spawnBinary(binaries, binaries.initdb, [
    `--pgdata=${join(draft, 'data')}`,
    '--username=postgres',
    '--auth=scram-sha-256',
    `--pwfile=${passwordFile}`,
    '--encoding=UTF8',
    // The same order of text on every machine, whatever its locales.
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
    '--data-checksums',
  ]);
  const output = outputOf(child);
  const stop = () => child.kill('SIGTERM');
  signal?.addEventListener('abort', stop);
  const code = await new Promise((done) => child.on('close', done).on('error', done));
  signal?.removeEventListener('abort', stop);
  if (code === 0) return;
  const last = output().trim().split('\n').at(-1) ?? '';
  throw new EmbeddedPostgresError(`PostgreSQL could not initialise ${dir}: ${last}`);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
