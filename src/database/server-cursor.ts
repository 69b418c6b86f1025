import { sql, type Expression, type QueryExecutorProvider } from 'kysely';

let cursors = 0;

/**
 * The answer of a query by pages, as it was when the query was asked, so that memory does not grow
 * with it. Lives until the transaction ends that it was opened in. SQL as text: the builder has no
 * word for cursors.
 */
export class ServerCursor<Row> {
  private constructor(
    private readonly name: string,
    private readonly pageRows: number,
  ) {}

  static async open<Row>(
    db: QueryExecutorProvider,
    query: Expression<Row>,
    pageRows: number,
  ): Promise<ServerCursor<Row>> {
    const name = `cursor_${++cursors}`;
    await sql`declare ${sql.id(name)} no scroll cursor for ${query}`.execute(db);
    return new ServerCursor<Row>(name, pageRows);
  }

  /** The next rows; fewer than a page has, or none, at the end, where it is closed. */
  async next(db: QueryExecutorProvider): Promise<Row[]> {
    const name = sql.id(this.name);
    const { rows } = await sql<Row>`fetch ${sql.lit(this.pageRows)} from ${name}`.execute(db);
    if (rows.length < this.pageRows) await sql`close ${name}`.execute(db);
    return rows;
  }

  /** All rows of a query, by pages. */
  static async *pagesOf<Row>(
    db: QueryExecutorProvider,
    query: Expression<Row>,
    pageRows: number,
  ): AsyncGenerator<Row[]> {
    const cursor = await ServerCursor.open(db, query, pageRows);
    for (;;) {
      const rows = await cursor.next(db);
      if (rows.length > 0) yield rows;
      if (rows.length < pageRows) return;
    }
  }
}
