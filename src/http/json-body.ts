import { isUtf8 } from 'node:buffer';
import { invalidRequest } from './problem';

/** Largest body that is read; a batch of 1000 transactions with two postings has 400 KiB. */
export const BODY_LIMIT_BYTES = 4 * 1024 * 1024;

/**
 * A request's body as JSON; an empty one is `{}`. Refuses what is no JSON, no UTF-8, and strings
 * that neither PostgreSQL nor the hash chain can take: NUL, and halves of surrogate pairs.
 * @throws Refusal `validation_failed`
 */
export function parseJsonBody(bytes: Buffer): unknown {
  if (bytes.length === 0) return {};
  if (!isUtf8(bytes)) throw invalidRequest({ pointer: '', message: 'must be UTF-8' });
  const text = bytes.toString('utf8');
  const value = parse(text);
  // In well-formed UTF-8 such characters can only be written as escapes, which hardly anybody does.
  if (text.includes('\\u')) refuseUnstorable(value);
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : '';
    throw invalidRequest({ pointer: '', message: `must be JSON: ${reason}` });
  }
}

/** Whether a text can be stored and hashed. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

/** Not recursive: a body may be nested as deeply as it is long. */
function refuseUnstorable(root: unknown): void {
  const rest: unknown[] = [root];
  while (rest.length > 0) {
    const value = rest.pop();
    if (typeof value === 'string') {
      if (isStorable(value)) continue;
      throw invalidRequest({
        pointer: '',
        message: 'must not contain NUL characters or unpaired surrogates',
      });
    }
    if (typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value)) {
      for (const item of value) rest.push(item);
      continue;
    }
    for (const [key, member] of Object.entries(value)) rest.push(key, member);
  }
}
