import { isDeepStrictEqual } from 'node:util';
import { lineOf, rowOf } from './copy-text';
import { FileRefused } from './file-refused';
import { Lines } from './lines';
import {
  FORMAT,
  FORMAT_VERSION,
  columnsOf,
  RunningDigest,
  tableColumns,
  type FileEnd,
  type FileHeader,
  type PageHeader,
} from './log-file';
import { MOVED_TABLES, type Fields, type MovedTable } from './moved-tables';

/** Bytes of one page: far more than is ever written, and little enough to be held. */
const MAX_PAGE_BYTES = 512 * 1024 * 1024;

/** A row with the line of the file that it is. */
export interface FileRow {
  readonly line: string;
  readonly fields: Fields;
}

/** A page whose bytes are those that were written. */
export interface FilePage {
  readonly after: number;
  readonly upTo: number;
  /** Number of the page's first row in the file. */
  readonly line: number;
  readonly rows: ReadonlyMap<MovedTable, readonly FileRow[]>;
}

/**
 * Reads the blocks of a file in order and lets none pass whose digest does not fit. What the rows
 * mean is for the import to check.
 */
export class LogFileReader {
  private readonly lines: Lines;
  private readonly digest = new RunningDigest();
  private position = 0;
  private version = FORMAT_VERSION;

  constructor(source: AsyncIterable<Buffer>) {
    this.lines = new Lines(
      source,
      (bytes) => this.digest.update(bytes),
      (line, reason) => this.refused(reason, line),
    );
  }

  /** @throws FileRefused where the file is no export, or of another version */
  async header(): Promise<FileHeader> {
    const header = (await this.json()) as { format?: string; version?: number } | null;
    if (header?.format !== FORMAT) throw this.refused('this is no export of an event log');
    const { version } = header;
    if (!Number.isInteger(version) || version! < 1 || version! > FORMAT_VERSION) {
      const known = `this program reads versions 1 to ${FORMAT_VERSION}`;
      throw this.refused(`the file has version ${String(version)}, and ${known}`);
    }
    this.version = version!;
    await this.checkDigest();
    if (!isDeepStrictEqual((header as FileHeader).tables, tableColumns(version))) {
      throw this.refused('the tables of the file are not those of this program');
    }
    return header as FileHeader;
  }

  /** The next page, or the end, after which nothing may follow. @throws FileRefused */
  async next(): Promise<FilePage | FileEnd> {
    const block = (await this.json()) as { page?: PageHeader; end?: FileEnd } | null;
    if (block?.page) return this.page(block.page);
    if (!block?.end) throw this.refused('neither a page nor the end begins here');
    await this.checkDigest();
    const more = await this.lines.next();
    if (more !== undefined) throw this.refused('the file goes on after its end');
    return block.end;
  }

  /** A refusal that says where in the file the reader is. */
  refused(reason: string, line = this.lines.number): FileRefused {
    return new FileRefused(line, this.position, reason);
  }

  private async page({ after, upTo, rows: counts }: PageHeader): Promise<FilePage> {
    const first = this.lines.number + 1;
    const rows = new Map<MovedTable, FileRow[]>();
    let bytes = 0;
    for (const table of MOVED_TABLES) {
      const found: FileRow[] = [];
      const columns = columnsOf(table, this.version).length;
      const lacking = Object.keys(table.columns).length - columns;
      for (let left = counts?.[table.name] ?? 0; left > 0; left--) {
        const line = await this.line();
        const fields = rowOf(line, columns);
        if (!fields) throw this.refused(`this is no row of ${table.name}`);
        bytes += line.length;
        if (bytes > MAX_PAGE_BYTES) throw this.refused('the page is too long');
        found.push(lacking > 0 ? withNulls({ line, fields }, lacking) : { line, fields });
      }
      rows.set(table, found);
    }
    await this.checkDigest();
    this.position = upTo;
    return { after, upTo, line: first, rows };
  }

  private async checkDigest(): Promise<void> {
    const expected = this.digest.current();
    const found = (await this.json()) as { sha256?: string } | null;
    if (found?.sha256 !== expected) {
      throw this.refused('the digest does not fit: what stands before it was changed');
    }
  }

  private async json(): Promise<unknown> {
    const line = await this.line();
    try {
      return JSON.parse(line);
    } catch {
      throw this.refused(this.lines.number === 1 ? 'this is no export' : 'the line is damaged');
    }
  }

  private async line(): Promise<string> {
    const line = await this.lines.next();
    if (line === undefined) {
      throw this.refused('the file ends before its end: it was cut off', this.lines.number + 1);
    }
    return line;
  }
}

/** A row of an older file, with nothing in the columns that its version did not have. */
function withNulls({ line, fields }: FileRow, count: number): FileRow {
  const nulls = Array<null>(count).fill(null);
  return { line: `${line}\t${lineOf(nulls)}`, fields: [...fields, ...nulls] };
}
