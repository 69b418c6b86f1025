import { spawn } from 'node:child_process';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { query } from '../harness/cluster';
import {
  endCluster,
  openCluster,
  ownClusterFolder,
  postmasterOf,
  superUrlOf,
} from '../harness/own-cluster';
import { rounds } from '../harness/rounds';
import { runScript } from '../harness/script';
import { spawnService, type SpawnedService } from '../harness/service';
import { SmallDisk } from '../harness/small-disk';
import { waitFor } from '../harness/waiting';

const ACCOUNT = { name: 'x', type: 'asset', currency: 'USD' };
const DISK_BYTES = 192 << 20;
/** Less than PostgreSQL needs for its next file of WAL. */
const LEFT_BYTES = 1 << 20;
const READY_MS = 60_000;

const isLive = async ({ api }: SpawnedService) => (await api.get('/v1/health/live')).status === 200;
const isReady = async ({ api }: SpawnedService) =>
  (await api.get('/v1/health/ready')).status === 200;
const open = async ({ api }: SpawnedService) => (await api.post('/v1/accounts', ACCOUNT)).status;

async function waitUntilBack(service: SpawnedService): Promise<void> {
  const back = async () => {
    expect(await isLive(service)).toBe(true);
    return isReady(service);
  };
  await waitFor('PostgreSQL to be back', back, READY_MS);
}

describe('the PostgreSQL of a running service', () => {
  it('is started again whenever it is killed', async () => {
    const dataDir = await ownClusterFolder();
    const service = await spawnService({ dataDir });
    for (let round = 0; round < rounds(2, 10); round++) {
      await endCluster(dataDir, 'SIGKILL');
      await waitUntilBack(service);
      expect(await open(service)).toBe(201);
    }
    service.kill('SIGTERM');
    expect(await service.exited).toBe(0);
    await expect(stat(join(dataDir, 'postgres', 'postmaster.pid'))).rejects.toThrow('ENOENT');
  }, 900_000);

  it('is started again once its full disk has room', async () => {
    const folder = await ownClusterFolder();
    const disk = await SmallDisk.mount(folder, DISK_BYTES);
    const service = await spawnService({ dataDir: disk.path });
    expect(await open(service)).toBe(201);
    const pid = await postmasterOf(disk.path);
    const superUrl = await superUrlOf(disk.path);
    await disk.fillUp(LEFT_BYTES);
    const isGone = async () => {
      // Every switch wants another file.
      await query(superUrl, 'create temporary table t as select; select pg_switch_wal()').catch(
        () => undefined,
      );
      return readFile(`/proc/${pid}/stat`, 'utf8').then(
        (text) => text.includes(') Z '),
        () => true,
      );
    };
    await waitFor('PostgreSQL to be gone', isGone, READY_MS);
    const isDown = async () => (await isLive(service)) && !(await isReady(service));
    await waitFor('the service to say so', isDown);
    await disk.makeRoom();
    await waitUntilBack(service);
    expect(await open(service)).toBe(201);
    service.kill('SIGTERM');
    expect(await service.exited).toBe(0);
    await disk.unmount();
  }, 180_000);

  it('ends the service with a sentence where it cannot be started again', async () => {
    const dataDir = await ownClusterFolder();
    const service = await spawnService({ dataDir });
    const control = join(dataDir, 'postgres', 'global', 'pg_control');
    await rename(control, `${control}.away`);
    await endCluster(dataDir, 'SIGKILL');
    expect(await isLive(service)).toBe(true);
    expect(await service.exited).toBe(1);
    expect(service.output()).toMatch(
      /^Truebook ends\. It cannot go on without its database\. PostgreSQL did not start in /m,
    );
  });

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

describe('programs that open one data directory at once', () => {
  it('wait for each other, where it is new and where it is stopped', async () => {
    for (let round = 0; round < rounds(3, 20); round++) {
      const dataDir = await ownClusterFolder();
      const programs = 2 + (round % 3);
      for (const what of ['new', 'stopped']) {
        const migrate = () => runScript('migrate', [], undefined, { DATA_DIR: dataDir });
        const ends = await Promise.all(Array.from({ length: programs }, migrate));
        for (const { end, stderr } of ends) expect([what, end, stderr]).toEqual([what, 0, '']);
      }
      await expect(stat(join(dataDir, 'postgres', 'postmaster.pid'))).rejects.toThrow('ENOENT');
    }
  }, 900_000);
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
      expect(await query(cluster.url('postgres', 'postgres'), 'select 1 as one')).toEqual([
        { one: 1 },
      ]);
      await cluster.close();
      expect(other.exitCode).toBeNull();
      expect(other.signalCode).toBeNull();
    } finally {
      other.kill('SIGKILL');
    }
  });
});
