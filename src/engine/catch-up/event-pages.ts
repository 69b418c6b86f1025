import { sql } from 'kysely';
import type { QueryArrayConfig } from 'pg';
import { POSTGRES_EPOCH_MS } from '../../database/binary-copy';
import { copiedText } from '../../database/copy-out';
import { sendable, textOf } from '../../database/prepared';
import type { WriterConnection } from '../../database/writer-connection';
import type { AppendedEvent, LogDatabase } from '../write/event-log';
import type { RequestedTask, TaskRow } from '../write/task-log';

/** Pages that are read before they are needed. */
const PAGES_AHEAD = 6;
/**
 * Pages that are asked for in one query: few, because their tasks come before their events and are
 * all in memory. Where every event has a hundred, 40 pages took 700 MB, and 10 take half of that.
 */
const PAGES_PER_QUERY = 10;
/** A page of large events is cut here, so that memory does not depend on their size. */
const PAGE_CHARACTERS = 2_000_000;

/** A part of the log with the tasks that its events asked for. */
export interface EventPage {
  readonly events: readonly AppendedEvent[];
  readonly tasks: readonly RequestedTask[];
  /** Of its rows as they were read. */
  readonly characters: number;
}

/** A page as it was read, before fields are taken out of its rows. */
interface RawPage {
  readonly rows: string[];
  characters: number;
  /** Settled when the tasks of all its events are there. */
  tasksRead: Promise<void>;
}

function emptyPage(): RawPage {
  return { rows: [], characters: 0, tasksRead: Promise.resolve() };
}

/** The columns in the order in which {@link eventOfRow} takes them: of a fixed length first. */
const eventRows = (after: number, upTo: number) =>
  textOf<LogDatabase>((log) =>
    log
      .selectFrom('event_log')
      .select(['event_id', 'command_id'])
      .select((eb) => [
        eb.fn('timestamptz_send', ['occurred_at']).as('occurred_at'),
        eb.fn('timestamptz_send', ['recorded_at']).as('recorded_at'),
      ])
      .select(['hash', 'position', 'version', 'type', 'actor', 'correlation_id', 'causation_id'])
      .select('data')
      .where('position', '>', sql.lit(after))
      .where('position', '<=', sql.lit(upTo))
      .orderBy('position'),
  );

const tasksBetween = sendable<
  LogDatabase,
  { after: number; upTo: number },
  Omit<TaskRow, 'task_id'>
>('task texts', (log, { after, upTo }) =>
  log
    .selectFrom('task_log')
    .select(['position', 'ordinal', 'name', 'subject', 'payload', 'not_before'])
    .where('position', '>', after)
    .where('position', '<=', upTo)
    .orderBy('position')
    .orderBy('ordinal'),
);

/** The same columns in the same order, each as the server writes it. */
function taskTexts(after: number, upTo: number): QueryArrayConfig {
  const { name, text, values } = tasksBetween({ after, upTo });
  return { name: name!, text, values, rowMode: 'array', types: asWritten };
}

const asWritten = { getTypeParser: () => (text: string) => text };

/**
 * A part of the log by pages, in order and as stored, read ahead of whoever takes them on a
 * connection that nobody else uses meanwhile. Reading stops while enough is there.
 */
export class EventPages {
  private asked: number;
  private readonly ready: RawPage[] = [];
  private filling = emptyPage();
  private tasks: RequestedTask[] = [];
  private queries = 0;
  private failure: Error | undefined;
  private isStopped = false;
  private wake: (() => void) | undefined;

  /** @param to position of the last event to read */
  constructor(
    private readonly log: WriterConnection,
    from: number,
    private readonly to: number,
    private readonly pageEvents: number,
  ) {
    this.asked = from;
    this.ask();
    this.ask();
  }

  /** The next page; undefined after the last one. @throws what reading throws */
  async next(): Promise<EventPage | undefined> {
    // Lets what the databases sent and wait for pass; awaiting settled promises alone would not.
    await new Promise(setImmediate);
    while (this.ready.length === 0 && this.queries > 0 && !this.failure) {
      await new Promise<void>((wake) => (this.wake = wake));
    }
    if (this.failure) throw this.failure;
    const page = this.ready.shift();
    if (this.ready.length < PAGES_AHEAD) this.log.setPaused(false);
    if (!page) return undefined;
    await page.tasksRead;
    const events = page.rows.map(eventOfRow);
    const last = events.at(-1)!.position;
    const end = this.tasks.findIndex((task) => task.position > last);
    const tasks = this.tasks.splice(0, end === -1 ? this.tasks.length : end);
    return { events, tasks, characters: page.characters };
  }

  /** Drops what was asked for and lets the connection read on, for whoever uses it next. */
  stop(): void {
    this.isStopped = true;
    this.ready.length = 0;
    this.log.setPaused(false);
  }

