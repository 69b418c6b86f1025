import { chmod, mkdtemp, readdir, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedPostgres } from '../../src/database/embedded-postgres';
import { makeLogins, migrate } from '../../src/database/migrator';
import { announceCluster } from './cluster';
import { atTheEnd } from './global-teardown';
import { isAlive } from './own-cluster';

/** The folder of a run; the pid of its process comes next. */
const PREFIX = 'truebook-test-';
/** What Linux keeps in memory and calls a file system. */
const MEMORY = '/dev/shm';
/** A run takes some 300 MiB there; with less than this to spare, the disk has to do. */
const SPARE_BYTES = 3 * 2 ** 30;

/**
 * Starts one PostgreSQL for all spec files and migrates its two databases. They are the templates
 * that every spec's own databases are cloned from, so nobody may stay connected to them.
 */
export default async function setUp(): Promise<void> {
  const folder = await roomyFolder();
  await removeAbandoned(folder);
  const runDir = await mkdtemp(join(folder, `${PREFIX}${process.pid}-`));
  // Run by root, PostgreSQL has a user of its own, who must be able to enter the folder.
  await chmod(runDir, 0o755);
  const postgres = await EmbeddedPostgres.open(runDir);
  atTheEnd(postgres, runDir);
  const { urls } = await migrate(await postgres.owners());
  const services = await makeLogins(urls);
  announceCluster({
    superUrl: await postgres.superUrl(),
    ownerUrl: await postgres.ownerUrl('postgres'),
    logServiceUrl: services.log,
    stateServiceUrl: services.state,
    runDir,
  });
}

/**
 * Where a run's databases are: in memory, where the machine has plenty. A run makes and drops a
 * thousand databases of three hundred files each, and on a disk that takes longer than the tests.
 * What specs promise stays true there: they kill programs, and never cut the power.
 */
async function roomyFolder(): Promise<string> {
  const chosen = process.env['TEST_DIR'];
  if (chosen !== undefined) return chosen;
  const room = await statfs(MEMORY).then(
    ({ bavail, bsize }) => Math.min(bavail * bsize, process.availableMemory()),
    () => 0,
  );
  return room >= SPARE_BYTES ? MEMORY : tmpdir();
}

/**
 * Removes what runs have left that were killed; in memory it would stay until the machine is
 * started again. A PostgreSQL that still runs there ends by itself when its files are gone.
 */
async function removeAbandoned(folder: string): Promise<void> {
  const names = await readdir(folder);
  const abandoned = names.filter((name) => {
    const pid = Number(new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1] ?? NaN);
    return pid > 0 && !isAlive(pid);
  });
  // Another user's are not ours to remove.
  const remove = (name: string) => rm(join(folder, name), { recursive: true, force: true });
  await Promise.allSettled(abandoned.map(remove));
}
