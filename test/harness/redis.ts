import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';
import { endBeforeDatabases } from './databases';
import { waitFor } from './waiting';

const NAME = 'redis-server';
const START_TIMEOUT_MS = 15_000;

/** A Redis server of one test, on a port of its own, that keeps nothing on the disk. */
export interface RedisServer {
  readonly url: string;
  /** Starts it again after {@link kill}, empty, on the same port. */
  start(): Promise<void>;
  /** Ends it with SIGKILL; done after the test by itself. */
  kill(): Promise<void>;
}

const started: RedisServer[] = [];

/** Starts a server and waits until it answers. */
export async function startRedis(): Promise<RedisServer> {
  const server = new RedisProcess(redisProgram(), await freePort());
  started.push(server);
  await server.start();
  return server;
}

class RedisProcess implements RedisServer {
  readonly url: string;
  private child: ChildProcess | undefined;

  constructor(
    private readonly program: string,
    private readonly port: number,
  ) {
    this.url = `redis://127.0.0.1:${port}`;
  }

  async start(): Promise<void> {
    const options = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    const child = spawn(this.program, ['--port', String(this.port), ...options], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    this.child = child;
    const redis = new Redis(this.url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
    redis.on('error', () => undefined);
    let answer: string | undefined;
    void redis.ping().then(
      (pong) => (answer = pong),
      () => undefined,
    );
    try {
      await waitFor(
        'Redis to answer',
        () => {
          if (child.exitCode !== null) throw new Error(`Redis ended at once: ${output}`);
          return answer;
        },
        START_TIMEOUT_MS,
      );
    } finally {
      redis.disconnect();
    }
  }

  async kill(): Promise<void> {
    const child = this.child;
    this.child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.once('close', done));
    child.kill('SIGKILL');
    await ended;
  }
}

/** Where the server's program is: in PATH, or where Debian puts it. */
function redisProgram(): string {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin'];
  const program = folders.map((folder) => join(folder, NAME)).find((path) => existsSync(path));
  if (program !== undefined) return program;
  throw new Error(
    `These tests want a Redis server of their own and find no ${NAME}: install it with ` +
      '"apt-get install redis-server" (Debian, Ubuntu) or "brew install redis" (macOS)',
  );
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

endBeforeDatabases(async () => {
  for (const server of started.splice(0)) await server.kill();
});
