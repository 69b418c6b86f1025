import { isServerTrouble, SQLSTATE, sqlstateOf } from '../../database/sqlstates';
import { CommitRefused } from '../../database/writer-connection';
import { LedgerUnavailable, StateUnusable } from '../define/refusal';
import { isError } from '../../database/errors';

/** Whether the same command may succeed later, without anybody changing it. */
export function isUnavailable(error: unknown): boolean {
  if (
    error instanceof LedgerUnavailable ||
    error instanceof StateUnusable ||
    error instanceof CommitRefused
  ) {
    return true;
  }
  return sqlstateOf(error) === undefined ? isConnectionError(error) : isServerTrouble(error);
}

const DESCRIPTIONS: ReadonlyMap<string | undefined, string> = new Map([
  [SQLSTATE.lockNotAvailable, 'The ledger is locked by others'],
  [SQLSTATE.readOnly, 'A database takes no writes: it is read-only'],
  [SQLSTATE.diskFull, 'The disk of a database is full'],
]);

/** What a caller and the health page may know of a failure: no host, no statement, no data. */
export function describeFailure(error: unknown): string {
  if (error instanceof LedgerUnavailable) return error.message;
  if (error instanceof StateUnusable) return error.explanation;
  return DESCRIPTIONS.get(sqlstateOf(error)) ?? 'A database is not available';
}

const CONNECTION_MESSAGE =
  /^(Connection terminated|The connection|timeout (exceeded|expired)|Client (was closed|has enc))/;

/** Errors of sockets and of pg's client, which have no SQLSTATE. */
function isConnectionError(error: unknown): boolean {
  if (!isError(error)) return false;
  if ('code' in error && /^E[A-Z]+$/.test(String(error.code))) return true;
  return CONNECTION_MESSAGE.test(error.message);
}
