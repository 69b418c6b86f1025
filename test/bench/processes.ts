import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { DatabaseUrls } from '../../src/database/connections';
import type { RunReport } from '../../src/proof/replay/report';
import type { HttpLoad, HttpResult } from './http-load';
import type { RebuildLoad } from './rebuild-load';

const run = promisify(execFile);
/** The folder with package.json; this file runs from dist/test/bench. */
const PROJECT = join(__dirname, '..', '..', '..');
const BUILT = join(__dirname, '..', '..');
const START_TIMEOUT_MS = 60_000;
const POLL_MS = 50;
/** The system keeps the largest value, so that looking seldom is enough and disturbs nothing. */
const MEMORY_POLL_MS = 250;
const MAX_OUTPUT_BYTES = 10_000_000;

/** A server that was started for a measurement. */
export interface Server {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Starts the service as `npm start` does, with the same flags, on a port of its own. All that comes
 * comes from one address, so the limit by address is off unless `variables` say otherwise: it would
 * be measured instead.
 */
export async function startService(
  dataDir: string,
  apiKey: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<Server> {
  const fixed = { PORT: '0', ADMIN_API_KEY: apiKey, HOST: '', RATE_LIMIT_PER_ADDRESS: 'off' };
  const env = { ...embedded(dataDir), ...fixed, ...variables };
  const script = join(BUILT, 'src', 'main.js');
  return startServer([...(await nodeFlags('start')), script], env, join(dataDir, 'service.log'));
}

/** Starts the bare route with the flags of the service. */
export async function startBareRoute(dataDir: string): Promise<Server> {
  const script = join(BUILT, 'test', 'bench', 'bare-route.js');
  const args = [...(await nodeFlags('start')), script];
  return startServer(args, process.env, join(dataDir, 'bare-route.log'));
}

async function startServer(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  logFile: string,
): Promise<Server> {
  // Into a file: reading the server's log would cost this process time that it measures.
  const log = await open(logFile, 'w');
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', log.fd, log.fd] });
  await log.close();
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const output = await readFile(logFile, 'utf8');
    const url = /listens on (\S+)/.exec(output)?.[1];
    if (url !== undefined) return { url, stop: () => stop(child) };
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`A server did not start: ${output.trim().split('\n').at(-1) ?? ''}`);
    }
    await delay(POLL_MS);
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** Runs HTTP load from a process of its own. */
export async function measureHttp(load: HttpLoad): Promise<HttpResult> {
  const script = join(BUILT, 'test', 'bench', 'http-load.js');
  const { stdout } = await run(process.execPath, [script, JSON.stringify(load)], {
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  return JSON.parse(stdout) as HttpResult;
}

/** Rebuilds stretches of a log in a process of their own, with the flags of a replay. */
export async function measureRebuilds(load: RebuildLoad): Promise<number[]> {
  const script = join(BUILT, 'test', 'bench', 'rebuild-load.js');
  const args = [...(await nodeFlags('replay')), script, JSON.stringify(load)];
  const { stdout } = await run(process.execPath, args);
  return JSON.parse(stdout) as number[];
}

/** Runs `npm run replay` or `verify` and watches the memory of all that takes part. */
export async function measureScript<Report extends RunReport>(
  name: 'replay' | 'verify',
  dataDir: string,
  urls: DatabaseUrls,
): Promise<{ report: Report; peakMib: number }> {
  const env = {
    ...process.env,
    ...{ DATA_DIR: dataDir, LOG_DATABASE_URL: urls.log, STATE_DATABASE_URL: urls.state },
  };
  const args = [...(await nodeFlags(name)), join(BUILT, 'scripts', `${name}.js`), '--json'];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  let peakKib = 0;
  const before = new Set(await backendPids(dataDir));
  while (child.exitCode === null) {
    // Of PostgreSQL's processes those that came with the script, not those of other measurements.
    const backends = (await backendPids(dataDir)).filter((pid) => !before.has(pid));
    for (const pid of [child.pid!, ...backends]) {
      peakKib = Math.max(peakKib, await peakMemoryKib(pid));
    }
    await delay(MEMORY_POLL_MS);
  }
  await ended;
  if (child.exitCode !== 0) throw new Error(`npm run ${name} ended with ${child.exitCode}`);
  const report = JSON.parse(output) as Report;
  return { report, peakMib: Math.max(peakKib / 1024, report.peakMib) };
}

/** Runs `npm run import` with its flags, beside a service. @returns what it says of itself */
export async function runImport(dataDir: string, options: readonly string[]): Promise<string> {
  const args = [...(await nodeFlags('import')), join(BUILT, 'scripts', 'import.js'), ...options];
  const { stdout } = await run(process.execPath, args, { env: embedded(dataDir) });
  return stdout;
}

/** The environment of a process that uses the bench's own cluster. */
function embedded(dataDir: string): NodeJS.ProcessEnv {
  return { ...process.env, DATA_DIR: dataDir, LOG_DATABASE_URL: '', STATE_DATABASE_URL: '' };
}

/** The flags for node in a script of package.json. */
async function nodeFlags(script: string): Promise<string[]> {
  const text = await readFile(join(PROJECT, 'package.json'), 'utf8');
  const { scripts } = JSON.parse(text) as { scripts: Record<string, string> };
  return scripts[script]!.split(/\s+/).filter((word) => word.startsWith('--'));
}

/** The children of the embedded server; none where the system has no /proc. */
async function backendPids(dataDir: string): Promise<number[]> {
  const lock = await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8');
  const postmaster = lock.split('\n')[0]!;
  const tasks = await readdir(`/proc/${postmaster}/task`).catch(() => []);
  const lists = tasks.map((task) =>
    readFile(`/proc/${postmaster}/task/${task}/children`, 'utf8').catch(() => ''),
  );
  return (await Promise.all(lists)).join(' ').split(/\s+/).filter(Boolean).map(Number);
}

async function peakMemoryKib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0);
}
