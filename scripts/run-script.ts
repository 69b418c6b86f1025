import { parseArgs, type ParseArgsConfig } from 'node:util';
import type { Config } from '../src/config';
import type { DatabaseUrls } from '../src/database/connections';
import { EmbeddedPostgres } from '../src/database/embedded-postgres';

/** The command line is wrong; `message` says how, in one sentence. */
export class UsageError extends Error {}

const FAILED = 1;
/** What shells make of a process that a signal ended: 128 and the signal's number. */
const SIGNAL_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** What is under way gets so long to end in order once a signal came, in milliseconds. */
const STOP_MS = 5_000;
/** Ctrl-C comes twice, from the terminal and from npm: so soon after it, it is the same one. */
const SAME_SIGNAL_MS = 1_000;
const stopping = new AbortController();
let isHeard = false;
let signalCode: number | undefined;
let signalledMs = 0;

/** What has to be closed before the process may end, whatever ends it. */
let cluster: EmbeddedPostgres | undefined;
/** The first end counts: closing PostgreSQL makes what is under way fail, which is no news then. */
let isEnding = false;

/**
 * Runs a script: `main` returns the exit code; an error is printed as one sentence and is exit
 * code 1. Ctrl-C and SIGTERM close the embedded PostgreSQL too, which undoes what is under way; the
 * second one ends the script at once.
 */
export function runScript(main: () => Promise<number>): void {
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
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** The two databases that the configuration names; starts or joins the embedded PostgreSQL. */
export async function openDatabases(config: Config): Promise<DatabaseUrls> {
  const { logDatabaseUrl: log, stateDatabaseUrl: state } = config;
  if (log !== undefined && state !== undefined) return { log, state };
  cluster = await EmbeddedPostgres.open(config.dataDir);
  return cluster.urls;
}

/** Under which databases may be made in the embedded PostgreSQL; undefined where it is not used. */
export function embeddedAdminUrl(): string | undefined {
  return cluster?.url('postgres', 'postgres');
}

async function finish(code: number): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  await cluster?.close().catch((error: unknown) => {
    process.stderr.write(`${sentenceOf(error)}\n`);
  });
  process.exit(signalCode ?? code);
}

function sentenceOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(sentenceOf).join('; ');
  }
  const message = error instanceof Error ? error.message : String(error);
  return /^connect |getaddrinfo|timeout expired/.test(message)
    ? `A database cannot be reached: ${message}`
    : message;
}
