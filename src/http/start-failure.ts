import { EmbeddedPostgresError } from '../database/postgres-binaries';
import { MigrationError } from '../database/migrator';
import { LoginError } from '../database/owner-check';
import { sqlstateOf } from '../database/sqlstates';
import { EventOfDoom } from '../engine/catch-up/catch-up';
import { AmendedSince } from '../engine/catch-up/event-content';
import { HeadsDiverge, OtherMaterializers } from '../engine/write/heads';
import { LedgerUnavailable } from '../engine/define/refusal';
import { RegistryError } from '../engine/define/registry';
import { ProbeFailed } from '../engine/startup-probe';
import { AdminKeyError } from './admin-key';
import { isError } from '../database/errors';

/** The program cannot start; `message` is the sentence for the person at the terminal. */
export class StartFailed extends Error {
  override readonly name: string = 'StartFailed';
}

/** Errors whose message is written for the person at the terminal. */
const EXPLAINED = [
  StartFailed,
  EmbeddedPostgresError,
  MigrationError,
  LoginError,
  ProbeFailed,
  RegistryError,
  HeadsDiverge,
  OtherMaterializers,
  AmendedSince,
  LedgerUnavailable,
  AdminKeyError,
] as const;

/** Why the program could not start, in words; undefined for what nobody foresaw. */
export function explainStartFailure(error: unknown): string | undefined {
  if (error instanceof EventOfDoom) {
    return `The event at position ${error.position} cannot be materialized: ${error.message}`;
  }
  if (isError(error) && EXPLAINED.some((known) => error instanceof known)) {
    return error.message;
  }
  return undefined;
}

/** What a failed attempt to listen means. */
export function listenFailure(error: unknown, host: string, port: number): unknown {
  switch ((error as NodeJS.ErrnoException | null)?.code) {
    case 'EADDRINUSE':
      return new StartFailed(
        `Port ${port} on ${host} is in use: stop the program that uses it, or set PORT`,
      );
    case 'EACCES':
      return new StartFailed(`This user may not listen on port ${port}: set PORT`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new StartFailed(`This machine has no address ${host}: set HOST`);
    default:
      return error;
  }
}

/** What a failed connection to a database means; the URL's password is not repeated. */
export function connectFailure(error: unknown, name: 'log' | 'state', url: string): StartFailed {
  const { hostname, port, pathname } = new URL(url);
  const server = `${hostname || 'localhost'}:${port || '5432'}`;
  const database = decodeURIComponent(pathname.slice(1));
  return new StartFailed(`The ${name} database ${reasonOf(error, server, database)}`, {
    cause: error,
  });
}

function reasonOf(error: unknown, server: string, database: string): string {
  const state = sqlstateOf(error);
  if (state === '3D000') return `"${database}" does not exist on ${server}`;
  if (state === '28P01' || state === '28000') return `on ${server} refuses the user or password`;
  const message = isError(error) && error.message !== '' ? error.message : undefined;
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (state !== undefined) return `on ${server} refuses the connection: ${message}`;
  return `cannot be reached at ${server} (${code ?? message ?? 'no reason given'})`;
}
