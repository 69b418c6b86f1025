import { createHash } from 'node:crypto';
import type { Head } from '../../engine/define/event';
import { MOVED_TABLES } from './moved-tables';

/** What the first line of every file begins with saying. */
export const FORMAT = 'truebook-log';
/** The version of the format that this program writes, and the only one that it reads. */
export const FORMAT_VERSION = 1;

/** Up to where the tasks of a name had been handed over when the log was exported. */
export interface Dispatched {
  readonly name: string;
  readonly position: number;
  readonly ordinal: number;
}

/** The first line of a file. */
export interface FileHeader {
  readonly format: typeof FORMAT;
  readonly version: typeof FORMAT_VERSION;
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

/** The tables of the format with their columns, as the header lists them. */
export function tableColumns(): FileHeader['tables'] {
  return Object.fromEntries(MOVED_TABLES.map((t) => [t.name, Object.keys(t.columns)]));
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
