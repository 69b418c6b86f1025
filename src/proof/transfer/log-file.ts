import { createHash } from 'node:crypto';
import type { Head } from '../../engine/define/event';
import { MOVED_TABLES, type MovedTable } from './moved-tables';

/** What the first line of every file begins with saying. */
export const FORMAT = 'truebook-log';
/** The version of the format that this program writes. It reads all up to this one. */
export const FORMAT_VERSION = 2;

/** Up to where the tasks of a name had been handed over when the log was exported. */
export interface Dispatched {
  readonly name: string;
  readonly position: number;
  readonly ordinal: number;
}

/** The first line of a file. */
export interface FileHeader {
  readonly format: typeof FORMAT;
  /** From 1 to {@link FORMAT_VERSION}. */
  readonly version: number;
  /** RFC 3339 UTC. */
  readonly exportedAt: string;
  /** Where the log ended. */
  readonly head: Head;
  /** The columns of each table, in the order of the fields of its rows. */
  readonly tables: Readonly<Record<string, readonly string[]>>;
  readonly dispatched: readonly Dispatched[];
}

/** Rows by table. */
export type RowCounts = Readonly<Record<string, number>>;

/** The line before the rows of a page. */
export interface PageHeader {
  /** The page has the events after this position … */
  readonly after: number;
  /** … up to this one; the same where it has only commands without events. */
  readonly upTo: number;
  readonly rows: RowCounts;
}

/** The line after the last page. */
export interface FileEnd {
  readonly head: Head;
  readonly rows: RowCounts;
}

/** The tables of a version of the format with their columns, as the header lists them. */
export function tableColumns(version = FORMAT_VERSION): FileHeader['tables'] {
  return Object.fromEntries(MOVED_TABLES.map((table) => [table.name, columnsOf(table, version)]));
}

/** The columns of a table in a version of the format: those of the version before, and new ones. */
export function columnsOf({ columns, since }: MovedTable, version: number): string[] {
  return Object.keys(columns).filter((column) => (since?.[column] ?? 1) <= version);
}

/** SHA-256 over everything so far. A digest covers all bytes before the line that it is on. */
export class RunningDigest {
  private readonly hash = createHash('sha256');

  update(bytes: Buffer): void {
    this.hash.update(bytes);
  }

  /** Lower-case hex; more may follow. */
  current(): string {
    return this.hash.copy().digest('hex');
  }
}
