import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseUrls } from '../../src/database/connections';
import { testCluster } from './cluster';
import { compiledProgram } from './program';

/** How a script ended. */
export interface ScriptEnd {
  /** Exit code, or the signal that ended it. */
  readonly end: number | NodeJS.Signals;
  readonly stdout: string;
  /** What it said but for which ledger it opened. */
  readonly stderr: string;
  /** Where the ledger is that it opened; empty where it opened none. */
  readonly ledger: string;
}

const LEDGER = /^The ledger in (.*)\n/m;

export interface RunningScript {
  readonly child: ChildProcess;
  readonly ended: Promise<ScriptEnd>;
}

/**
 * Starts a compiled script, without a terminal, on two databases; or else on the PostgreSQL in the
 * `DATA_DIR` of `env`.
 */
export async function startScript(
  name:
    | 'migrate'
    | 'replay'
    | 'verify'
    | 'import'
    | 'export-books'
    | 'export-log'
    | 'import-log'
    | 'amend'
    | 'checkpoint'
    | 'accept-time',
  args: readonly string[],
  urls: DatabaseUrls | undefined,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningScript> {
  const program = await compiledProgram();
  const dataDir = await mkdtemp(join(testCluster().runDir, 'data-'));
  const child = spawn(process.execPath, [join(program, 'scripts', `${name}.js`), ...args], {
    cwd: program,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      DATA_DIR: dataDir,
      NODE_COMPILE_CACHE: join(testCluster().runDir, 'compiled'),
      ...(urls && { LOG_DATABASE_URL: urls.log, STATE_DATABASE_URL: urls.state }),
      ...env,
    },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<ScriptEnd>((done) => {
    child.on('close', (code, signal) => {
      const ledger = LEDGER.exec(stderr)?.[1] ?? '';
      done({ end: code ?? signal ?? -1, stdout, stderr: stderr.replace(LEDGER, ''), ledger });
    });
  });
  return { child, ended };
}

/** Runs a compiled script to its end. */
export async function runScript(...args: Parameters<typeof startScript>): Promise<ScriptEnd> {
  const { ended } = await startScript(...args);
  return ended;
}
