import { spawn } from 'node:child_process';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { query } from '../harness/cluster';
import { endCluster, openCluster, ownClusterFolder } from '../harness/own-cluster';
import { rounds } from '../harness/rounds';
import { spawnService } from '../harness/service';
import { open, waitUntilBack } from './embedded-service';

describe('the PostgreSQL of a running service', () => {
  it('is started again whenever it is killed', async () => {
    const dataDir = await ownClusterFolder();
    const service = await spawnService({ dataDir });
    for (let round = 0; round < rounds(1, 10); round++) {
      await endCluster(dataDir, 'SIGKILL');
      await waitUntilBack(service);
      expect(await open(service)).toBe(201);
    }
    service.kill('SIGTERM');
    expect(await service.exited).toBe(0);
    await expect(stat(join(dataDir, 'postgres', 'postmaster.pid'))).rejects.toThrow('ENOENT');
  }, 900_000);

  it('is stopped with the service while it is away', async () => {
    const dataDir = await ownClusterFolder();
    const service = await spawnService({ dataDir });
    await endCluster(dataDir, 'SIGKILL');
    service.kill('SIGTERM');
    expect(await service.exited).toBe(0);
    await openCluster(dataDir);
    await endCluster(dataDir, 'SIGINT');
  });
});

describe('a lock file that a crash has left', () => {
  it('does not stand for a server where another program has its pid', async () => {
    const dataDir = await ownClusterFolder();
    await openCluster(dataDir);
    await endCluster(dataDir, 'SIGKILL');
    const { uid, gid } = await stat(join(dataDir, 'postgres'));
    // PostgreSQL itself believes any process of its own user.
    const as = process.getuid?.() === 0 ? { uid, gid } : {};
    const other = spawn('sleep', ['600'], { ...as, stdio: 'ignore' });
    try {
      for (const name of ['postmaster.pid', '.s.PGSQL.5432.lock']) {
        const file = join(dataDir, 'postgres', name);
        const [, ...rest] = (await readFile(file, 'utf8')).split('\n');
        await writeFile(file, [other.pid, ...rest].join('\n'));
      }
      const cluster = await openCluster(dataDir);
      expect(await query(await cluster.superUrl(), 'select 1 as one')).toEqual([{ one: 1 }]);
      await cluster.close();
      expect(other.exitCode).toBeNull();
      expect(other.signalCode).toBeNull();
    } finally {
      other.kill('SIGKILL');
    }
  });
});
