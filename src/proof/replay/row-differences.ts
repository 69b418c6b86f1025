import { sql } from 'kysely';
import { ServerCursor } from '../../database/server-cursor';
import { bucketDigests, bucketOf, inSpan, type Side, type PositionSpan } from './table-digest';
import { lastPositionOf, type TableShape } from './table-shape';

/** Rows that are fetched at a time. */
const PAGE_ROWS = 500;

/** A row as text, as far as a difference shows it. */
export interface TextRow {
  /** `column=value` for each column of the key, joined by `, `. */
  readonly key: string;
  /** Position of the event that last wrote it. */
  readonly position: number;
  /** In the order of the table's columns, as PostgreSQL writes them. */
  readonly values: readonly (string | null)[];
}

/** A row that is not the same on both sides; undefined where a side has none. */
export interface RowDifference {
  readonly live: TextRow | undefined;
  readonly rebuilt: TextRow | undefined;
}

/**
 * The rows in which two sides differ, in no order that means anything. Only buckets whose digests
 * differ are read, row by row on both sides in the order of the keys, so that memory does not
 * grow with the tables. Rows that the live side has written, or may have removed, after the span
 * are passed over.
 */
export async function* rowDifferences(
  live: Side,
  rebuilt: Side,
  shape: TableShape,
  span: PositionSpan,
  seed: string,
): AsyncGenerator<RowDifference> {
  const [liveDigests, rebuiltDigests] = await Promise.all([
    bucketDigests(live, shape, span, seed),
    bucketDigests(rebuilt, shape, span, seed),
  ]);
  const buckets = [...new Set([...liveDigests.keys(), ...rebuiltDigests.keys()])].filter(
    (bucket) => liveDigests.get(bucket) !== rebuiltDigests.get(bucket),
  );
  if (buckets.length === 0) return;
  const all = { ...span, upTo: Number.MAX_SAFE_INTEGER };
  const { table } = shape;
  const isRemovable = table.kind === 'list' || (table.kind === 'keyed' && table.removable);
  const mayBeGone = span.upTo < all.upTo && isRemovable;
  const liveRows = rowsOf(live, shape, all, buckets);
  const rebuiltRows = rowsOf(rebuilt, shape, all, buckets);
  for await (const pair of pairsByKey(liveRows, rebuiltRows)) {
    if (pair.live ? pair.live.position > span.upTo : mayBeGone) continue;
    if (!isSame(pair)) yield pair;
  }
}

/** Brings the rows with equal keys of two ordered streams together. */
async function* pairsByKey(
  live: AsyncGenerator<TextRow>,
  rebuilt: AsyncGenerator<TextRow>,
): AsyncGenerator<RowDifference> {
  let [left, right] = await Promise.all([live.next(), rebuilt.next()]);
  while (!left.done || !right.done) {
    const order = left.done ? 1 : right.done ? -1 : compareBytes(left.value.key, right.value.key);
    yield {
      live: order <= 0 && !left.done ? left.value : undefined,
      rebuilt: order >= 0 && !right.done ? right.value : undefined,
    };
    if (order <= 0) left = await live.next();
    if (order >= 0) right = await rebuilt.next();
  }
}

/** As PostgreSQL orders texts under the collation "C". */
function compareBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function isSame({ live, rebuilt }: RowDifference): boolean {
  return live !== undefined && live.values.every((value, i) => value === rebuilt?.values[i]);
}

/** The rows of some buckets in the order of their keys. */
async function* rowsOf(
  side: Side,
  shape: TableShape,
  span: PositionSpan,
  buckets: readonly number[],
): AsyncGenerator<TextRow> {
  const text = (column: string) => sql`${sql.id(column)}::text`;
  const parts = shape.key.map((c) => sql`${sql.lit(`${c}=`)} || ${text(c)}`);
  // SQL as text: which columns there are, the database says.
  const rows = sql<TextRow>`
    select concat_ws(', ', ${sql.join(parts)}) as key, ${lastPositionOf(shape)} as position,
      array[${sql.join(shape.columns.map(text))}] as values
    from ${sql.id(side.schema, shape.name)}
    where ${inSpan(shape, span)}
      and ${bucketOf(shape)} = any(${buckets}::int[])
    order by concat_ws(', ', ${sql.join(parts)}) collate "C"`;
  for await (const page of ServerCursor.pagesOf(side.db, rows, PAGE_ROWS)) {
    yield* page;
  }
}
