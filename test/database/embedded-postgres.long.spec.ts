import { readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { query } from '../harness/cluster';
import { endCluster, ownClusterFolder, postmasterOf, superUrlOf } from '../harness/own-cluster';
import { runScript } from '../harness/script';
import { spawnService } from '../harness/service';
import { SmallDisk } from '../harness/small-disk';
import { waitFor } from '../harness/waiting';
import { isLive, isReady, open, READY_MS, waitUntilBack } from './embedded-service';

const DISK_BYTES = 192 << 20;
/** Less than PostgreSQL needs for its next file of WAL. */
const LEFT_BYTES = 1 << 20;

describe('the PostgreSQL of a running service', () => {
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
  });

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
});

describe('programs that open one data directory at once', () => {
  it('wait for each other, where it is new and where it is stopped', async () => {
    for (let round = 0; round < 8; round++) {
      const dataDir = await ownClusterFolder();
      const programs = 2 + (round % 3);
      for (const what of ['new', 'stopped']) {
        const migrate = () => runScript('migrate', [], undefined, { DATA_DIR: dataDir });
        const ends = await Promise.all(Array.from({ length: programs }, migrate));
        for (const { end, stderr } of ends) expect([what, end, stderr]).toEqual([what, 0, '']);
      }
      await expect(stat(join(dataDir, 'postgres', 'postmaster.pid'))).rejects.toThrow('ENOENT');
    }
  });
});
