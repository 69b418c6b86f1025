import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { clientConfig, kyselyOn, ROLES } from '../../database/connections';
import { WriterConnection } from '../../database/writer-connection';
import { GENESIS, type Head } from '../../engine/define/event';
import type { LogDatabase } from '../../engine/write/event-log';
import {
  FORMAT,
  FORMAT_VERSION,
  tableColumns,
  type Dispatched,
  type FileHeader,
  type RowCounts,
} from './log-file';
import { LogFileWriter, PageDraft, PAGE_ROWS } from './log-file-writer';
import { EVENTS, FOLLOWING, type MovedTable } from './moved-tables';
import { RowCursor } from './row-cursor';
import { writeWhole } from './whole-file';

/** Sorting a long command log may take minutes before the first row comes. */
const TIMEOUTS = { lockTimeoutMs: 60_000, statementTimeoutMs: 6 * 3_600_000 };
const SETTINGS = ["set bytea_output = 'hex'", "set work_mem = '64MB'"];

export interface ExportOptions {
  /** The log database. */
  readonly url: string;
  /** A path, compressed where it ends in `.gz`, or a stream, which is left open. */
  readonly to: string | Writable;
  /** Rows in a page; default {@link PAGE_ROWS}. */
  readonly pageRows?: number;
  /** Told how far the export is and where the log ends. */
  readonly onProgress?: (position: number, head: number) => void;
}

/** What was exported. */
export interface ExportReport {
  readonly status: 'exported';
  /** The last event of the file. */
  readonly head: Head;
  /** Rows by table. */
  readonly rows: RowCounts;
  /** Bytes before they were compressed. */
  readonly bytes: number;
  readonly seconds: number;
  readonly eventsPerSecond: number;
}

/**
 * Writes the whole log, with everything that a new installation needs to be the same ledger, as
 * one consistent snapshot, while the service goes on. Memory does not grow with the length of the
 * log. The file has its name only once it is complete and on the disk.
 * @throws what the connection and the file system throw
 */
export async function exportLog(options: ExportOptions): Promise<ExportReport> {
  const log = new WriterConnection(clientConfig(options.url, ROLES.logReader, TIMEOUTS));
  try {
    await log.connect(...SETTINGS);
    const run = new Export(log, options);
    const { to } = options;
    if (typeof to === 'string') await writeWhole(to, run.blocks());
    else await pipeline(run.blocks(), to, { end: false });
    return run.report();
  } finally {
    log.destroy();
  }
}

class Export {
  private readonly startedMs = performance.now();
  private readonly writer = new LogFileWriter();
  private readonly rows: Record<string, number> = {};
  private head: Head = GENESIS;
  private bytes = 0;

  constructor(
    private readonly log: WriterConnection,
    private readonly options: ExportOptions,
  ) {}

  async *blocks(): AsyncGenerator<Buffer> {
    for await (const block of this.uncounted()) {
      this.bytes += block.length;
      yield block;
    }
  }

  report(): ExportReport {
    const { head, rows, bytes } = this;
    const seconds = (performance.now() - this.startedMs) / 1000;
    const eventsPerSecond = Math.round(head.position / Math.max(seconds, 0.001));
    return { status: 'exported', head, rows, bytes, seconds, eventsPerSecond };
  }

  private async *uncounted(): AsyncGenerator<Buffer> {
    // Everything is read as it was at one moment, whatever is written meanwhile.
    await this.log.send('begin isolation level repeatable read read only');
    yield this.writer.header(await this.header());
    const events = new RowCursor(EVENTS, this.log);
    const following = FOLLOWING.map((table) => new RowCursor(table, this.log));
    let page = this.draft(0);
    await fill(page, events, following);
    while (!page.isEmpty) {
      this.count(page);
      yield this.writer.page(page);
      this.options.onProgress?.(page.upTo, this.head.position);
      page = this.draft(page.upTo);
      await fill(page, events, following);
    }
    if (page.after !== this.head.position) {
      throw new Error(`The log ends at ${this.head.position}, and its rows at ${page.after}`);
    }
    await expectNothingLeft(following);
    yield this.writer.end({ head: this.head, rows: this.rows });
  }

  private async header(): Promise<FileHeader> {
    const db = kyselyOn<LogDatabase & { task_dispatch: Dispatched }>(() => this.log.current);
    const last = await db
      .selectFrom('event_log')
      .select(['position', 'hash'])
      .orderBy('position', 'desc')
      .limit(1)
      .executeTakeFirst();
    if (last) this.head = { position: last.position, hash: last.hash.toString('hex') };
    const dispatched = await db
      .selectFrom('task_dispatch')
      .select(['name', 'position', 'ordinal'])
      .orderBy('name')
      .execute();
    return {
      format: FORMAT,
      version: FORMAT_VERSION,
      exportedAt: new Date().toISOString(),
      head: this.head,
      tables: tableColumns(),
      dispatched,
    };
  }

  private draft(after: number): PageDraft {
    return new PageDraft(after, this.options.pageRows ?? PAGE_ROWS);
  }

  private count(page: PageDraft): void {
    for (const [table, count] of Object.entries(page.header.rows)) {
      this.rows[table] = (this.rows[table] ?? 0) + count;
    }
  }
}

/** Takes whole positions, each with all that moves with it, until the page is full. */
async function fill(
  page: PageDraft,
  events: RowCursor,
  following: readonly RowCursor[],
): Promise<void> {
  for (;;) {
    for (const cursor of following) await takeRows(cursor, page);
    if (page.isFull) return;
    const event = await events.peek();
    if (!event) return;
    events.skip();
    page.add(EVENTS, event);
    page.upTo = events.positionOf(event);
  }
}

/** Takes the rows up to the page's position; those that may follow only while there is room. */
async function takeRows(cursor: RowCursor, page: PageDraft): Promise<void> {
  const { table } = cursor;
  for (;;) {
    const row = await cursor.peek();
    if (!row || cursor.positionOf(row) > page.upTo) return;
    if (page.isFull && table.mayFollow?.(row)) return;
    cursor.skip();
    page.add(table, row);
  }
}

async function expectNothingLeft(cursors: readonly RowCursor[]): Promise<void> {
  for (const cursor of cursors) {
    const row = await cursor.peek();
    if (!row) continue;
    const { name }: MovedTable = cursor.table;
    throw new Error(`${name} has a row of position ${cursor.positionOf(row)}, beyond the log`);
  }
}
