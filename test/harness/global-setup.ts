import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedPostgres } from '../../src/database/embedded-postgres';
import { migrate } from '../../src/database/migrator';
import { announceCluster } from './cluster';
import { atTheEnd } from './global-teardown';

/**
 * Starts one PostgreSQL for all spec files and migrates its two databases. They are the templates
 * that every spec's own databases are cloned from, so nobody may stay connected to them.
 */
export default async function setUp(): Promise<void> {
  const runDir = await mkdtemp(join(tmpdir(), 'truebook-test-'));
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
