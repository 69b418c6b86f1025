import { mkdir, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { testCluster } from '../harness/cluster';
import { cloneDatabases } from '../harness/databases';
import { spawnProcess, spawnService } from '../harness/service';
import { waitFor } from '../harness/waiting';

const LINE = 'Truebook did not start. ';

/** What a program that ended at once said, and its exit code. */
async function failedStart(options: Parameters<typeof spawnProcess>[0]): Promise<string> {
  const { exited, output } = await spawnProcess(options);
  expect(await exited).toBe(1);
  expect(
    output()
      .split('\n')
      .filter((line) => line.startsWith(LINE)),
  ).toHaveLength(1);
  expect(output()).not.toMatch(/\n {4}at /);
  return output()
    .slice(output().indexOf(LINE) + LINE.length)
    .trim();
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('the program at its start', () => {
  it('says that its port is taken', async () => {
    const { urls } = await cloneDatabases();
    const blocker = createServer();
    await new Promise<void>((done) => blocker.listen(0, '127.0.0.1', done));
    const { port } = blocker.address() as AddressInfo;
    const said = await failedStart({ urls, env: { PORT: String(port) } });
    await new Promise((done) => blocker.close(done));
    expect(said).toBe(
      `Port ${port} on 127.0.0.1 is in use: stop the program that uses it, or set PORT`,
    );
  });

  it('says which database cannot be reached, and does not repeat the password', async () => {
    const { urls } = await cloneDatabases();
    const away = 'postgresql://me:secret@127.0.0.1:1/books';
    const log = await failedStart({ urls: { log: away, state: urls.state } });
    expect(log).toBe('The log database cannot be reached at 127.0.0.1:1 (ECONNREFUSED)');
    const state = await failedStart({ urls: { log: urls.log, state: away } });
    expect(state).toBe('The state database cannot be reached at 127.0.0.1:1 (ECONNREFUSED)');
  });

  it('says everything that is wrong with its configuration', async () => {
    const said = await failedStart({ env: { PORT: 'x', ROLE: 'boss', STATE_DATABASE_URL: 'y' } });
    for (const name of ['PORT', 'ROLE', 'STATE_DATABASE_URL']) expect(said).toContain(name);
  });

  it('says that the data directory is of another version', async () => {
    const dataDir = await mkdtemp(join(testCluster().runDir, 'old-'));
    await mkdir(join(dataDir, 'postgres'));
    await writeFile(join(dataDir, 'postgres', 'PG_VERSION'), '16\n');
    expect(await failedStart({ dataDir })).toMatch(/was made by PostgreSQL 16, and this program/);
  });

  it('makes a key once, shows it once, and lets nobody else read it', async () => {
    const { urls } = await cloneDatabases();
    const dataDir = await mkdtemp(join(testCluster().runDir, 'key-'));
    const first = await spawnService({ urls, dataDir, env: { ADMIN_API_KEY: '' } });
    const file = join(dataDir, 'admin-key');
    const key = (await readFile(file, 'utf8')).trim();
    expect(key).toMatch(/^tb_[\w-]{43}$/);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(first.output()).toContain(key);
    expect(first.output()).toContain(file);
    first.kill('SIGTERM');
    expect(await first.exited).toBe(0);
    const second = await spawnService({ urls, dataDir, env: { ADMIN_API_KEY: '' } });
    expect(second.output()).not.toContain(key);
    expect(second.output()).toContain(file);
    const headers = { authorization: `Bearer ${key}` };
    expect((await fetch(`${second.url}/v1/accounts`, { headers })).status).toBe(200);
    second.kill('SIGINT');
    expect(await second.exited).toBe(0);
  });

  it('changes no key of a ledger that has one, and needs none', async () => {
    const { urls } = await cloneDatabases();
    const first = await spawnService({ urls });
    const dataDir = await mkdtemp(join(testCluster().runDir, 'keys-'));
    const second = await spawnService({ urls, dataDir, env: { ADMIN_API_KEY: '' } });
    expect(second.output()).toContain('as the first start made it');
    expect(await readdir(dataDir)).not.toContain('admin-key');
    const env = { ADMIN_API_KEY: 'a-key-that-nobody-knows' };
    const said = await failedStart({ urls, dataDir, env });
    expect(said).toContain('The admin key of ADMIN_API_KEY is none that this ledger knows');
    expect(said).not.toContain(env.ADMIN_API_KEY);
    for (const { api } of [first, second]) {
      expect((await api.get('/v1/accounts')).status).toBe(200);
    }
  });

  it('answers what it accepted before it ends', async () => {
    const { urls } = await cloneDatabases();
    const service = await spawnService({ urls });
    const account = { name: 'x', type: 'asset', currency: 'USD' };
    const statuses: number[] = [];
    let isCut = false;
    // Every client asks again as long as it is answered; its last request may find nobody.
    const client = async () => {
      while (!isCut) {
        const answer = await service.api.post('/v1/accounts', account).catch(() => undefined);
        if (!answer) return;
        statuses.push(answer.status);
        if (statuses.length === 50) service.kill('SIGTERM');
      }
    };
    const clients = Promise.all(Array.from({ length: 10 }, client));
    expect(await service.exited).toBe(0);
    isCut = true;
    await clients;
    const accepted = statuses.filter((status) => status === 201).length;
    expect(accepted).toBeGreaterThanOrEqual(50);
    expect(statuses.filter((status) => status !== 201 && status !== 503)).toEqual([]);
    const next = await spawnService({ urls });
    const { body } = await next.api.get('/v1/health/ready');
    // What was answered is there, and nothing that was not accepted.
    expect(body['logPosition']).toBe(accepted);
  });

  it('serves nothing but its health as a worker', async () => {
    const { urls } = await cloneDatabases();
    const worker = await spawnService({ urls, env: { ROLE: 'worker' } });
    expect((await worker.api.get('/v1/health/ready')).status).toBe(200);
    expect((await worker.api.get('/v1/accounts')).status).toBe(404);
  });

  it('runs a PostgreSQL of its own, and stops it when it stops', async () => {
    const dataDir = await mkdtemp(join(testCluster().runDir, 'own-'));
    const service = await spawnService({ dataDir });
    const account = { name: 'x', type: 'asset', currency: 'USD' };
    expect((await service.api.post('/v1/accounts', account)).status).toBe(201);
    const pidFile = join(dataDir, 'postgres', 'postmaster.pid');
    const pid = Number((await readFile(pidFile, 'utf8')).split('\n')[0]);
    service.kill('SIGTERM');
    expect(await service.exited).toBe(0);
    // It removes its files just before its process is gone.
    await waitFor('PostgreSQL to be gone', () => !isRunning(pid));
    const again = await spawnService({ dataDir });
    expect((await again.api.get('/v1/health/ready')).body['logPosition']).toBe(1);
    // Twice at once, as npm and a terminal send it: still an orderly end.
    again.kill('SIGINT');
    again.kill('SIGINT');
    expect(await again.exited).toBe(0);
    await expect(stat(pidFile)).rejects.toThrow('ENOENT');
  });
});
