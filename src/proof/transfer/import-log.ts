import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { clientConfig, kyselyOn, ROLES } from '../../database/connections';
import { allDone, isRowRefused } from '../../database/sqlstates';
import { WriterConnection } from '../../database/writer-connection';
import { ChainBroken } from '../../engine/catch-up/catch-up';
import { GENESIS, sameHead, type Head } from '../../engine/define/event';
import type { LogDatabase } from '../../engine/write/event-log';
import { hashAt, lockLog } from '../../engine/write/heads';
import { ensurePartitions } from '../../engine/write/partitions';
import { followChain, hashOf } from './chain';
import { AnotherLog, FileRefused } from './file-refused';
import type { FileHeader, RowCounts } from './log-file';
import { LogFileReader, type FilePage } from './log-file-reader';
import { EVENTS } from './moved-tables';
import { sendPage } from './page-writes';

/** A page waits for the batch that is under way, where the service was not stopped. */
const TIMEOUTS = { lockTimeoutMs: 60_000, statementTimeoutMs: 600_000 };
const READ_BYTES = 1024 * 1024;
const GZIP = /\.gz$/i;

export interface ImportOptions {
  /** The log database, migrated. */
  readonly url: string;
  /** A path, compressed where it ends in `.gz`, or a stream. */
  readonly from: string | Readable;
  /** Told how far the import is and where the file ends, and only of what was committed. */
  readonly onProgress?: (position: number, head: number) => void;
}

/** `failed`: the chain of the file is broken; what stands before that was imported. */
export interface ImportReport {
  readonly status: 'imported' | 'failed';
  /** Where the log ended before. */
  readonly fromPosition: number;
  /** Where the log ends now. */
  readonly head: Head;
  /** Where the file ends, by its header. */
  readonly fileHead: Head;
  readonly chain: { readonly ok: boolean; readonly brokenAt: number | null };
  /** Rows of the file by table, those that were there already included. */
  readonly rows: RowCounts;
  readonly seconds: number;
  /** Events that were added a second. */
  readonly eventsPerSecond: number;
}

/**
 * Adds what a file has and the log lacks, page by page, each in one transaction under the log's
 * lock, with every link of the hash chain computed again. Whatever ends it, the log is a beginning
 * of the file's, and the same import goes on there.
 * @throws FileRefused, AnotherLog, and what the connection and the file system throw
 */
export async function importLog(options: ImportOptions): Promise<ImportReport> {
  const log = new WriterConnection(clientConfig(options.url, ROLES.logWriter, TIMEOUTS));
  const bytes = bytesOf(options.from);
  // Whoever reads sees the error, then or later; until then nobody may listen.
  bytes.on('error', () => undefined);
  try {
    await log.connect();
    const run = new Import(log, options);
    await run.run(new LogFileReader(bytes));
    return run.report();
  } finally {
    bytes.destroy();
    log.destroy();
  }
}

/**
 * Reads the beginning of a file, before anything is made for it.
 * @throws as {@link importLog} where it is no log file, or cannot be read
 */
export async function checkLogFile(from: string): Promise<void> {
  const bytes = bytesOf(from);
  bytes.on('error', () => undefined);
  try {
    await new LogFileReader(bytes).header();
  } finally {
    bytes.destroy();
  }
}

function bytesOf(from: string | Readable): Readable {
  if (typeof from !== 'string') return from;
  const file = createReadStream(from, { highWaterMark: READ_BYTES });
  if (!GZIP.test(from)) return file;
  const bytes = createGunzip({ chunkSize: READ_BYTES });
  // A pipe tells neither end of what becomes of the other.
  file.once('error', (error) => bytes.destroy(error));
  bytes.once('close', () => file.destroy());
  return file.pipe(bytes);
}

class Import {
  private readonly startedMs = performance.now();
  private readonly rows: Record<string, number> = {};
  private header: FileHeader | undefined;
  /** Where the log stood in the beginning. */
  private start: Head = GENESIS;
  /** Where the log stands, as far as this import wrote it. */
  private logHead: Head = GENESIS;
  /** Up to where the file was read. */
  private fileHead: Head = GENESIS;
  private brokenAt: number | null = null;
  /** Up to where, exclusively, the log has partitions. */
  private reach = 0;

  constructor(
    private readonly log: WriterConnection,
    private readonly options: ImportOptions,
  ) {}

