import { sql, type Kysely } from 'kysely';
import { hashable, lastPositionOf, type TableShape } from './table-shape';
import type { StateDatabase } from '../../engine/define/state-table';

/** One side of a comparison: a schema as one connection sees it. */
export interface Side {
  readonly db: Kysely<StateDatabase>;
  readonly schema: string;
}

/** The rows that are compared, by the position of the event that last wrote them. */
export interface PositionSpan {
  /** Rows of later events only; 0 for all. */
  readonly after: number;
  /** Rows of earlier events and of this one. */
  readonly upTo: number;
}

/** The rows of a table in one number each, whatever their order. */
export interface Digest {
  readonly rows: number;
  /** Sum of 64-bit hashes of the rows. */
  readonly sum: string;
}

/** Buckets that rows are divided into by their key, to find the few that differ. */
const BUCKETS = 4096;

/**
 * Counts and hashes the rows of a table inside the database. SQL as text: which columns there are,
 * the database says. The seed is another one for every
 * run, so that nobody can prepare rows that leave the sum as it is.
 */
export async function digestOf(
  side: Side,
  shape: TableShape,
  span: PositionSpan,
  seed: string,
): Promise<Digest> {
  const { rows } = await sql<Digest>`
    select count(*) as rows, coalesce(sum(${hashOf(shape, seed)}), 0)::text as sum
    from ${sql.id(side.schema, shape.name)}
    where ${inSpan(shape, span)}`.execute(side.db);
  return rows[0]!;
}

/**
 * The digests of a table's buckets, those without rows left out.
 * SQL as text: for the same reason as {@link digestOf}.
 */
export async function bucketDigests(
  side: Side,
  shape: TableShape,
  span: PositionSpan,
  seed: string,
): Promise<Map<number, string>> {
  const { rows } = await sql<{ bucket: number; digest: string }>`
    select ${bucketOf(shape)} as bucket,
      count(*)::text || ' ' || sum(${hashOf(shape, seed)})::text as digest
    from ${sql.id(side.schema, shape.name)}
    where ${inSpan(shape, span)} group by 1`.execute(side.db);
  return new Map(rows.map(({ bucket, digest }) => [bucket, digest]));
}

/**
 * The hash of a row, of the bytes that every value is sent as. PostgreSQL's own hash of a record
 * would not do: it adds up the hashes of the values, so that values which changed places between
 * two rows leave the sum as it was, and that of a number does not know its sign. A hash of bytes
 * comes with PostgreSQL 18 only, so that they are hashed as text.
 */
function hashOf({ columns }: TableShape, seed: string) {
  const row = sql`row(${sql.join(columns.map((column) => sql.id(column)))})`;
  return sql`hashtextextended(encode(record_send(${row}), 'hex'), ${seed}::bigint)`;
}

/** The bucket that a row is in. */
export function bucketOf(shape: TableShape) {
  return sql<number>`
    (hash_record_extended(${hashable(shape, shape.key)}, 0) & ${sql.lit(BUCKETS - 1)})::int`;
}

/** Whether a row belongs to a span. */
export function inSpan(shape: TableShape, { after, upTo }: PositionSpan) {
  const position = lastPositionOf(shape);
  const conditions = [sql<boolean>`true`];
  if (after > 0) conditions.push(sql`${position} > ${after}`);
  if (upTo < Number.MAX_SAFE_INTEGER) conditions.push(sql`${position} <= ${upTo}`);
  return sql.join(conditions, sql` and `);
}
