import type { QueryConfig } from 'pg';
import type { WriterConnection } from '../../database/writer-connection';
import { fieldOf, type Fields, type MovedTable } from './moved-tables';

/** Rows that are fetched at once. */
const FETCH_ROWS = 1_000;
/** Every value as the server writes it. */
const asWritten = { getTypeParser: () => (text: string) => text };

/** Reads a table in the order of positions inside the caller's transaction, some rows ahead. */
export class RowCursor {
  private rows: Fields[] = [];
  private at = 0;
  private ahead: Promise<Fields[]> | undefined;
  private readonly position: (row: Fields) => string | null;
  private readonly fetch: QueryConfig & { rowMode: 'array' };

  constructor(
    readonly table: MovedTable,
    private readonly log: WriterConnection,
  ) {
    const { name, columns, position, order } = table;
    this.position = fieldOf(table, position);
    const cursor = `moved_${name}`;
    const text = `fetch ${FETCH_ROWS} from ${cursor}`;
    this.fetch = { text, rowMode: 'array', types: asWritten };
    const sorted = [position, ...order].join(', ');
    // SQL as text: the builder has no word for cursors, and the table's definition has the names.
    const select = `select ${Object.keys(columns).join(', ')} from ${name} order by ${sorted}`;
    log.send(`declare ${cursor} no scroll cursor for ${select}`).catch(() => undefined);
    this.ahead = this.ask();
  }

  /** The next row; undefined at the end. */
  async peek(): Promise<Fields | undefined> {
    if (this.at < this.rows.length) return this.rows[this.at];
    if (!this.ahead) return undefined;
    this.rows = await this.ahead;
    this.at = 0;
    this.ahead = this.rows.length < FETCH_ROWS ? undefined : this.ask();
    return this.rows[0];
  }

  /** Moves on past the row that {@link peek} gave. */
  skip(): void {
    this.at += 1;
  }

  positionOf(row: Fields): number {
    return Number(this.position(row));
  }

  private ask(): Promise<Fields[]> {
    const fetched = this.log.send(this.fetch).then(({ rows }) => rows as Fields[]);
    // Whoever asks for the rows sees the error; until then it must not count as unhandled.
    fetched.catch(() => undefined);
    return fetched;
  }
}
