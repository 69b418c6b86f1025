import 'reflect-metadata';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createApp } from '../../src/app.module';
import { Config } from '../../src/config';
import type { EngineLimits } from '../../src/engine/write/ledger-parts';
import type { DatabaseUrls } from '../../src/database/connections';
import type { Clock } from '../../src/engine/define/ids';
import { openLedger, type OpenLedger } from '../../src/engine/open-ledger';
import {
  tokenOf,
  type Feature,
  type FeatureService,
  type ServiceProvider,
  type ServiceToken,
} from '../../src/engine/define/feature';
import { features as allFeatures } from '../../src/features';
import { openAdminKey } from '../../src/http/admin-key';
import { makeLog } from '../../src/http/log';
import { ApiClient } from './api-client';
import { testCluster } from './cluster';
import { cloneDatabases, endBeforeDatabases, type TestDatabases } from './databases';
import { TEST_LIMITS } from './ledger';
import { compiledProgram } from './program';
import { waitFor } from './waiting';

/** The admin's key in every test. */
export const TEST_KEY = 'tb_key-of-the-tests-only';
const START_TIMEOUT_MS = 60_000;
const EXIT_TIMEOUT_MS = 30_000;

/** The whole service inside the process of the test. */
export interface TestService {
  readonly url: string;
  readonly key: string;
  readonly api: ApiClient;
  readonly databases: TestDatabases;
  readonly urls: DatabaseUrls;
  readonly open: OpenLedger;
  /** What the service made under a token. */
  get<T>(token: ServiceToken<T>): T;
  /** Where mails and objects are, unless `env` says otherwise. */
  readonly dataDir: string;
  /** What it logged, a JSON object each. */
  readonly logged: string[];
  /** Done after the test by itself. */
  close(): Promise<void>;
}

export interface TestServiceOptions {
  readonly limits?: Partial<EngineLimits>;
  readonly clock?: Clock;
  /** Default: those of the program. */
  readonly features?: readonly Feature[];
  /** Default: a pair of databases of its own. */
  readonly databases?: TestDatabases;
  /** Where the service finds the databases, when not directly; for proxies between. */
  readonly urls?: DatabaseUrls;
  /** Whether tasks are handed over, and done; default `off`: they stay recorded. */
  readonly tasks?: 'off' | 'dispatch' | 'work';
  /** Whether verifications and replays are done, and schedules kept; default: they wait. */
  readonly runs?: boolean;
  /** Instead of what the features provide under the same tokens. */
  readonly replace?: readonly ServiceProvider[];
  /** Variables of the configuration besides the databases. */
  readonly env?: Record<string, string>;
}

/** Short times, so that tests wait for what matters. */
const TEST_ENV = {
  SECRETS_KEY: '5'.repeat(64),
  TASK_POLL_MS: '100',
  TASK_SWEEP_MS: '200',
  TASK_GRACE_MS: '1000',
  TASK_BACKOFF_MS: '50',
  VERIFY_SCHEDULE: 'off',
  CHECKPOINT_SCHEDULE: 'off',
};

/** Starts the service on cloned databases and a free port. */
export async function startTestService(options: TestServiceOptions = {}): Promise<TestService> {
  const databases = options.databases ?? (await cloneDatabases());
  const { urls = databases.serviceUrls, tasks = 'off', runs = false, replace = [] } = options;
  if (options.features) databases.features = options.features;
  const features = replaced(options.features ?? allFeatures, replace);
  const logged: string[] = [];
  const log = makeLog('info', { write: (line) => void logged.push(line) });
  const dataDir = await mkdtemp(join(testCluster().runDir, 'data-'));
  const config = Config.load({
    LOG_DATABASE_URL: urls.log,
    STATE_DATABASE_URL: urls.state,
    DATA_DIR: dataDir,
    READ_POOL_SIZE: '3',
    ...TEST_ENV,
    ...asVariables({ ...TEST_LIMITS, ...options.limits }),
    ...options.env,
  });
  const { engine: limits, timeZone } = config;
  const reads = { ...config.reads, answerBytes: config.http.answerBytesLimit };
  await openAdminKey(databases.urls.log, { dataDir, configured: TEST_KEY });
  const { clock } = options;
  const ledger = { urls, features, limits, reads, timeZone, log, ...(clock && { clock }) };
  const open = await openLedger(ledger);
  const opened = [() => open.close()];
  const closeAll = async () => {
    for (const close of opened.reverse()) await close();
  };
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= closeAll());
  databases.onEnd(close);
  const works = tasks === 'work' || runs;
  const duties = { servesApi: true, handsOver: tasks !== 'off', works };
  const app = await createApp({ open, features, config, duties, log });
  opened.push(() => app.close());
  const get = <T>(token: ServiceToken<T>): T => app.get<T>(token);
  // What nobody asks for would replace nothing.
  for (const provider of replace) get(tokenOf(provider));
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const api = new ApiClient(url, TEST_KEY);
  const service = { url, api, databases, open, get, dataDir, logged, close };
  return { ...service, key: TEST_KEY, urls: databases.urls };
}

