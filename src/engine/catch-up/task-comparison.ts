import type { PositionRange } from './amendment.events';
import type { LedgerEvent } from '../define/event';
import { EventTasks, type RequestedTask } from '../write/task-log';

/** Differences that a report shows. */
const MAX_SAMPLES = 10;

/** A task that differs. Without its subject and payload: reports are logged. */
export interface TaskDifference {
  readonly position: number;
  readonly ordinal: number;
  /** `missing`: recorded and no longer asked for; `extra`: asked for and not recorded. */
  readonly kind: 'missing' | 'extra';
  readonly name: string;
}

/** How the tasks that were asked for again compare with those of the log. */
export interface TaskReport {
  readonly matched: number;
  readonly missing: number;
  readonly extra: number;
  /** Tasks that differ because the event, or one before it, was amended since. */
  readonly amended: number;
  /** Tasks that were handed to anybody: none, ever. */
  readonly executed: 0;
  /** Position of the first event that differs. */
  readonly firstDifference: number | null;
  /** The first differences, a few. */
  readonly samples: readonly TaskDifference[];
}

/**
 * The gateway of catch-up, replay and verification: records nothing, and compares what each event
 * asks for with what it asked for when it happened.
 */
export class ComparedTasks extends EventTasks {
  private recorded: readonly RequestedTask[] = [];
  private next = 0;
  private matched = 0;
  private readonly counts = { missing: 0, extra: 0, amended: 0 };
  private firstDifference: number | null = null;
  private lastDifference = 0;
  private readonly samples: TaskDifference[] = [];

  /**
   * @param amended parts of the log in which differences are known: amendments caused them
   */
  constructor(
    names: ReadonlySet<string>,
    private readonly amended: readonly PositionRange[] = [],
  ) {
    super(names);
  }

  /**
   * Between which events tasks differ because one at a position was changed: what differs before
   * it has another cause. Differences that an amendment is known for are not among them.
   */
  differingFrom(position: number): PositionRange | null {
    this.passBefore(Infinity);
    const { firstDifference, lastDifference: to } = this;
    if (firstDifference === null || to < position) return null;
    return { from: Math.max(firstDifference, position), to };
  }

  /** Hands over the recorded tasks of the next events, in the order of the log. */
  expect(recorded: readonly RequestedTask[]): void {
    this.passBefore(Infinity);
    this.recorded = recorded;
    this.next = 0;
  }

  override begin(event: LedgerEvent): void {
    this.passBefore(event.position);
    super.begin(event);
  }

  protected take(asked: RequestedTask): void {
    const recorded = this.recorded[this.next];
    if (recorded?.position !== asked.position || recorded.ordinal !== asked.ordinal) {
      this.differ('extra', asked);
      return;
    }
    this.next++;
    if (isSame(recorded, asked)) this.matched++;
    else if (this.isAmended(asked.position)) this.counts.amended++;
    else {
      this.differ('missing', recorded);
      this.differ('extra', asked);
    }
  }

  /** To be called after the last event. */
  report(): TaskReport {
    this.passBefore(Infinity);
    const { matched, firstDifference, samples } = this;
    return { matched, ...this.counts, executed: 0, firstDifference, samples };
  }

  /** What was recorded before a position and is still not asked for is missing. */
  private passBefore(position: number): void {
    for (; this.next < this.recorded.length; this.next++) {
      const recorded = this.recorded[this.next]!;
      if (recorded.position >= position) return;
      this.differ('missing', recorded);
    }
  }

  private differ(kind: TaskDifference['kind'], task: RequestedTask): void {
    if (this.isAmended(task.position)) {
      this.counts.amended++;
      return;
    }
    this.counts[kind]++;
    this.firstDifference ??= task.position;
    this.lastDifference = task.position;
    const { position, ordinal, name } = task;
    if (this.samples.length < MAX_SAMPLES) {
      this.samples.push({ position, ordinal, kind, name });
    }
  }

  private isAmended(position: number): boolean {
    return this.amended.some(({ from, to }) => from <= position && position <= to);
  }
}

function isSame(a: RequestedTask, b: RequestedTask): boolean {
  return (
    a.name === b.name &&
    a.subject === b.subject &&
    a.payload === b.payload &&
    a.not_before === b.not_before
  );
}
