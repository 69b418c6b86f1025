import { sql, type Kysely } from 'kysely';
import { anyOf } from '../../database/arrays';
import type { Order } from '../../engine/session/page-rows';
import { bucketOf, Places } from './postings.rules';
import { thingsOf, type KeptBlock } from './search.rules';
import { BLOCK_POSITIONS, PART_BLOCKS, PART_POSITIONS, type SearchTables } from './search.table';
import { SPACE, termOf, type Token } from './terms.rules';
import type { Wanted } from './wanted.rules';

/** What is looked for, where, and which way. */
export interface Search {
  readonly wanted: Wanted;
  /** Positions, both included. */
  readonly least: number;
  readonly most: number;
  readonly order: Order;
}

/** Full blocks of the part that is being filled, that one query reads. */
const BLOCKS = 64;
/** With more tokens of a list than these the database does not look for them. */
const MOST_TOKENS = 12;
/** Parts that the first query looks into; each one behind it looks into more. */
const FIRST_PARTS = 2;
const GROWTH = 8;
/** Rows that one query reads at most, but for those of one part. */
const MOST_ROWS = 2_048;

/**
 * The positions of what has the tokens that are wanted, in order: a list for each part of the
 * positions that has some. What is there may have been found by the terms of other tokens.
 */
async function* placesOf(
  db: Kysely<SearchTables>,
  search: Search,
): AsyncGenerator<readonly number[]> {
  const { wanted, least, most, order } = search;
  if (least > most || wanted.some((tokens) => tokens.length === 0)) return;
  const head = await db.selectFrom('search_heads').select(['block', 'tokens']).executeTakeFirst();
  if (!head) return;
  const open = Math.floor(head.block / PART_BLOCKS);
  const complete = {
    first: Math.floor(least / PART_POSITIONS),
    last: Math.min(Math.floor(most / PART_POSITIONS), open - 1),
  };
  const isOpenWanted = most >= open * PART_POSITIONS;
  if (isOpenWanted && order === 'desc') yield* inBlocks(db, search, open, head);
  yield* inParts(db, search, complete);
  if (isOpenWanted && order === 'asc') yield* inBlocks(db, search, open, head);
}

interface Parts {
  readonly first: number;
  readonly last: number;
}

async function* inParts(
  db: Kysely<SearchTables>,
  search: Search,
  { first, last }: Parts,
): AsyncGenerator<readonly number[]> {
  const { wanted, order } = search;
  const buckets = [...new Set(wanted.flat().map((token) => bucketOf(termOf(token))))];
  const atOnce = Math.max(1, Math.floor(MOST_ROWS / Math.max(1, buckets.length)));
  let count = Math.min(FIRST_PARTS, atOnce);
  for (let done = 0; done <= last - first;) {
    const some = Math.min(count, last - first + 1 - done);
    const begin = order === 'asc' ? first + done : last - done - some + 1;
    const rows = await partRows(db, buckets, begin, begin + some - 1);
    for (let i = 0; i < some; i++) {
      const part = order === 'asc' ? begin + i : begin + some - 1 - i;
      const found = placesIn(part, rows.get(part), search);
      if (found.length > 0) yield found;
    }
    done += some;
    count = Math.min(count * GROWTH, atOnce);
  }
}

/** The records of some buckets, by part and bucket. */
async function partRows(
  db: Kysely<SearchTables>,
  buckets: readonly number[],
  first: number,
  last: number,
): Promise<Map<number, Map<number, Buffer>>> {
  const rows = await db
    .selectFrom('search_postings')
    .select(['part', 'bucket', 'postings'])
    .where('bucket', '=', anyOf('int', buckets))
    .where('part', '>=', first)
    .where('part', '<=', last)
    .execute();
  const parts = new Map<number, Map<number, Buffer>>();
  for (const { part, bucket, postings } of rows) {
    const known = parts.get(part);
    if (known) known.set(bucket, postings);
    else parts.set(part, new Map([[bucket, postings]]));
  }
  return parts;
}