  async run(reader: LogFileReader): Promise<void> {
    const header = await reader.header();
    this.header = header;
    this.start = this.logHead = await this.readHead();
    if (this.start.position > header.head.position) {
      throw new AnotherLog(
        `The log ends at position ${this.start.position}, and the file already at ` +
          `${header.head.position}: the log is no beginning of the file's`,
      );
    }
    let written: Promise<void> = Promise.resolve();
    try {
      for (;;) {
        const block = await reader.next();
        if (!('upTo' in block)) {
          this.checkEnd(reader, block);
          break;
        }
        const before = this.fileHead;
        this.fileHead = this.follow(block);
        const head = this.fileHead;
        // The next page is read and checked while the server writes this one.
        await written;
        written = this.write(header, block, before, head);
        written.catch(() => undefined);
      }
    } catch (error) {
      // What was complete before the damaged place is kept, and a failure to write it comes first.
      await written;
      if (!(error instanceof ChainBroken)) throw error;
      this.brokenAt = error.position;
    }
    await written;
  }

  report(): ImportReport {
    const seconds = (performance.now() - this.startedMs) / 1000;
    const added = this.logHead.position - this.start.position;
    return {
      status: this.brokenAt === null ? 'imported' : 'failed',
      fromPosition: this.start.position,
      head: this.logHead,
      fileHead: this.header?.head ?? GENESIS,
      chain: { ok: this.brokenAt === null, brokenAt: this.brokenAt },
      rows: this.rows,
      seconds,
      eventsPerSecond: Math.round(added / Math.max(seconds, 0.001)),
    };
  }

  private async readHead(): Promise<Head> {
    const { head } = await lockLog(this.log, GENESIS);
    await this.log.rollback();
    return head;
  }

  /** Computes the chain of a page's events. @throws ChainBroken, FileRefused */
  private follow(page: FilePage): Head {
    const { after, upTo, line, rows } = page;
    const events = rows.get(EVENTS)!;
    for (const [table, found] of rows) {
      this.rows[table.name] = (this.rows[table.name] ?? 0) + found.length;
    }
    if (after !== this.fileHead.position || upTo !== after + events.length) {
      throw new FileRefused(line, this.fileHead.position, 'the page does not fit the one before');
    }
    return followChain(this.fileHead, page);
  }

  /** One page in one transaction: all of it, or nothing. */
  private async write(header: FileHeader, page: FilePage, before: Head, head: Head): Promise<void> {
    try {
      await this.makeRoom(head.position);
      // Under the lock nobody else can add to the log, so that what is checked here holds.
      const { head: locked } = await lockLog(this.log, this.logHead);
      if (!sameHead(locked, this.logHead)) {
        throw new AnotherLog(
          `Somebody else wrote to the log, which is at position ${locked.position} now`,
        );
      }
      await this.expectBeginning(page, before, head);
      await allDone(
        sendPage(this.log, this.options.url, page, this.logHead.position, header.dispatched),
      );
      await this.log.commit();
    } catch (error) {
      await this.log.rollback();
      if (!isRowRefused(error)) throw error;
      const reason = `the page is refused by the log: ${(error as Error).message}`;
      throw new FileRefused(page.line, page.after, reason, { cause: error });
    }
    if (head.position > this.logHead.position) this.logHead = head;
    this.options.onProgress?.(head.position, header.head.position);
  }

  /** Partitions are added before the lock is taken, as the service does it. */
  private async makeRoom(position: number): Promise<void> {
    if (position < this.reach) return;
    const db = kyselyOn<LogDatabase>(() => this.log.current);
    this.reach = await ensurePartitions(db, position);
  }

  /**
   * Checks that what the log has of a page is what the file has. By the chain, one equal hash says
   * that of everything before it.
   */
  private async expectBeginning(page: FilePage, before: Head, head: Head): Promise<void> {
    const { position } = this.logHead;
    const common = Math.min(position, page.upTo);
    if (common < page.after) return;
    const row = page.rows.get(EVENTS)![common - page.after - 1];
    const inFile =
      common === page.after ? before.hash : common === page.upTo ? head.hash : hashOf(row!);
    const inLog = await hashAt(this.log, common);
    if (inFile !== inLog) {
      throw new AnotherLog(
        `At position ${common} the log has the hash ${inLog ?? 'of no event'}, and the file ` +
          `${inFile}: this is another log`,
      );
    }
  }

  private checkEnd(reader: LogFileReader, end: { head: Head; rows: RowCounts }): void {
    const isWhole =
      sameHead(end.head, this.fileHead) &&
      sameHead(end.head, this.header!.head) &&
      Object.entries(end.rows).every(([table, count]) => count === (this.rows[table] ?? 0));
    if (!isWhole) throw reader.refused('the end does not fit the pages before it');
  }
}
