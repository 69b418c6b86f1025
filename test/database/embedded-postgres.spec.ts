import { spawn } from 'node:child_process';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CopyIn } from '../../src/database/copy-in';
import { query, withClient } from '../harness/cluster';
import { endCluster, openCluster, ownClusterFolder } from '../harness/own-cluster';
import { rounds } from '../harness/rounds';
import { spawnService } from '../harness/service';
import { waitUntilBack } from './embedded-service';

/** Of a row, and of nothing else. */
const MARKER = 'what-a-row-says';

describe('the PostgreSQL of a running service', () => {
  it('is started again whenever it is killed', async () => {
    const dataDir = await ownClusterFolder();
    const service = await spawnService({ dataDir });
    for (let round = 0; round < rounds(1, 10); round++) {
      await endCluster(dataDir, 'SIGKILL');
      await waitUntilBack(service);
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

describe('what PostgreSQL says in its log', () => {
  it('has nothing of rows that it refused, nor of statements and their parameters', async () => {
    const dataDir = await ownClusterFolder();
    const cluster = await openCluster(dataDir);
    await withClient(await cluster.superUrl(), async (client) => {
      const refused = (text: string, values?: string[]) =>
        expect(client.query(text, values)).rejects.toThrow();
      await client.query(`create table t (word text unique, no int check (no > 0))`);
      await client.query(`insert into t values ('${MARKER}', 1)`);
      await refused('insert into t values ($1, 1)', [MARKER]);
      await refused(`insert into t values ('${MARKER}2', 0)`);
      await refused('select $1::int', [MARKER]);
      await refused(`do $$ begin raise exception '${MARKER}'; end $$`);
      for (const row of [`${MARKER}3,0`, `${MARKER}4,${MARKER}`]) {
        const copy = new Promise<void>((done, fail) => {
          const statement = 'copy t from stdin (format csv)';
          client.query(
            new CopyIn(statement, Buffer.from(row), (error) => (error ? fail(error) : done())),
          );
        });
        await expect(copy).rejects.toThrow();
      }
    });
    // The one that gathers the log ends last, when all of it is written.
    await cluster.close();
    const folder = join(dataDir, 'postgres', 'log');
    const files = (await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8'));
    const said = (await Promise.all(files)).join('');
    expect(said).toContain('ready to accept connections');
    expect(said).not.toContain(MARKER);
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
