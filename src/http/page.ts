import type { FastifyInstance } from 'fastify';
import type { Refusal } from '../engine/define/refusal';
import type { PageRows } from '../engine/session/page-rows';
import type { Reply } from './caller';
import type { Order } from '../engine/session/page-rows';
import { CountText, field, OneOf, textRule } from './fields';
import { invalidRequest } from './problem';

export const MAX_PAGE = 200;
const DEFAULT_PAGE = 50;
const ORDERS: readonly Order[] = ['asc', 'desc'];
/** A cursor has a route, a list's filters, which came in one address, and some positions. */
const MAX_CURSOR = 12_000;
const CURSOR = /^[A-Za-z0-9_-]+$/;

function CursorText(): PropertyDecorator {
  const message = 'is no cursor of this list';
  return field(
    textRule('cursor', (t) => t.length <= MAX_CURSOR && CURSOR.test(t), message),
    {
      ...{ type: 'string', pattern: CURSOR.source, maxLength: MAX_CURSOR },
      description: 'nextCursor of the page before; it carries the filters of its list',
    },
    { optional: true },
  );
}

/** The query of every list; lists extend it with their filters. */
export class PageQuery {
  @CountText(MAX_PAGE, DEFAULT_PAGE)
  limit?: string;

  @CursorText()
  cursor?: string;

  @OneOf(ORDERS, { optional: true })
  order?: Order;
}

/** Which way a list goes: oldest first where nothing is said. */
export function orderOf({ order = 'asc' }: PageQuery): Order {
  return order;
}

/** For lists that go one way alone. @throws Refusal `validation_failed` */
export function checkForwards(query: PageQuery): void {
  if (orderOf(query) === 'asc') return;
  throw invalidRequest({ pointer: '/order', message: 'must be asc: this list goes no other way' });
}

/** What belongs to one page and not to the list. */
const OF_PAGE: readonly string[] = ['limit', 'cursor'] satisfies (keyof PageQuery)[];

/** One page of a list; `nextCursor` is null on the last one. */
export interface Page<T> {
  readonly data: T[];
  readonly nextCursor: string | null;
}

/** A list as its cursors name it. What the path names besides the route, their keys say. */
export interface ListedBy {
  readonly route: string;
  readonly filters: Readonly<Record<string, string>>;
}

interface Cursor extends ListedBy {
  /** The numbers that order the list, of the last row given. */
  readonly key: readonly number[];
}

/**
 * Has a cursor go on with the filters that it was made with, before the query is checked, so that
 * they are checked like those that a caller sends. A cursor belongs to its list: with other
 * filters, or on another route, it is refused.
 */
export function followCursors(fastify: FastifyInstance): void {
  fastify.addHook('preValidation', (request, _, done) => {
    const query = request.query as Record<string, unknown>;
    const text = query['cursor'];
    // Anything else is no string, which the class of the query says.
    if (typeof text !== 'string') return done();
    const cursor = decodeCursor(text);
    if (!cursor || cursor.route !== request.routeOptions.url) return done(noCursor());
    const given = filtersOf(query);
    if (Object.keys(given).length > 0 && !isSame(given, cursor.filters)) {
      return done(wrongCursor('belongs to the list with other filters'));
    }
    Object.assign(query, cursor.filters);
    done();
  });
}

/** The list that a request asks for. */
export function listOf({ request }: Reply): ListedBy {
  const filters = filtersOf(request.query as Record<string, unknown>);
  return { route: request.routeOptions.url!, filters: filters as ListedBy['filters'] };
}

function filtersOf(query: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(query).filter(([name]) => !OF_PAGE.includes(name)));
}

function isSame(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => Object.hasOwn(b, name) && a[name] === b[name]);
}

export function limitOf(query: PageQuery): number {
  return query.limit === undefined ? DEFAULT_PAGE : Number(query.limit);
}

/** A query's whole number; checked already. */
export function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

/** A list with the numbers that order it, of the last row given. */
export function encodeCursor({ route, filters }: ListedBy, key: readonly number[]): string {
  return Buffer.from(JSON.stringify([route, filters, key])).toString('base64url');
}

/**
 * The key behind which a page begins; where there is no cursor, what stands in front of a list:
 * zeros, or the largest numbers of one that goes backwards.
 * @throws Refusal `validation_failed` for a cursor that no list of this kind gave
 */
export function cursorKey(query: PageQuery, length: number): number[] {
  const { cursor } = query;
  if (cursor === undefined) {
    const front = orderOf(query) === 'asc' ? 0 : Number.MAX_SAFE_INTEGER;
    return Array.from({ length }, () => front);
  }
  const key = decodeCursor(cursor)?.key;
  if (key?.length !== length) throw noCursor();
  return [...key];
}

/**
 * For lists of what belongs to something that the path names: whether the cursor, whose key begins
 * with the number of its owner, is of the list of this one.
 * @throws Refusal `validation_failed`
 */
export function checkOwner(query: PageQuery, [owner]: readonly number[], number: number): void {
  if (query.cursor !== undefined && owner !== number) throw noCursor();
}

/** For a cursor that no list of this kind gave. */
export function noCursor(): Refusal {
  return wrongCursor('is no cursor of this list');
}

function wrongCursor(message: string): Refusal {
  return invalidRequest({ pointer: '/cursor', message });
}

/** What a list of this program wrote; undefined for anything else. */
function decodeCursor(text: string): Cursor | undefined {
  if (text.length > MAX_CURSOR) return undefined;
  const [route, filters, key] = asList(text);
  if (typeof route !== 'string' || !isFilters(filters) || !isKey(key)) return undefined;
  const cursor = { route, filters, key };
  return encodeCursor(cursor, key) === text ? cursor : undefined;
}

function asList(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function isFilters(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(
    ([name, text]) => typeof text === 'string' && !OF_PAGE.includes(name),
  );
}

function isKey(key: unknown): key is number[] {
  if (!Array.isArray(key)) return false;
  return key.every((part) => Number.isSafeInteger(part) && Number(part) >= 0);
}

/** A page of the list that is asked for. */
export function pageWith<Row, T>(
  list: ListedBy,
  { rows, hasMore }: PageRows<Row>,
  keyOf: (row: Row) => readonly number[],
  view: (row: Row) => T,
): Page<T> {
  const last = rows.at(-1);
  const goesOn = hasMore && last !== undefined;
  return { data: rows.map(view), nextCursor: goesOn ? encodeCursor(list, keyOf(last)) : null };
}

/** {@link pageWith} of rows read with a limit of one more than the page has. */
export function pageOf<Row, T>(
  list: ListedBy,
  rows: readonly Row[],
  limit: number,
  keyOf: (row: Row) => readonly number[],
  view: (row: Row) => T,
): Page<T> {
  const page = { rows: rows.slice(0, limit), hasMore: rows.length > limit };
  return pageWith(list, page, keyOf, view);
}
