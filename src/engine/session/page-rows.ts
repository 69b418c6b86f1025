import { sql, type Compilable, type CompiledQuery, type Expression } from 'kysely';
import type { Kysely, RawBuilder } from 'kysely';
import { PAGE_BYTES } from './database-reader';

/** Rows of a page: as many as are asked for, and fewer where they are large. */
export interface PageRows<Row> {
  readonly rows: readonly Row[];
  /** Whether the list goes on behind them. */
  readonly hasMore: boolean;
}

/** Which way a list goes: `asc` is oldest first. */
export type Order = 'asc' | 'desc';

/** What stands behind a place in a list that goes that way. */
export function beyond(order: Order): '>' | '<' {
  return order === 'asc' ? '>' : '<';
}

/** What has to be known of the rows of a list. */
export interface ListShape<Row> {
  /** The columns that order it, together unique. */
  readonly by: readonly (keyof Row & string)[];
  /** Default `asc`. */
  readonly order?: Order;
  /** Those that may have many bytes, each counted as its text. */
  readonly large: readonly (keyof Row & string)[];
  /** How many bytes a page may have; default {@link PAGE_BYTES}. */
  readonly bytes?: number | undefined;
}

/** What a row counts for besides its large columns. */
const ROW_BYTES = 512;

interface Marks {
  readonly rows_found: number;
  readonly bytes_before: number;
}
/** A row with what a page is made by. */
export type Marked<Row> = Row & Marks;

/**
 * The first rows of a list that have {@link PAGE_BYTES} together, or as many bytes as its shape
 * says, and one where that one has more.
 * @param found in the list's order, one row more than the page may have: these alone are looked at
 */
export function pageQuery<DB, Row>(
  db: Kysely<DB>,
  found: Expression<Row>,
  shape: ListShape<NoInfer<Row>>,
): Compilable<Marked<Row>> {
  const query = pageExpression(found, shape);
  return { compile: (): CompiledQuery<Marked<Row>> => query.compile(db) };
}

/** {@link pageQuery}, for a query that joins its rows with more. */
export function pageExpression<Row>(
  found: Expression<Row>,
  { by, order = 'asc', large, bytes: most = PAGE_BYTES }: ListShape<NoInfer<Row>>,
): RawBuilder<Marked<Row>> {
  const sizes = large.map((name) => sql`coalesce(octet_length(${sql.ref(name)}::text), 0)`);
  const bytes = sql.join([sql.lit(ROW_BYTES), ...sizes], sql` + `);
  const ordered = sql.join(by.map((name) => sql`${sql.ref(name)} ${sql.raw(order)}`));
  // SQL as text: of rows whose columns it does not know the builder's types become unreadable.
  return sql<Marked<Row>>`select * from (
    select *, count(*) over () as rows_found, sum(${bytes}) over (
      order by ${ordered} rows between unbounded preceding and 1 preceding) as bytes_before
    from ${found} as found) as page
    where coalesce(bytes_before, 0) < ${most} order by ${ordered}`;
}

/** A page of so many rows at most, of what a {@link pageQuery} found. */
export function pageRows<Row>(found: readonly Marked<Row>[], limit: number): PageRows<Row> {
  const rows = found.slice(0, limit).map(withoutMarks);
  return { rows, hasMore: (found[0]?.rows_found ?? 0) > rows.length };
}

/**
 * Reads a page of so many rows at most.
 * @param found see {@link pageQuery}
 */
export async function readPage<DB, Row>(
  db: Kysely<DB>,
  found: Expression<Row>,
  shape: ListShape<NoInfer<Row>>,
  limit: number,
): Promise<PageRows<Row>> {
  const { rows } = await db.executeQuery(pageQuery(db, found, shape));
  return pageRows<Row>(rows, limit);
}

function withoutMarks<Row>({ rows_found: _, bytes_before: _bytes, ...row }: Marked<Row>): Row {
  return row as Row;
}
