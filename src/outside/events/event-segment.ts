import type { EventDto } from './event.dto';
import type { Touched } from './event-subject.queries';

/**
 * Bytes of a segment, and so of what a listener has waiting: what is smaller the system takes at
 * once. One event may have more alone.
 */
export const SEGMENT_BYTES = 64 * 1024;

/** Which events a listener wants, so that it can be told of each alone. */
export interface StreamFilter {
  readonly types: ReadonlySet<string> | undefined;
  readonly actor: string | undefined;
  readonly correlationId: string | undefined;
  /** In the form that events have. */
  readonly recordedFrom: string | undefined;
  readonly recordedTo: string | undefined;
  /** Ids of accounts and transactions, all of which an event has to touch. */
  readonly touching: readonly string[];
}

/** What of an event is asked by filters, and its text on the wire. */
interface FramedEvent {
  readonly position: number;
  readonly type: string;
  readonly actor: string;
  readonly correlationId: string | null;
  readonly recordedAt: string;
  readonly frame: Buffer;
}

/**
 * All events behind one position until another that somebody may want, as they are sent. All who
 * get them share the bytes.
 */
export class Segment {
  private constructor(
    readonly after: number,
    readonly through: number,
    /** All frames, one after the other. */
    readonly bytes: Buffer,
    private readonly events: readonly FramedEvent[],
    private readonly touched: Touched | undefined,
  ) {}

  /**
   * Segments that follow each other, none without an event and with {@link SEGMENT_BYTES} at most.
   * @param touched what the events touched, where that was asked for
   */
  static of(events: readonly EventDto[], after: number, touched?: Touched): Segment[] {
    const segments: Segment[] = [];
    let [begin, size] = [0, 0];
    const texts = events.map(frameOf);
    const cut = (end: number) => {
      const from = begin === 0 ? after : events[begin - 1]!.position;
      const part = [events.slice(begin, end), texts.slice(begin, end)] as const;
      segments.push(Segment.whole(...part, from, touched));
      [begin, size] = [end, 0];
    };
    for (const [i, text] of texts.entries()) {
      const bytes = Buffer.byteLength(text);
      if (i > begin && size + bytes > SEGMENT_BYTES) cut(i);
      size += bytes;
    }
    if (events.length > begin) cut(events.length);
    return segments;
  }

  /** One segment, whatever it has; undefined where it has nothing. */
  static page(
    events: readonly EventDto[],
    after: number,
    touched: Touched | undefined,
  ): Segment | undefined {
    if (events.length === 0) return undefined;
    return Segment.whole(events, events.map(frameOf), after, touched);
  }

  private static whole(
    events: readonly EventDto[],
    texts: readonly string[],
    after: number,
    touched: Touched | undefined,
  ): Segment {
    const bytes = Buffer.from(texts.join(''));
    let begin = 0;
    const framed = events.map(({ position, type, actor, correlationId, recordedAt }, i) => {
      const end = begin + Buffer.byteLength(texts[i]!);
      const frame = bytes.subarray(begin, end);
      begin = end;
      return { position, type, actor, correlationId, recordedAt, frame };
    });
    return new Segment(after, events.at(-1)!.position, bytes, framed, touched);
  }

  /** Whether it is known which of its events such a listener wants. */
  knows({ touching }: StreamFilter): boolean {
    return touching.length === 0 || this.touched !== undefined;
  }

  /** What a listener gets of it that has everything until a position. */
  framesFor(filter: StreamFilter, position: number): readonly Buffer[] {
    if (position <= this.after && isAnything(filter)) return [this.bytes];
    return this.events
      .filter((event) => event.position > position && this.passes(event, filter))
      .map(({ frame }) => frame);
  }

  private passes(event: FramedEvent, filter: StreamFilter): boolean {
    const { types, actor, correlationId, recordedFrom, recordedTo, touching } = filter;
    if (types && !types.has(event.type)) return false;
    if (actor !== undefined && event.actor !== actor) return false;
    if (correlationId !== undefined && event.correlationId !== correlationId) return false;
    if (recordedFrom !== undefined && event.recordedAt < recordedFrom) return false;
    if (recordedTo !== undefined && event.recordedAt > recordedTo) return false;
    const ids = this.touched?.get(event.position);
    return touching.every((id) => ids?.has(id));
  }
}

function isAnything({ touching, ...others }: StreamFilter): boolean {
  return touching.length === 0 && Object.values(others).every((value) => value === undefined);
}

/** One line of data: JSON has no other line ends than `\n`, which it escapes. */
function frameOf(event: EventDto): string {
  return `id: ${event.position}\ndata: ${JSON.stringify(event)}\n\n`;
}
