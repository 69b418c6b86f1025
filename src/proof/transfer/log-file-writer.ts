import { lineOf } from './copy-text';
import { RunningDigest, type FileEnd, type FileHeader, type PageHeader } from './log-file';
import { MOVED_TABLES, type Fields, type MovedTable } from './moved-tables';

/** Rows that a page holds before it is ended, events and all that move with them. */
export const PAGE_ROWS = 4_000;
/** Bytes, about, that a page holds before it is ended. */
const PAGE_BYTES = 4 * 1024 * 1024;

/** A page that is being filled. */
export class PageDraft {
  upTo: number;
  private readonly lines = new Map<MovedTable, string[]>(MOVED_TABLES.map((t) => [t, []]));
  private rows = 0;
  private bytes = 0;

  /** @param after the position that the page before ended with */
  constructor(
    readonly after: number,
    private readonly maxRows: number,
  ) {
    this.upTo = after;
  }

  get isEmpty(): boolean {
    return this.rows === 0;
  }

  /** Whether no further event should be added. */
  get isFull(): boolean {
    return this.rows >= this.maxRows || this.bytes >= PAGE_BYTES;
  }

  add(table: MovedTable, row: Fields): void {
    const line = lineOf(row);
    this.lines.get(table)!.push(line);
    this.rows += 1;
    this.bytes += line.length + 1;
  }

  get header(): PageHeader {
    const rows = [...this.lines].map(([table, lines]) => [table.name, lines.length] as const);
    return { after: this.after, upTo: this.upTo, rows: Object.fromEntries(rows) };
  }

  /** The rows in the order of the header's tables. */
  get allLines(): string[] {
    return [...this.lines.values()].flat();
  }
}

/** Writes the blocks of a file: a line of JSON, rows, and the digest of everything before. */
export class LogFileWriter {
  private readonly digest = new RunningDigest();

  header(header: FileHeader): Buffer {
    return this.block(header, []);
  }

  page(page: PageDraft): Buffer {
    return this.block({ page: page.header }, page.allLines);
  }

  end(end: FileEnd): Buffer {
    return this.block({ end }, []);
  }

  private block(first: object, rows: readonly string[]): Buffer {
    const body = Buffer.from(`${[JSON.stringify(first), ...rows].join('\n')}\n`);
    this.digest.update(body);
    const last = Buffer.from(`${JSON.stringify({ sha256: this.digest.current() })}\n`);
    this.digest.update(last);
    return Buffer.concat([body, last]);
  }
}
