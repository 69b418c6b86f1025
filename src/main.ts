import 'reflect-metadata';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { AddressInfo } from 'node:net';
import { Client } from 'pg';
import type { Logger } from 'pino';
import { createApp } from './app.module';
import { Config } from './config';
import type { DatabaseUrls } from './database/connections';
import { EmbeddedPostgres } from './database/embedded-postgres';
import { migrate } from './database/migrator';
import { openLedger } from './engine/open-ledger';
import { features } from './features';
import { openAdminKey, type AdminKey } from './http/admin-key';
import { dutiesOf } from './http/duties';
import { makeLog } from './http/log';
import { connectFailure, explainStartFailure, listenFailure } from './http/start-failure';

const CONNECT_TIMEOUT_MS = 10_000;
/** How long requests under way may take to end once the service stops. */
const CLOSE_CONNECTIONS_AFTER_MS = 10_000;
/** Stopping takes this long at most, PostgreSQL's last checkpoint included. */
const STOP_DEADLINE_MS = 75_000;
const SAME_SIGNAL_MS = 1_000;

/** What was started, in order; stopped the other way round. */
class Running {
  private readonly stops: (() => Promise<void>)[] = [];
  private stopped: Promise<void> | undefined;
  isStopping = false;
  /** Settles when nothing is being started any longer. */
  starting: Promise<void> = Promise.resolve();

  add(stop: () => Promise<void>): void {
    this.stops.push(stop);
  }

  /** Stops everything once; what fails does not keep the rest from being stopped. */
  stop(onError: (error: unknown) => void): Promise<void> {
    this.isStopping = true;
    this.stopped ??= this.stopAll(onError);
    return this.stopped;
  }

  private async stopAll(onError: (error: unknown) => void): Promise<void> {
    for (const stop of this.stops.reverse()) await stop().catch(onError);
  }
}

/** The start was interrupted by a signal. */
class Interrupted extends Error {}

async function start(config: Config, log: Logger, running: Running): Promise<void> {
  const checkpoint = () => {
    if (running.isStopping) throw new Interrupted();
  };
  const urls = await openDatabases(config, running);
  checkpoint();
  await migrate(urls);
  checkpoint();
  const { dataDir, adminApiKey: configured } = config;
  const adminKey = await openAdminKey(urls.log, { dataDir, configured });
  const open = await openLedger({
    urls,
    features,
    limits: config.engine,
    readPoolSize: config.readPoolSize,
    log,
  });
  running.add(() => open.close());
  checkpoint();
  const app = await createApp({ open, features, config, duties: dutiesOf(config.role), log });
  running.add(() => closeApp(app));
  checkpoint();
  await listen(app, config);
  greet(app, adminKey);
}

async function openDatabases(config: Config, running: Running): Promise<DatabaseUrls> {
  const { logDatabaseUrl, stateDatabaseUrl } = config;
  if (logDatabaseUrl === undefined || stateDatabaseUrl === undefined) {
    const postgres = await EmbeddedPostgres.open(config.dataDir);
    running.add(() => postgres.close());
    return postgres.urls;
  }
  await checkReachable('log', logDatabaseUrl);
  await checkReachable('state', stateDatabaseUrl);
  return { log: logDatabaseUrl, state: stateDatabaseUrl };
}

/** Says which database is away before anything else fails for that reason. */
async function checkReachable(name: 'log' | 'state', url: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw connectFailure(error, name, url);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function listen(app: NestFastifyApplication, { host, port }: Config): Promise<void> {
  try {
    // Not app.listen: that logs the error as well, and the person is told once.
    await app.getHttpAdapter().getInstance().listen({ port, host });
  } catch (error) {
    throw listenFailure(error, host, port);
  }
}

/**
 * Stops listening and waits for the answers under way; clients that stall are cut off. Then the
 * features stop, in the opposite order of their list.
 */
async function closeApp(app: NestFastifyApplication): Promise<void> {
  const server = app.getHttpServer();
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_CONNECTIONS_AFTER_MS);
  await app.close();
  clearTimeout(timer);
}

function greet(app: NestFastifyApplication, { key, file, isNew }: AdminKey): void {
  const { address, port, family } = app.getHttpServer().address() as AddressInfo;
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  const known = key === undefined ? 'as the first start made it' : 'as ADMIN_API_KEY sets it';
  const keyLines = isNew
    ? [`  Admin key  ${key}`, `             (kept in ${file})`]
    : [`  Admin key  ${file === undefined ? known : `in ${file}`}`];
  const lines = ['', `Truebook listens on ${url}`, ...keyLines, `  API docs   ${url}/docs`, ''];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/**
 * The first signal stops the service in order, the second one at once. Ctrl-C under npm comes
 * twice, from the terminal and from npm, so what follows at once is the same signal.
 */
function stopOnSignals(running: Running, log: Logger): void {
  const onError = (err: unknown) => log.error({ err }, 'something could not be stopped');
  let stoppedAt = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (running.isStopping) {
      if (now - stoppedAt < SAME_SIGNAL_MS) return;
      process.stderr.write('Truebook was ended before it had stopped\n');
      process.exit(1);
    }
    stoppedAt = now;
    running.isStopping = true;
    log.info({ signal }, 'stopping');
    const deadline = setTimeout(() => {
      process.stderr.write('Truebook could not stop in time\n');
      process.exit(1);
    }, STOP_DEADLINE_MS);
    deadline.unref();
    // What is being started is not in the list of what is to be stopped yet.
    const started = running.starting.catch(() => undefined);
    void started.then(() => running.stop(onError)).then(() => process.exit(0));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}

async function main(): Promise<void> {
  const running = new Running();
  let log: Logger | undefined;
  try {
    const config = Config.load();
    log = makeLog(config.logLevel);
    stopOnSignals(running, log);
    running.starting = start(config, log, running);
    await running.starting;
  } catch (error) {
    // The signal's handler stops everything.
    if (error instanceof Interrupted) return;
    const explanation = explainStartFailure(error);
    if (explanation === undefined) log?.error({ err: error }, 'the start failed');
    const reason = explanation ?? (error instanceof Error ? error.message : String(error));
    process.stderr.write(`Truebook did not start. ${reason}\n`);
    await running.stop((err) => log?.error({ err }, 'something could not be stopped'));
    process.exit(1);
  }
}

void main();
