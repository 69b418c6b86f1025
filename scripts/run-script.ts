import { parseArgs, type ParseArgsConfig } from 'node:util';
import type { Config } from '../src/config';
import { withSession, type DatabaseUrls } from '../src/database/connections';
import { errorMessage } from '../src/database/errors';
import { EmbeddedPostgres } from '../src/database/embedded-postgres';
import { withInstallations } from '../src/database/logins';
import { hasCluster } from '../src/database/postgres-folder';

/** The command line is wrong; `message` says how, in one sentence. */
export class UsageError extends Error {}

const FAILED = 1;
/** What shells make of a process that a signal ended: 128 and the signal's number. */
const SIGNAL_CODES = { SIGHUP: 129, SIGINT: 130, SIGQUIT: 131, SIGTERM: 143 } as const;

/** What is under way gets so long to end in order once a signal came, in milliseconds. */
const STOP_MS = 5_000;
const NEEDS_OWNERS =
  'A script works as the owner of the databases: set LOG_DATABASE_URL and STATE_DATABASE_URL';
/** Ctrl-C comes twice, from the terminal and from npm: so soon after it, it is the same one. */
const SAME_SIGNAL_MS = 1_000;
const stopping = new AbortController();
let isHeard = false;
let signalCode: number | undefined;
let signalledMs = 0;

/** What has to be closed before the process may end, whatever ends it. */
let opening: Promise<EmbeddedPostgres> | undefined;
let cluster: EmbeddedPostgres | undefined;
/** The first end counts: closing PostgreSQL makes what is under way fail, which is no news then. */
let isEnding = false;

/**
 * Runs a script: `main` returns the exit code; an error is printed as one sentence and is exit
 * code 1. Ctrl-C, SIGTERM, SIGHUP and SIGQUIT close the embedded PostgreSQL too, which undoes what
 * is under way; the second one ends the script at once.
 */
export function runScript(main: () => Promise<number>): void {
  // A result that cannot be written is a failure; what is said beside it can be lost.
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', ({ message }) => {
    process.stderr.write(`Standard output cannot be written: ${message}\n`);
    void finish(FAILED);
  });
  const ended = main().then(finish, (error: unknown) => {
    if (!isEnding && !stopping.signal.aborted) process.stderr.write(`${sentenceOf(error)}\n`);
    return finish(FAILED);
  });
  for (const [signal, code] of Object.entries(SIGNAL_CODES)) {
    // Heard for good: a signal that nobody listens to any longer would end the process at once.
    process.on(signal, () => {
      const now = performance.now();
      if (signalCode !== undefined) {
        if (now - signalledMs >= SAME_SIGNAL_MS) process.exit(signalCode);
        return;
      }
      signalledMs = now;
      signalCode = code;
      stopping.abort(new Error(`${signal} ended it`));
      if (!isHeard) return void finish(code);
      const late = new Promise((done) => setTimeout(done, STOP_MS).unref());
      void Promise.race([ended, late]).then(() => finish(code));
    });
  }
}

/** Aborted by Ctrl-C and SIGTERM; whoever asks for it is given a moment to end in order. */
export function interruption(): AbortSignal {
  isHeard = true;
  return stopping.signal;
}

/** Parses the command line. @throws UsageError for an unknown option or a missing value */
export function parseCommandLine<T extends ParseArgsConfig>(config: T) {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError(errorMessage(error));
  }
}

export interface OpenOptions {
  /** Whether a ledger is made where there is none; default: that is an error. */
  readonly mayMake?: boolean;
}

/**
 * The two databases that the configuration names, which it says on standard error; starts or joins
 * the embedded PostgreSQL.
 * @throws UsageError where there is no ledger, and none may be made
 */
export async function openDatabases(
  config: Config,
  { mayMake = false }: OpenOptions = {},
): Promise<DatabaseUrls> {
  const { owners, dataDir } = config;
  if (owners) {
    const { log, state } = owners;
    const where = `${placeOf(log)} and ${placeOf(state)}`;
    if (!mayMake && !(await isMigrated(log))) throw new UsageError(noLedger(where));
    process.stderr.write(`The ledger in ${where}\n`);
    return withInstallations(owners);
  }
  if (config.services) throw new UsageError(NEEDS_OWNERS);
  if (!mayMake && !(await hasCluster(dataDir))) throw new UsageError(noLedger(dataDir));
  process.stderr.write(`The ledger in ${dataDir}\n`);
  opening = EmbeddedPostgres.open(dataDir, { signal: stopping.signal });
  cluster = await opening;
  const urls = await cluster.owners();
  if (!mayMake && !(await isMigrated(urls.log))) throw new UsageError(noLedger(dataDir));
  return withInstallations(urls);
}

function noLedger(where: string): string {
  return (
    `There is no ledger in ${where}: set DATA_DIR, or LOG_DATABASE_URL and STATE_DATABASE_URL, ` +
    'to the one that you mean; "npm start", "npm run migrate" and an import with --new make one'
  );
}

/** A database without its user and password. */
function placeOf(url: string): string {
  const { host, pathname, searchParams } = new URL(url);
  return `${searchParams.get('host') ?? (host || 'localhost')}${decodeURIComponent(pathname)}`;
}

/** Whether a log database has the tables of a log, as far as it can be reached. */
async function isMigrated(url: string): Promise<boolean> {
  const question = "select to_regclass('public.event_log') as found";
  try {
    const { rows } = await withSession(url, (client) => client.query(question));
    return (rows[0] as { found: string | null }).found !== null;
  } catch {
    // The script itself says so, where it needs the database.
    return true;
  }
}

/** Under which databases may be made in the embedded PostgreSQL; undefined where it is not used. */
export function embeddedAdminUrl(): Promise<string | undefined> {
  return Promise.resolve(cluster?.superUrl());
}

async function finish(code: number): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  stopping.abort(new Error('The script ends'));
  // A signal may come while it is being opened.
  cluster = await opening?.catch(() => undefined);
  await cluster?.close().catch((error: unknown) => {
    process.stderr.write(`${sentenceOf(error)}\n`);
  });
  process.exit(signalCode ?? code);
}

function sentenceOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(sentenceOf).join('; ');
  }
  const message = errorMessage(error);
  return /^connect |getaddrinfo|timeout expired/.test(message)
    ? `A database cannot be reached: ${message}`
    : message;
}