/** The variables of the configuration that set these limits. */
function asVariables(limits: EngineLimits): Record<string, string> {
  const nameOf = (field: string) => field.replace(/[A-Z]/g, '_$&').toUpperCase();
  return Object.fromEntries(
    Object.entries(limits).map(([field, value]) => [nameOf(field), String(value)]),
  );
}

/** The features with other providers in place of those that have the same tokens. */
function replaced(
  features: readonly Feature[],
  replacements: readonly ServiceProvider[],
): readonly Feature[] {
  const byToken = new Map(replacements.map((provider) => [tokenOf(provider), provider]));
  const replaceIn = <T>(providers: readonly ServiceProvider<T>[] = []) =>
    providers.map((own) => (byToken.get(tokenOf(own)) as ServiceProvider<T> | undefined) ?? own);
  const serviceOf = (service: FeatureService) => ({
    ...service,
    providers: replaceIn(service.providers),
    taskHandlers: replaceIn(service.taskHandlers),
    schedules: replaceIn(service.schedules),
    measurements: replaceIn(service.measurements),
  });
  if (replacements.length === 0) return features;
  return features.map((feature) => ({
    ...feature,
    service: async () => ({ service: serviceOf((await feature.service()).service) }),
  }));
}

/** The service as a process of its own, as `npm start` runs it. */
export interface SpawnedService {
  readonly url: string;
  readonly key: string;
  readonly api: ApiClient;
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  /** Code or signal that it ended with. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** Everything that it printed so far. */
  output(): string;
}

export interface SpawnOptions {
  /** Two databases, or else `dataDir`, where the service starts a PostgreSQL of its own. */
  readonly urls?: DatabaseUrls;
  readonly dataDir?: string;
  readonly env?: Record<string, string>;
  /** A file that it prints to; default: what `output()` tells. */
  readonly printTo?: number;
}

const spawned: ChildProcess[] = [];

/**
 * Starts the compiled service and waits until it listens. One that is still running after the
 * test is killed.
 */
export async function spawnService(options: SpawnOptions): Promise<SpawnedService> {
  const { child, output, exited } = await spawnProcess(options);
  const listening = await Promise.race([
    waitFor('the service to listen', () => urlIn(output()), START_TIMEOUT_MS),
    throwAtEnd({ exited, output }),
  ]);
  return {
    url: listening,
    key: TEST_KEY,
    api: new ApiClient(listening, TEST_KEY),
    pid: child.pid!,
    kill: (signal) => void child.kill(signal),
    exited,
    output,
  };
}

/** Rejects, with what the service has printed, once it ends. */
export async function throwAtEnd({
  exited,
  output,
}: Pick<SpawnedService, 'exited' | 'output'>): Promise<never> {
  throw new Error(`The service ended with ${await exited}: ${output()}`);
}

/** Starts the compiled service, for specs in which it is not going to listen. */
export async function spawnProcess(
  options: SpawnOptions,
): Promise<Pick<SpawnedService, 'exited' | 'output'> & { child: ChildProcess }> {
  const program = await compiledProgram();
  const dataDir = options.dataDir ?? (await mkdtemp(join(testCluster().runDir, 'data-')));
  const { urls } = options;
  const out = options.printTo ?? 'pipe';
  const child = spawn(process.execPath, [join(program, 'src/main.js')], {
    cwd: program,
    stdio: ['ignore', out, out],
    env: {
      PATH: process.env['PATH'],
      NODE_COMPILE_CACHE: join(testCluster().runDir, 'compiled'),
      PORT: '0',
      DATA_DIR: dataDir,
      ADMIN_API_KEY: TEST_KEY,
      LOG_LEVEL: 'warn',
      READ_POOL_SIZE: '3',
      VERIFY_SCHEDULE: 'off',
      CHECKPOINT_SCHEDULE: 'off',
      ...(urls && { LOG_DATABASE_URL: urls.log, STATE_DATABASE_URL: urls.state }),
      ...options.env,
    },
  });
  spawned.push(child);
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const exited = new Promise<number | NodeJS.Signals>((done) => {
    child.on('close', (code, signal) => done(code ?? signal ?? -1));
  });
  return { child, exited, output: () => text };
}

function urlIn(output: string): string | undefined {
  return /listens on (http:\/\/\S+)/.exec(output)?.[1];
}

/** Ends the processes that a test left running. */
async function killSpawned(): Promise<void> {
  for (const child of spawned.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await waitFor('a killed service to end', () => child.signalCode !== null, EXIT_TIMEOUT_MS);
  }
}

endBeforeDatabases(killSpawned);
