import { LedgerUnavailable } from '../define/refusal';

/** There are more who wait than may, or one has waited for too long. */
export class TurnRefused extends LedgerUnavailable {}

/** What bounds those who want to do something. */
export interface TurnBounds {
  /** How many do it at once. */
  readonly atOnce: number;
  /** How many wait for that; one more is refused. */
  readonly queueLimit: number;
  /** How long one waits, in milliseconds. */
  readonly waitMs: number;
}

/** When turns may begin, besides that there is one. */
export interface Pace {
  /** For how long no turn begins, in milliseconds; asked again when one passes. */
  waitMs(): number;
  /** A turn is taken. */
  took(): void;
  /** A turn has passed. */
  passed(): void;
}

const AT_ONCE: Pace = { waitMs: () => 0, took: () => undefined, passed: () => undefined };

/** Lets some do something at once and others wait, in the order in which they came. */
export class Turns {
  private taken = 0;
  private readonly waiting = new Set<() => void>();
  private timer: NodeJS.Timeout | undefined;

  /** @param what names those who wait, in the plural */
  constructor(
    private readonly what: string,
    private readonly bounds: TurnBounds,
    private readonly pace: Pace = AT_ONCE,
  ) {}

  /**
   * Takes a turn. Whoever leaves meanwhile no longer waits.
   * @returns what passes the turn on, to be called once
   * @throws TurnRefused where too many wait or one waited for too long, the signal's reason
   *   where it was aborted
   */
  async begin(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.waiting.size === 0 && this.isFree()) this.begun();
    else await this.wait(signal);
    return () => {
      this.taken--;
      this.pace.passed();
      this.admit();
    };
  }

  /** Does some work in a turn. @throws what {@link begin} and `work` throw */
  async take<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const pass = await this.begin(signal);
    try {
      return await work();
    } finally {
      pass();
    }
  }

  private isFree(): boolean {
    if (this.taken >= this.bounds.atOnce) return false;
    const waitMs = this.pace.waitMs();
    if (waitMs === 0) return true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.admit(), Math.ceil(waitMs)).unref();
    return false;
  }

  private begun(): void {
    this.taken++;
    this.pace.took();
  }

  /** Gives turns to those who have waited longest. */
  private admit(): void {
    while (this.waiting.size > 0 && this.isFree()) {
      const [next] = this.waiting;
      next!();
    }
  }

  /** Waits until a turn is passed on. */
  private async wait(signal: AbortSignal | undefined): Promise<void> {
    const { queueLimit, waitMs } = this.bounds;
    if (this.waiting.size >= queueLimit) {
      throw new TurnRefused(`Too many ${this.what} are waiting`);
    }
    const late = () => new TurnRefused(`Too many ${this.what}: this one waited too long`);
    await new Promise<void>((resolve, reject) => {
      const end = () => {
        this.waiting.delete(begin);
        clearTimeout(timer);
        signal?.removeEventListener('abort', leave);
      };
      const begin = () => {
        end();
        this.begun();
        resolve();
      };
      const leave = () => {
        end();
        reject(signal!.reason as Error);
      };
      const timer = setTimeout(() => {
        end();
        reject(late());
      }, waitMs);
      signal?.addEventListener('abort', leave, { once: true });
      this.waiting.add(begin);
    });
  }
}