/** The positions of a part that have one token of each list. */
function placesIn(
  part: number,
  buckets: ReadonlyMap<number, Buffer> | undefined,
  search: Search,
): number[] {
  // Nothing has a token in a part without records, but may be where none is wanted.
  if (!buckets && search.wanted.length > 0) return [];
  let places: Places | undefined;
  for (const tokens of search.wanted) {
    const some = new Places();
    for (const term of tokens.map(termOf)) {
      const postings = buckets?.get(bucketOf(term));
      if (postings) some.add(postings, term);
    }
    if (places) places.keep(some);
    else places = some;
  }
  const offsets = places?.offsets() ?? Array.from({ length: PART_POSITIONS }, (_, i) => i);
  return within(
    offsets.map((offset) => part * PART_POSITIONS + offset),
    search,
  );
}

function within(positions: number[], { least, most, order }: Search): number[] {
  const found = positions.filter((position) => position >= least && position <= most);
  return order === 'asc' ? found : found.reverse();
}

/** What is in the part that is being filled, whose last block is the head's. */
async function* inBlocks(
  db: Kysely<SearchTables>,
  search: Search,
  part: number,
  head: KeptBlock,
): AsyncGenerator<readonly number[]> {
  const { least, most, order } = search;
  const blockOf = (position: number) => Math.floor(position / BLOCK_POSITIONS);
  let first = Math.max(part * PART_BLOCKS, blockOf(least));
  let last = Math.min(head.block, blockOf(most));
  if (order === 'desc' && last === head.block) yield thingsIn([head], search);
  for (;;) {
    const rows = await blockRows(db, search, first, last);
    const found = thingsIn(rows, search);
    if (found.length > 0) yield found;
    if (rows.length < BLOCKS) break;
    if (order === 'asc') first = rows.at(-1)!.block + 1;
    else last = rows.at(-1)!.block - 1;
  }
  if (order === 'asc' && last === head.block) yield thingsIn([head], search);
}

function blockRows(
  db: Kysely<SearchTables>,
  { wanted, order }: Search,
  first: number,
  last: number,
): Promise<KeptBlock[]> {
  let query = db
    .selectFrom('search_blocks')
    .select(['block', 'tokens'])
    .where('block', '>=', first)
    .where('block', '<=', last);
  for (const tokens of wanted) {
    if (tokens.length > MOST_TOKENS) continue;
    query = query.where((eb) =>
      // SQL as text: the builder has no word for it.
      eb.or(tokens.map((token) => sql<boolean>`strpos(${eb.ref('tokens')}, ${SPACE + token}) > 0`)),
    );
  }
  return query.orderBy('block', order).limit(BLOCKS).execute();
}

/** Of blocks in the order of the search. */
function thingsIn(blocks: readonly KeptBlock[], search: Search): number[] {
  const has = (tokens: readonly Token[], wanted: readonly string[]) =>
    wanted.some((one) => tokens.some((token) => token.startsWith(one)));
  return blocks.flatMap((block) => {
    const found = thingsOf(block).filter(({ tokens }) =>
      search.wanted.every((wanted) => has(tokens, wanted)),
    );
    return within(
      found.map(({ position }) => position),
      search,
    );
  });
}

/** Candidates that are looked at together: of few there may be enough. */
const FIRST_LOOKS = 64;
const MOST_LOOKS = 2_048;

/**
 * The positions of the first things that are looked for, so many and one more where there is one.
 * @param fitting of positions in order those whose things are what is asked, and not only have the
 *   same terms
 */
export async function firstPlaces(
  db: Kysely<SearchTables>,
  search: Search,
  limit: number,
  fitting: (positions: readonly number[]) => Promise<readonly number[]>,
): Promise<number[]> {
  let found: number[] = [];
  let waiting: number[] = [];
  let count = FIRST_LOOKS;
  for await (const some of placesOf(db, search)) {
    waiting = waiting.concat(some);
    while (waiting.length >= count) {
      found = found.concat(await fitting(waiting.slice(0, count)));
      if (found.length > limit) return found.slice(0, limit + 1);
      waiting = waiting.slice(count);
      count = Math.min(2 * count, MOST_LOOKS);
    }
  }
  if (waiting.length > 0) found = found.concat(await fitting(waiting));
  return found.slice(0, limit + 1);
}

/** The positions, both included, behind one of a list. */
export function behind(after: number, order: Order): Pick<Search, 'least' | 'most' | 'order'> {
  return order === 'asc'
    ? { least: after + 1, most: Number.MAX_SAFE_INTEGER, order }
    : { least: 1, most: after - 1, order };
}
