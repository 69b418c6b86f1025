import { types } from 'node:util';

/**
 * Whether something that was thrown is an error. What Node's own modules throw (a socket's
 * ECONNRESET) is of another realm where the program runs in one of its own, and what Fastify throws
 * inherits from Error without being made by it.
 */
export function isError(thrown: unknown): thrown is Error {
  return types.isNativeError(thrown) || thrown instanceof Error;
}

/** What an error says; of anything else that was thrown, its text. */
export function errorMessage(thrown: unknown): string {
  return isError(thrown) ? thrown.message : String(thrown);
}
