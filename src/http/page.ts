import { CountText, Text } from './fields';
import { invalidRequest } from './problem';

export const MAX_PAGE = 200;
const DEFAULT_PAGE = 50;
/** A cursor has at most two positions of 16 digits. */
const MAX_CURSOR = 100;

/** The query of every list; lists extend it with their filters. */
export class PageQuery {
  @CountText(MAX_PAGE, DEFAULT_PAGE)
  limit?: string;

  @Text(1, MAX_CURSOR, { optional: true })
  cursor?: string;
}

/** One page of a list; `nextCursor` is null on the last one. */
export interface Page<T> {
  readonly data: T[];
  readonly nextCursor: string | null;
}

export function limitOf(query: PageQuery): number {
  return query.limit === undefined ? DEFAULT_PAGE : Number(query.limit);
}

/** A query's whole number; checked already. */
export function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

/** The numbers that order the list, of the last row given. */
export function encodeCursor(key: readonly number[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/**
 * The key after which a page begins; zeros where there is no cursor.
 * @throws Refusal `validation_failed` for a cursor that no list of this kind gave
 */
export function cursorKey(query: PageQuery, length: number): number[] {
  const { cursor } = query;
  if (cursor === undefined) return Array.from({ length }, () => 0);
  const key = decodeCursor(cursor);
  if (!isKey(key, length) || encodeCursor(key) !== cursor) {
    throw invalidRequest({ pointer: '/cursor', message: 'is no cursor of this list' });
  }
  return key;
}

function isKey(key: unknown, length: number): key is number[] {
  if (!Array.isArray(key) || key.length !== length) return false;
  return key.every((part) => Number.isSafeInteger(part) && Number(part) >= 0);
}

function decodeCursor(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

/** A page from rows that were read with a limit of one more than the page has. */
export function pageOf<Row, T>(
  rows: readonly Row[],
  limit: number,
  keyOf: (row: Row) => readonly number[],
  view: (row: Row) => T,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const hasMore = rows.length > limit && last !== undefined;
  return { data: shown.map(view), nextCursor: hasMore ? encodeCursor(keyOf(last)) : null };
}
