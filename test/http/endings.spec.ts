import { open, stat, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { ACCOUNTS, openAccounts, send, type Order } from '../engine/transfer-orders';
import { ApiClient } from '../harness/api-client';
import { cloneDatabases } from '../harness/databases';
import { isAlive, ownClusterFolder, postmasterOf } from '../harness/own-cluster';
import { rounds } from '../harness/rounds';
import { spawnProcess, spawnService, TEST_KEY, type SpawnedService } from '../harness/service';
import { SmallDisk } from '../harness/small-disk';
import { waitFor } from '../harness/waiting';

const SIGNALS = (['SIGQUIT', 'SIGHUP', 'SIGTERM', 'SIGINT'] as const).slice(0, rounds(1, 4));
const SOON_MS = 10_000;
/** How long connections are left that stall. */
const CONNECTIONS_MS = 4_000;
/** More than a pipe and the program's own memory hold of log lines. */
const REQUESTS = 3_000;
const AT_ONCE = 50;
const VERIFICATIONS = '/v1/admin/replay-verifications';
const WRITERS = 20;

/** A connection on which something was sent, and nothing more will be. */
async function openConnection(url: string, text: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await new Promise((done) => socket.once('connect', done));
  await new Promise((done) => socket.write(text, done));
  return socket;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** Writers that go on until they are refused or cut off, and keep what was accepted. */
async function writeUntilTheEnd(api: ApiClient, accepted: Order[]): Promise<void> {
  const accounts = await openAccounts(api);
  const write = async (_: unknown, writer: number) => {
    for (let no = 0; ; no++) {
      const [from, to] = [accounts[writer % ACCOUNTS]!, accounts[(writer + 1) % ACCOUNTS]!];
      const order = { key: `${writer} ${no}`, from, to, cents: 1 };
      const answer = await send(api, order).catch(() => undefined);
      if (answer?.status !== 201) return;
      accepted.push(order);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
}

/** Has the service write many lines of log. */
async function makeNoise(url: string): Promise<void> {
  const api = new ApiClient(url, TEST_KEY);
  for (let sent = 0; sent < REQUESTS; sent += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, () => api.get('/v1/nothing-here')));
  }
}

async function expectOrderlyEnd(
  { exited }: Pick<SpawnedService, 'exited'>,
  kill: () => void,
): Promise<void> {
  const began = performance.now();
  kill();
  expect(await exited).toBe(0);
  expect(performance.now() - began).toBeLessThan(SOON_MS);
}

describe('the end of the service', () => {
  it.each(SIGNALS)('is orderly and soon by %s, whatever its callers have sent', async (signal) => {
    const dataDir = await ownClusterFolder();
    const service = await spawnService({ dataDir });
    const head = 'POST /v1/accounts HTTP/1.1\r\nHost: x\r\n';
    const json = `${head}Authorization: Bearer ${TEST_KEY}\r\nContent-Type: application/json\r\n`;
    const sockets = await Promise.all([
      openConnection(service.url, head),
      openConnection(service.url, `${json}Content-Length: 100\r\n\r\n{"name":`),
      openConnection(service.url, 'GET /v1/health/live HTTP/1.1\r\nHost: x\r\n\r\n'),
      openConnection(service.url, ''),
    ]);
    await expectOrderlyEnd(service, () => service.kill(signal));
    await expect(stat(join(dataDir, 'postgres', 'postmaster.pid'))).rejects.toThrow('ENOENT');
    for (const socket of sockets) socket.destroy();
  });

  it.each(SIGNALS)('is orderly by %s while it starts', async (signal) => {
    const dataDir = await ownClusterFolder();
    const { child, exited } = await spawnProcess({ dataDir });
    const started = () => stat(join(dataDir, 'postgres', 'postmaster.pid')).catch(() => undefined);
    await waitFor('PostgreSQL to be started', started, 60_000);
    await expectOrderlyEnd({ exited }, () => child.kill(signal));
    await expect(stat(join(dataDir, 'postgres', 'postmaster.pid'))).rejects.toThrow('ENOENT');
  });
});

describe('the end of a service that has much to do', () => {
  it('is orderly and soon, and nothing that was acknowledged is lost', async () => {
    const dataDir = await ownClusterFolder();
    const service = await spawnService({ dataDir });
    const accepted: Order[] = [];
    const written = writeUntilTheEnd(service.api, accepted);
    await waitFor('many transactions', () => accepted.length > 300, 60_000);
    expect((await service.api.post(VERIFICATIONS)).status).toBe(202);
    await waitFor('the verification to run', async () => {
      const { body } = await service.api.get<{ data: { status: string }[] }>(VERIFICATIONS);
      return body.data[0]?.status !== 'queued';
    });
    await expectOrderlyEnd(service, () => service.kill('SIGTERM'));
    const { api } = await spawnService({ dataDir });
    await written;
    for (const order of accepted.slice(-100)) {
      const again = await send(api, order);
      expect([again.status, again.headers.get('idempotency-hit')]).toEqual([201, 'true']);
    }
  }, 120_000);

  it('is soon where PostgreSQL takes long to stop, which it does by itself', async () => {
    const dataDir = await ownClusterFolder();
    const service = await spawnService({ dataDir });
    const postmaster = await postmasterOf(dataDir);
    process.kill(postmaster, 'SIGSTOP');
    try {
      await expectOrderlyEnd(service, () => service.kill('SIGTERM'));
      expect(service.output()).toContain('ends by itself');
    } finally {
      process.kill(postmaster, 'SIGCONT');
    }
    await waitFor('PostgreSQL to end', () => !isAlive(postmaster), 60_000);
  });

  it('comes at once by a second signal', async () => {
    const { urls } = await cloneDatabases();
    const service = await spawnService({ urls });
    const stalled = await openConnection(service.url, 'POST /v1/accounts HTTP/1.1\r\n');
    const began = performance.now();
    let end: number | NodeJS.Signals | undefined;
    void service.exited.then((how) => (end = how));
    await waitFor('the service to end', () => {
      if (end === undefined) service.kill('SIGTERM');
      return end !== undefined;
    });
    expect(end).toBe(1);
    expect(performance.now() - began).toBeLessThan(CONNECTIONS_MS);
    expect(service.output()).toContain('ended before it had stopped');
    stalled.destroy();
  });

  it('says nothing of a value that an error quotes which nobody caught', async () => {
    const { urls } = await cloneDatabases();
    const file = join(await ownClusterFolder(), 'throw.cjs');
    const thrown = `process.once('SIGUSR2', () => { JSON.parse('secret-value {') });`;
    await writeFile(file, thrown);
    const service = await spawnService({ urls, env: { NODE_OPTIONS: `--require ${file}` } });
    service.kill('SIGUSR2');
    expect(await service.exited).toBe(1);
    expect(service.output()).toContain('An error that nobody caught: a value was refused');
    expect(service.output()).not.toContain('secret');
  });
});

describe('what the service prints', () => {
  it('can be lost to a full disk, and nothing else', async () => {
    const disk = await SmallDisk.mount(await ownClusterFolder(), 1 << 20);
    await disk.fillUp(0);
    const file = await open(join(disk.path, 'log'), 'w');
    const { urls } = await cloneDatabases();
    const port = await freePort();
    const env = { PORT: String(port), LOG_LEVEL: 'info' };
    const { child, exited } = await spawnProcess({ urls, env, printTo: file.fd });
    await file.close();
    const url = `http://127.0.0.1:${port}`;
    const api = new ApiClient(url, TEST_KEY);
    const isLive = () => api.get('/v1/health/live').catch(() => undefined);
    await waitFor('the service to listen', isLive, 60_000);
    await makeNoise(url);
    expect((await isLive())?.status).toBe(200);
    await disk.makeRoom();
    await makeNoise(url);
    const size = async () => (await stat(join(disk.path, 'log'))).size > 0;
    await waitFor('lines to be written again', size);
    await expectOrderlyEnd({ exited }, () => child.kill('SIGTERM'));
    await disk.unmount();
  });

  it.each(['is closed', 'is not read'])('can be lost to a pipe that %s', async (how) => {
    const { urls } = await cloneDatabases();
    const port = await freePort();
    const env = { PORT: String(port), LOG_LEVEL: 'info' };
    const { child, exited, output } = await spawnProcess({ urls, env });
    await waitFor('the service to listen', () => output().includes('listens on'), 60_000);
    for (const stream of [child.stdout, child.stderr]) {
      if (how === 'is closed') stream!.destroy();
      else stream!.pause();
    }
    const url = `http://127.0.0.1:${port}`;
    await makeNoise(url);
    const api = new ApiClient(url, TEST_KEY);
    expect((await api.get('/v1/health/live')).status).toBe(200);
    const ended = new Promise((done) => child.once('exit', done));
    await expectOrderlyEnd({ exited: how === 'is closed' ? exited : (ended as never) }, () =>
      child.kill('SIGTERM'),
    );
  });
});
