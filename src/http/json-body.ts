import { isUtf8 } from 'node:buffer';
import { refuseUnbounded } from './json-bounds';
import { invalidRequest } from './problem';
import type { Turns } from './turns';
import { isError } from '../database/errors';

/** Largest body that is read; a batch of 1000 transactions with two postings has 400 KiB. */
export const BODY_LIMIT_BYTES = 4 * 1024 * 1024;

/**
 * A request's body as JSON; an empty one is `{}`.
 * @throws Refusal `validation_failed`
 */
export function parseJsonBody(bytes: Buffer): unknown {
  if (bytes.length === 0) return {};
  refuseUnparsable(bytes);
  return parseBounded(bytes);
}

/** The same in pieces, none of which holds up others for long. */
export async function parseJsonInTurns(bytes: Buffer, turns: Turns): Promise<unknown> {
  await turns.take(() => refuseUnparsable(bytes));
  return turns.take(() => parseBounded(bytes));
}

/**
 * Refuses what is no UTF-8, strings that neither PostgreSQL nor the hash chain can take (NUL, and
 * halves of surrogate pairs), and what is nested or divided so much that it would be dear to parse.
 */
function refuseUnparsable(bytes: Buffer): void {
  if (!isUtf8(bytes)) throw invalidRequest({ pointer: '', message: 'must be UTF-8' });
  refuseUnbounded(bytes);
}

function parseBounded(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    const reason = isError(error) ? error.message : '';
    throw invalidRequest({ pointer: '', message: `must be JSON: ${reason}` });
  }
}

/** Whether a text can be stored and hashed. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}
