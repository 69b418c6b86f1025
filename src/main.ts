import 'reflect-metadata';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { createApp } from './app.module';
import { Config } from './config';
import { withSession, type DatabaseUrls } from './database/connections';
import { EmbeddedPostgres } from './database/embedded-postgres';
import { makeLogins, migrate, migratedByOthers } from './database/migrator';
import { openLedger } from './engine/open-ledger';
import { features } from './features';
import { knownAdminKey, openAdminKey, type AdminKey } from './http/admin-key';
import { dutiesOf } from './http/duties';
import { makeLog, safeMessage } from './http/log';
import { outliveOutput } from './http/log-output';
import { connectFailure, explainStartFailure, listenFailure } from './http/start-failure';
import { FAILED, Running } from './running';

/** How long requests under way may take to end once the service stops. */
const CLOSE_CONNECTIONS_AFTER_MS = 4_000;

async function start(config: Config, log: Logger, running: Running): Promise<void> {
  const checkpoint = () => running.stopping.throwIfAborted();
  const { urls, adminKey } = await openDatabases(config, log, running);
  checkpoint();
  const { engine: limits, timeZone } = config;
  const reads = { ...config.reads, answerBytes: config.http.answerBytesLimit };
  const open = await openLedger({ urls, features, limits, reads, timeZone, log });
  running.add(() => open.close());
  checkpoint();
  const kept = config.withoutOwners();
  const app = await createApp({ open, features, config: kept, duties: dutiesOf(config.role), log });
  running.add(() => closeApp(app));
  checkpoint();
  await listen(app, config);
  greet(app, adminKey);
}

/** The databases as the service works on them: their owners are needed for the start alone. */
async function openDatabases(
  config: Config,
  log: Logger,
  running: Running,
): Promise<{ urls: DatabaseUrls; adminKey: AdminKey }> {
  const { dataDir, adminApiKey: configured, services } = config;
  if (!config.owners && services) {
    await checkReachable(services);
    const urls = await migratedByOthers(services);
    return { urls, adminKey: await knownAdminKey(urls.log, configured) };
  }
  const owners = config.owners ?? (await openEmbedded(config, log, running));
  running.stopping.throwIfAborted();
  await checkReachable(owners);
  const { urls } = await migrate(owners);
  running.stopping.throwIfAborted();
  const adminKey = await openAdminKey(urls.log, { dataDir, configured });
  return { urls: await makeLogins(urls, services), adminKey };
}

async function openEmbedded(config: Config, log: Logger, running: Running): Promise<DatabaseUrls> {
  const postgres = await EmbeddedPostgres.open(config.dataDir, {
    signal: running.stopping,
    watcher: {
      say: (message, err) => log.warn({ err }, message),
      onLost: ({ message }) => running.fail(`It cannot go on without its database. ${message}`),
    },
  });
  running.addLast((patienceMs) => postgres.close(patienceMs));
  return postgres.owners();
}

/** Says which database is away before anything else fails for that reason. */
async function checkReachable(urls: DatabaseUrls): Promise<void> {
  for (const name of ['log', 'state'] as const) await connectOnce(name, urls[name]);
}

async function connectOnce(name: 'log' | 'state', url: string): Promise<void> {
  try {
    await withSession(url, () => Promise.resolve());
  } catch (error) {
    throw connectFailure(error, name, url);
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

async function main(): Promise<void> {
  outliveOutput();
  const running = new Running();
  try {
    const config = Config.load();
    const log = makeLog(config.logLevel);
    running.log = log;
    running.listen();
    running.starting = start(config, log, running);
    await running.starting;
  } catch (error) {
    // Whoever stops it while it starts ends it, too.
    if (running.stopping.aborted) return;
    const explanation = explainStartFailure(error);
    if (explanation === undefined) running.log?.error({ err: error }, 'the start failed');
    const reason = explanation ?? safeMessage(error);
    process.stderr.write(`Truebook did not start. ${reason}\n`);
    running.end(FAILED);
  }
}

void main();