  private ask(): void {
    if (this.asked >= this.to || this.isStopped) return;
    const after = this.asked;
    this.asked = Math.min(after + this.pageEvents * PAGES_PER_QUERY, this.to);
    this.queries++;
    void this.read(after, this.asked)
      .catch((error: unknown) => (this.failure ??= error as Error))
      .finally(() => {
        this.queries--;
        this.cut();
        if (!this.failure) this.ask();
        this.wake?.();
      });
  }

  private async read(after: number, upTo: number): Promise<void> {
    const answers = this.log.together(() => {
      // The server answers in order: these have come before the first event, and are told later.
      const tasks = this.log.send(taskTexts(after, upTo)).then(({ rows }) => {
        for (const texts of rows as TaskTexts[]) this.tasks.push(taskOfTexts(texts));
      });
      tasks.catch(() => undefined);
      return [tasks, this.log.copyOut(eventRows(after, upTo), (row) => this.take(row, tasks))];
    });
    await Promise.all(answers);
  }

  private take(row: string, tasksRead: Promise<void>): void {
    if (this.isStopped) return;
    const page = this.filling;
    page.tasksRead = tasksRead;
    page.rows.push(row);
    page.characters += row.length;
    if (page.rows.length === this.pageEvents || page.characters >= PAGE_CHARACTERS) this.cut();
  }

  private cut(): void {
    if (this.filling.rows.length === 0) return;
    this.ready.push(this.filling);
    this.filling = emptyPage();
    if (this.ready.length >= PAGES_AHEAD) this.log.setPaused(true);
    this.wake?.();
  }
}

type TaskTexts = [
  position: string,
  ordinal: string,
  name: string,
  subject: string | null,
  payload: string,
  notBefore: string | null,
];

function taskOfTexts(texts: TaskTexts): RequestedTask {
  const [position, ordinal, name, subject, payload, notBefore] = texts;
  return {
    position: Number(position),
    ordinal: Number(ordinal),
    name,
    subject,
    payload,
    not_before: notBefore && instantOfText(notBefore),
  };
}

/** What the gateway lets be recorded, as PostgreSQL writes it. */
const STORED_INSTANT = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d{1,3})?\+00$/;

/** As the ledger writes it. Whatever else was put there stays as it is, and is like no other. */
function instantOfText(text: string): string {
  const [, day, time, fraction = '.'] = STORED_INSTANT.exec(text) ?? [];
  return day === undefined ? text : `${day}T${time}${fraction.padEnd('.000'.length, '0')}Z`;
}

/** Where the fields of fixed length begin: UUIDs, and `\\x` with hex digits for the others. */
const [COMMAND_ID, OCCURRED_AT, RECORDED_AT, HASH, POSITION] = [37, 74, 94, 114, 182];
/** Length of what stands before the digits of a bytea: `\\x`. */
const HEX = 3;

function eventOfRow(row: string): AppendedEvent {
  let start = POSITION;
  const field = () => {
    const end = row.indexOf('\t', start);
    const value = row.slice(start, end);
    start = end + 1;
    return value;
  };
  const position = Number(field());
  const version = Number(field());
  const type = types.read(field());
  const actor = actors.read(field());
  const correlationId = copiedText(field());
  const causationId = copiedText(field());
  const canonicalData = copiedText(row.slice(start))!;
  return {
    position,
    eventId: row.slice(0, COMMAND_ID - 1),
    type,
    version,
    data: JSON.parse(canonicalData) as object,
    canonicalData,
    commandId: row.slice(COMMAND_ID, OCCURRED_AT - 1),
    occurredAt: storedTime(row.slice(OCCURRED_AT + HEX, RECORDED_AT - 1)),
    recordedAt: storedTime(row.slice(RECORDED_AT + HEX, HASH - 1)),
    actor,
    correlationId,
    causationId,
    hash: row.slice(HASH + HEX, POSITION - 1),
  };
}

/** Keeps one string for the same field of many rows, and copies it out of its row. */
class LastText {
  private field = '';
  private text = '';

  read(field: string): string {
    if (field !== this.field) {
      this.text = copiedText(field)!;
      this.field = field;
    }
    return this.text;
  }
}
const types = new LastText();
const actors = new LastText();

let lastDigits = '';
let lastIso = '';

/** Hex digits of PostgreSQL's microseconds as RFC 3339; events of one batch share theirs. */
function storedTime(digits: string): string {
  if (digits !== lastDigits) {
    const microseconds = BigInt.asIntN(64, BigInt(`0x${digits}`));
    // Down, also before 2000; in far years microseconds are more than a number holds exactly.
    const ms = Number((microseconds - (microseconds < 0n ? 999n : 0n)) / 1000n);
    lastIso = new Date(POSTGRES_EPOCH_MS + ms).toISOString();
    lastDigits = digits;
  }
  return lastIso;
}
