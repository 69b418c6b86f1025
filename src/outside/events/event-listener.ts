import type { ServerResponse } from 'node:http';
import type { Segment, StreamFilter } from './event-segment';
import type { EventFilters } from './event.dto';

/** After a page that could not be read the next one is tried so much later. */
const TRY_AGAIN_MS = 1_000;
/** When listeners come back that were sent away, spread over as much again. */
const COME_BACK_MS = 1_000;

/** What a listener asks for, as the caller said it and as its events are looked at. */
export interface Wanted {
  readonly filters: EventFilters;
  readonly filter: StreamFilter;
  /** Equal for those who want the same events. */
  readonly key: string;
}

/** Where a listener has its events from. */
export interface EventSource {
  /** How far those came who have everything. */
  readonly position: number;
  /** What follows a position, of what is in memory. */
  segmentAt(position: number, filter: StreamFilter): Segment | undefined;
  /** What follows a position, of the log: one segment, and how far it reaches. */
  read(wanted: Wanted, position: number): Promise<Page>;
}

/** The events that somebody wants behind one position until another. */
export interface Page {
  readonly segment: Segment | undefined;
  readonly through: number;
}

/**
 * Somebody who is sent events, each once and in order. What it has not taken is one segment at
 * most: it gets the next one when it has taken that, and reads the log where the feed has gone on
 * meanwhile.
 */
export class EventListener {
  /** When it was sent something that it has not taken yet. */
  private waitsSince: number | undefined;
  private isReading = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly source: EventSource,
    private readonly wanted: Wanted,
    private position: number,
    private readonly answer: ServerResponse,
  ) {
    answer.on('drain', () => {
      this.waitsSince = undefined;
      this.advance();
    });
  }

  /** Whether it has to be known what events touched. */
  get wantsSubjects(): boolean {
    return this.wanted.filter.touching.length > 0;
  }

  /** Begins to send, and says when to come back where the connection is lost. */
  start(): void {
    this.write([`retry: ${comeBackMs()}\n\n`]);
    this.advance();
  }

  /** Sends what there is, as far as it is taken. */
  advance(): void {
    if (this.isReading || this.isOver) return;
    while (this.waitsSince === undefined) {
      const segment = this.source.segmentAt(this.position, this.wanted.filter);
      if (!segment) break;
      this.give(segment, segment.through);
    }
    if (this.waitsSince === undefined && this.position < this.source.position) this.catchUp();
  }

  /** Says that both are there; not to somebody who has not taken what came before. */
  beat(): void {
    if (this.waitsSince === undefined) this.write([': heartbeat\n\n']);
  }

  /** For how long it has taken nothing, in milliseconds. */
  get waitedMs(): number {
    return this.waitsSince === undefined ? 0 : performance.now() - this.waitsSince;
  }

  /** Ends it; whoever listens comes back after a while, and goes on where this ended. */
  sendAway(): void {
    this.stop();
    if (!this.isOver) this.answer.end(`retry: ${comeBackMs()}\n\n`);
  }

  /** Ends it at once. */
  cutOff(): void {
    this.stop();
    this.answer.destroy();
  }

  /** Nothing more is sent. */
  stop(): void {
    clearTimeout(this.timer);
  }

  private get isOver(): boolean {
    return this.answer.destroyed || this.answer.writableEnded;
  }

  private catchUp(): void {
    this.isReading = true;
    this.source.read(this.wanted, this.position).then(
      ({ segment, through }) => {
        if (this.isOver) return;
        // A state that was set back is on its way here again.
        if (through <= this.position) return this.tryAgain();
        this.isReading = false;
        if (segment) this.give(segment, through);
        else this.position = through;
        this.advance();
      },
      // It stays behind until the databases answer again.
      () => this.tryAgain(),
    );
  }

  private tryAgain(): void {
    this.timer = setTimeout(() => {
      this.isReading = false;
      this.advance();
    }, TRY_AGAIN_MS).unref();
  }

  private give(segment: Segment, through: number): void {
    this.write(segment.framesFor(this.wanted.filter, this.position));
    this.position = Math.max(this.position, through);
  }

  private write(parts: readonly (Buffer | string)[]): void {
    if (this.isOver) return;
    for (const part of parts) {
      if (!this.answer.write(part)) this.waitsSince ??= performance.now();
    }
  }
}

/** Not all at once. */
function comeBackMs(): number {
  return COME_BACK_MS + Math.round(Math.random() * COME_BACK_MS);
}
