import { chmod, mkdtemp, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedPostgres } from '../../src/database/embedded-postgres';
import { migrate } from '../../src/database/migrator';
import { announceCluster } from './cluster';
import { atTheEnd } from './global-teardown';

/** What Linux keeps in memory and calls a file system. */
const MEMORY = '/dev/shm';
/** A run takes 1 GiB there at its worst; with less than this to spare, the disk has to do. */
const SPARE_BYTES = 6 * 2 ** 30;

/**
 * Starts one PostgreSQL for all spec files and migrates its two databases. They are the templates
 * that every spec's own databases are cloned from, so nobody may stay connected to them.
 */
export default async function setUp(): Promise<void> {
  const runDir = await mkdtemp(join(await roomyFolder(), 'truebook-test-'));
  // Run by root, PostgreSQL has a user of its own, who must be able to enter the folder.
  await chmod(runDir, 0o755);
  const postgres = await EmbeddedPostgres.open(runDir);
  atTheEnd(postgres, runDir);
  await migrate(postgres.urls);
  announceCluster({
    superUrl: postgres.url('postgres', 'postgres'),
    ownerUrl: postgres.url('postgres'),
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
